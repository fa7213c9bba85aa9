/**
 * A min-heap of timers that holds no clock and allocates nothing.
 *
 * Each timer knows its own place in the heap, so it is set again or cancelled where it stands, in O(log n), and whoever
 * sets one timer all the time makes no garbage.
 */

/** One timer: made once by whoever owns what it is for, then set and cancelled as often as is wanted. */
export interface Timer {
  /** When it is due; means nothing while it is not set. */
  atMs: number
  /** Counts settings of all timers: those due at one moment are taken in the order they were set. */
  order: number
  /** Where in the heap it is; -1 while it is not set. */
  place: number
}

/** What a timer that is not set begins with. */
export const UNSET: Readonly<Timer> = { atMs: 0, order: 0, place: -1 }

/** Whether it will become due. */
export function isSet({ place }: Timer): boolean {
  return place >= 0
}

export class TimerHeap<One extends Timer> {
  #heap: One[] = []
  #settings = 0

  /** How many timers are set. */
  get size(): number {
    return this.#heap.length
  }

  /** Makes `timer` due at `atMs`, in place of any earlier setting. A timer belongs to one heap for ever. */
  set(timer: One, atMs: number): void {
    const heap = this.#heap
    timer.order = ++this.#settings
    if (timer.place === -1) {
      timer.atMs = atMs
      heap.push(timer)
      this.#up(heap.length - 1, timer)
      return
    }
    const isLater = atMs >= timer.atMs
    timer.atMs = atMs
    if (isLater) this.#down(timer.place, timer)
    else this.#up(timer.place, timer)
  }

  /** Makes `timer` due at `atMs` unless it is due earlier already. */
  setEarlier(timer: One, atMs: number): void {
    if (timer.place === -1 || atMs < timer.atMs) this.set(timer, atMs)
  }

  cancel(timer: One): void {
    const heap = this.#heap
    const { place } = timer
    if (place === -1) return
    timer.place = -1
    const last = heap.pop()!
    if (last === timer) return
    if (isBefore(last, timer)) this.#up(place, last)
    else this.#down(place, last)
  }

  /** The earliest deadline, or undefined when nothing is set. */
  nextMs(): number | undefined {
    return this.#heap.length === 0 ? undefined : this.#heap[0]!.atMs
  }

  /** Takes one timer that is due at `nowMs`, or undefined. */
  takeDue(nowMs: number): One | undefined {
    const heap = this.#heap
    if (heap.length === 0 || heap[0]!.atMs > nowMs) return undefined
    const top = heap[0]!
    this.cancel(top)
    return top
  }

  /** Puts `timer` at the free place `from`, or above it. */
  #up(from: number, timer: One): void {
    const heap = this.#heap
    let place = from
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]!
      if (!isBefore(timer, parent)) break
      heap[place] = parent
      parent.place = place
      place = (place - 1) >> 1
    }
    heap[place] = timer
    timer.place = place
  }

  /** Puts `timer` at the free place `from`, or below it. */
  #down(from: number, timer: One): void {
    const heap = this.#heap
    const { length } = heap
    let place = from
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      if (child + 1 < length && isBefore(heap[child + 1]!, heap[child]!)) child++
      const least = heap[child]!
      if (!isBefore(least, timer)) break
      heap[place] = least
      least.place = place
      place = child
    }
    heap[place] = timer
    timer.place = place
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order
}
