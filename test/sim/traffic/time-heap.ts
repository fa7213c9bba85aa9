/** Numbers in the order of their times: a binary heap without objects, for the millions of copies that gossip makes. */
export class TimeHeap {
  #times = new Float64Array(1024)
  #items = new Int32Array(1024)
  #length = 0

  push(atMs: number, item: number): void {
    if (this.#length === this.#times.length) this.#grow()
    let index = this.#length++
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#times[parent]! <= atMs) break
      this.#move(parent, index)
      index = parent
    }
    this.#times[index] = atMs
    this.#items[index] = item
  }

  /** The item whose time comes first; undefined when there is none. */
  pop(): number | undefined {
    if (this.#length === 0) return undefined
    const item = this.#items[0]!
    const last = --this.#length
    const [atMs, moved] = [this.#times[last]!, this.#items[last]!]
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= last) break
      if (child + 1 < last && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= atMs) break
      this.#move(child, index)
      index = child
    }
    this.#times[index] = atMs
    this.#items[index] = moved
    return item
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!
    this.#items[to] = this.#items[from]!
  }

  #grow(): void {
    const [times, items] = [this.#times, this.#items]
    this.#times = new Float64Array(2 * times.length)
    this.#times.set(times)
    this.#items = new Int32Array(2 * items.length)
    this.#items.set(items)
  }
}
