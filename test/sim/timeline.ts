/**
 * Virtual time: a heap of things that will happen, and the clock that jumps from one to the next.
 * Things due at the same moment happen in the order they were planned, so a seed replays exactly.
 */
interface Planned {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class Timeline {
  /** Whole milliseconds. */
  nowMs: number
  #heap: Planned[] = []
  #order = 0

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  /** Plans `run` for `delayMs` from now; a negative delay means now. */
  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Plans `run` for a moment; one that has passed means now. */
  at(atMs: number, run: () => void): void {
    this.#push({ atMs: Math.max(this.nowMs, Math.ceil(atMs)), order: this.#order++, run })
  }

  /** Lets everything happen that is due by `untilMs`; time stands there afterwards. */
  runUntil(untilMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop()
      this.nowMs = next.atMs
      next.run()
    }
    this.nowMs = untilMs
  }

  #before(a: Planned, b: Planned): boolean {
    return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order
  }

  #push(item: Planned): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(item, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = item
  }

  #pop(): void {
    const heap = this.#heap
    const item = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, item)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = item
  }
}
