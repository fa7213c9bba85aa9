/**
 * Virtual time: things that will happen, and the clock that jumps from one moment to the next.
 * Things due at the same moment happen in the order they were planned, so a seed replays exactly.
 *
 * Moments are whole milliseconds, and many things happen in each: so there is a list for each moment, and a heap of
 * moments. It is the heap that costs time, and it changes once a moment instead of twice a thing.
 */
interface Moment {
  readonly atMs: number
  readonly runs: (() => void)[]
  /** How many of them have run. */
  done: number
}

export class Timeline {
  /** Whole milliseconds. */
  nowMs: number
  #heap: Moment[] = []
  #moments = new Map<number, Moment>()

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  /** Plans `run` for `delayMs` from now; a negative delay means now. */
  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run)
  }

  /** Plans `run` for a moment; one that has passed means now. */
  at(atMs: number, run: () => void): void {
    const wholeMs = Math.max(this.nowMs, Math.ceil(atMs))
    const moment = this.#moments.get(wholeMs)
    if (moment !== undefined) moment.runs.push(run)
    else this.#push({ atMs: wholeMs, runs: [run], done: 0 })
  }

  /** Lets everything happen that is due by `untilMs`; time stands there afterwards. */
  runUntil(untilMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.nowMs = next.atMs
      const { runs } = next
      // What happens may plan more for this very moment.
      while (next.done < runs.length) runs[next.done++]!()
      runs.length = 0
      this.#pop()
    }
    this.nowMs = untilMs
  }

  #push(moment: Moment): void {
    this.#moments.set(moment.atMs, moment)
    const heap = this.#heap
    let index = heap.length
    heap.push(moment)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (moment.atMs >= heap[parent]!.atMs) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = moment
  }

  /** Drops the first moment: all of it has happened. */
  #pop(): void {
    const heap = this.#heap
    this.#moments.delete(heap[0]!.atMs)
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++
      if (heap[child]!.atMs >= last.atMs) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}
