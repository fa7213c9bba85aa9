/**
 * Failed attempts to be let in, by address: how many there may be, and for how long somebody waits who had too many.
 */
import { BoundedMap } from '../../util/bounded-map.ts'
import { sourceOf } from '../../util/cidr.ts'

/** Failures that are taken at once. */
export const BURST = 10
/** Another one is taken every so many milliseconds. */
export const REFILL_MS = 6_000
/** Addresses that are remembered; the one that was silent for longest is forgotten first. */
const MOST_ADDRESSES = 4_096

interface Bucket {
  left: number
  atMs: number
}

export class Attempts {
  readonly #buckets = new BoundedMap<string, Bucket>(MOST_ADDRESSES, 'evict-oldest')
  readonly #nowMs: () => number

  /** @param nowMs a clock that never goes back */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** How long an address must wait before it is heard again; 0 when it need not. */
  waitMs(address: string): number {
    const bucket = this.#buckets.get(sourceOf(address))
    if (bucket === undefined) return 0
    this.#refill(bucket)
    return bucket.left >= 1 ? 0 : Math.ceil((1 - bucket.left) * REFILL_MS)
  }

  /** Notes a failure. @returns whether it is one that was taken, and not one too many */
  failed(address: string): boolean {
    const key = sourceOf(address)
    const bucket = this.#buckets.touch(key) ?? { left: BURST, atMs: this.#nowMs() }
    this.#buckets.set(key, bucket)
    this.#refill(bucket)
    if (bucket.left < 1) return false
    bucket.left -= 1
    return true
  }

  #refill(bucket: Bucket): void {
    const nowMs = this.#nowMs()
    bucket.left = Math.min(BURST, bucket.left + (nowMs - bucket.atMs) / REFILL_MS)
    bucket.atMs = nowMs
  }
}
