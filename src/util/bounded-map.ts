/**
 * A map that cannot outgrow its cap.
 *
 * It keeps the order in which keys were first set. When full, a new key either pushes out the oldest
 * one or is refused, as its owner chose; both are counted, so that a cap that bites can be seen.
 */

/** What happens to a new key when the map is full. */
export type WhenFull = 'evict-oldest' | 'refuse'

export class BoundedMap<Key, Value> {
  readonly cap: number
  readonly whenFull: WhenFull
  #entries = new Map<Key, Value>()
  #evictions = 0
  #refusals = 0

  /** @throws RangeError unless `cap` is a positive integer. */
  constructor(cap: number, whenFull: WhenFull) {
    if (!Number.isSafeInteger(cap) || cap < 1) throw new RangeError(`cap ${cap}: expected a positive integer`)
    this.cap = cap
    this.whenFull = whenFull
  }

  get size(): number {
    return this.#entries.size
  }

  /** Entries pushed out since the map was made. */
  get evictions(): number {
    return this.#evictions
  }

  /** New keys turned away since the map was made. */
  get refusals(): number {
    return this.#refusals
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /**
   * Sets `key`; one that is there already keeps its place in the order.
   * @returns false when the map is full and refuses new keys
   */
  set(key: Key, value: Value): boolean {
    if (!this.#entries.has(key) && this.#entries.size >= this.cap) {
      if (this.whenFull === 'refuse') {
        this.#refusals++
        return false
      }
      this.#entries.delete(this.#entries.keys().next().value as Key)
      this.#evictions++
    }
    this.#entries.set(key, value)
    return true
  }

  /** Reads `key` and makes it the youngest: with `evict-oldest` this gives least-recently-used order. */
  touch(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined && !this.#entries.has(key)) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value as Value)
    return value
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  keys(): MapIterator<Key> {
    return this.#entries.keys()
  }

  values(): MapIterator<Value> {
    return this.#entries.values()
  }

  /** Oldest first. */
  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#entries[Symbol.iterator]()
  }
}
