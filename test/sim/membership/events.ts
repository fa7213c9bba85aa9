/** What is still to happen, in virtual time: a binary heap, ties in the order in which they were planned. */

/** One thing that will happen. */
export interface Event {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class Events {
  nowMs = 0
  #heap: Event[] = []
  #planned = 0

  /** Plans `run` for `atMs`; what is past is done next. */
  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.nowMs), order: this.#planned++, run }
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
  }

  /** Plans `run` for so much later. */
  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Lets everything happen up to and including `untilMs`. */
  runUntil(untilMs: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= untilMs) {
      const event = this.#take()
      this.nowMs = event.atMs
      event.run()
    }
    this.nowMs = untilMs
  }

  #take(): Event {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    const { length } = heap
    if (length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return top
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order
}
