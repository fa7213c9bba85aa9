/**
 * The timers of the pure core: a min-heap of deadlines that holds no clock.
 *
 * The core asks for the next deadline, whoever drives it wakes it then, and it takes what is due.
 * Setting a key again replaces its deadline; what was replaced or cancelled stays in the heap until
 * it surfaces and is dropped there by its token, so both are O(log n).
 */
interface Slot<Key> {
  readonly atMs: number
  readonly key: Key
  readonly token: number
}

export class Deadlines<Key extends string> {
  #heap: Slot<Key>[] = []
  #live = new Map<Key, { token: number; atMs: number }>()
  #lastToken = 0
  /** The top of the heap is known to be live: asked for it is far more often than it changes. */
  #isTopLive = false

  /** How many keys have a deadline. */
  get size(): number {
    return this.#live.size
  }

  /** When `key` is due, if it is set. */
  get(key: Key): number | undefined {
    return this.#live.get(key)?.atMs
  }

  /** Makes `key` due at `atMs`, in place of any earlier setting. */
  set(key: Key, atMs: number): void {
    const slot = { atMs, key, token: ++this.#lastToken }
    this.#live.set(key, { token: slot.token, atMs })
    this.#isTopLive = false
    this.#heap.push(slot)
    this.#up(this.#heap.length - 1)
    // Replaced slots must not outgrow the live ones: a caller that re-sets one key for ever stays bounded.
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#live.size) this.#compact()
  }

  /** Makes `key` due at `atMs` unless it is due earlier already. */
  setEarlier(key: Key, atMs: number): void {
    const current = this.get(key)
    if (current === undefined || atMs < current) this.set(key, atMs)
  }

  cancel(key: Key): void {
    if (this.#live.delete(key)) this.#isTopLive = false
  }

  /** The earliest deadline, or undefined when nothing is set. */
  next(): number | undefined {
    this.#dropStale()
    return this.#heap[0]?.atMs
  }

  /** Takes one key that is due at `nowMs`, or undefined. */
  takeDue(nowMs: number): Key | undefined {
    this.#dropStale()
    const top = this.#heap[0]
    if (top === undefined || top.atMs > nowMs) return undefined
    this.#pop()
    this.#live.delete(top.key)
    this.#isTopLive = false
    return top.key
  }

  #isLive(slot: Slot<Key>): boolean {
    return this.#live.get(slot.key)?.token === slot.token
  }

  #dropStale(): void {
    if (this.#isTopLive) return
    while (this.#heap.length > 0 && !this.#isLive(this.#heap[0]!)) this.#pop()
    this.#isTopLive = true
  }

  #compact(): void {
    const live = this.#heap.filter((slot) => this.#isLive(slot))
    this.#heap = []
    for (const slot of live) {
      this.#heap.push(slot)
      this.#up(this.#heap.length - 1)
    }
  }

  #pop(): void {
    const last = this.#heap.pop()!
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#down(0)
  }

  // Ties fall in the order they were set, so that a run is the same on every machine.
  #before(a: Slot<Key>, b: Slot<Key>): boolean {
    return a.atMs !== b.atMs ? a.atMs < b.atMs : a.token < b.token
  }

  #up(index: number): void {
    const heap = this.#heap
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(heap[index]!, heap[parent]!)) return
      ;[heap[index], heap[parent]] = [heap[parent]!, heap[index]!]
      index = parent
    }
  }

  #down(index: number): void {
    const heap = this.#heap
    for (;;) {
      let least = index
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && this.#before(heap[child]!, heap[least]!)) least = child
      }
      if (least === index) return
      ;[heap[index], heap[least]] = [heap[least]!, heap[index]!]
      index = least
    }
  }
}
