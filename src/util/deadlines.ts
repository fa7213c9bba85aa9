/**
 * The timers of the pure core, by name: a heap of deadlines that holds no clock.
 *
 * The core asks for the next deadline, whoever drives it wakes it then, and it takes what is due.
 */
import { TimerHeap, UNSET, type Timer } from './timer-heap.ts'

interface Named<Key> extends Timer {
  readonly key: Key
}

export class Deadlines<Key extends string> {
  #heap = new TimerHeap<Named<Key>>()
  #set = new Map<Key, Named<Key>>()

  /** How many keys have a deadline. */
  get size(): number {
    return this.#heap.size
  }

  /** When `key` is due, if it is set. */
  get(key: Key): number | undefined {
    return this.#set.get(key)?.atMs
  }

  /** Makes `key` due at `atMs`, in place of any earlier setting. */
  set(key: Key, atMs: number): void {
    let timer = this.#set.get(key)
    if (timer === undefined) this.#set.set(key, (timer = { ...UNSET, key }))
    this.#heap.set(timer, atMs)
  }

  /** Makes `key` due at `atMs` unless it is due earlier already. */
  setEarlier(key: Key, atMs: number): void {
    const current = this.get(key)
    if (current === undefined || atMs < current) this.set(key, atMs)
  }

  cancel(key: Key): void {
    const timer = this.#set.get(key)
    if (timer === undefined) return
    this.#set.delete(key)
    this.#heap.cancel(timer)
  }

  /** The earliest deadline, or undefined when nothing is set. */
  next(): number | undefined {
    return this.#heap.nextMs()
  }

  /** Takes one key that is due at `nowMs`, or undefined. */
  takeDue(nowMs: number): Key | undefined {
    const key = this.#heap.takeDue(nowMs)?.key
    if (key !== undefined) this.#set.delete(key)
    return key
  }
}
