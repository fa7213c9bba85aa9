import { BoundedMap } from './bounded-map.ts'
import { TokenBucket } from './token-bucket.ts'

/** So many a second, and so many at once. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/**
 * A rate for each of many: peers, authors, hosts. Beyond so many of them the one longest unused is forgotten, and
 * begins anew with all that may come at once; whoever goes on and on is not.
 */
export class TokenBuckets {
  readonly #rate: Rate
  readonly #buckets: BoundedMap<string, TokenBucket>

  constructor(rate: Rate, keys: number) {
    this.#rate = rate
    this.#buckets = new BoundedMap(keys, 'evict-oldest')
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /** Takes one; false when there is none left for this key. @param nowMs a clock that never jumps back */
  take(key: string, nowMs: number): boolean {
    let bucket = this.#buckets.touch(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate.perSecond, this.#rate.burst, nowMs)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(nowMs)
  }

  /** Whether there is none to take for this key. */
  isEmpty(key: string, nowMs: number): boolean {
    return this.#buckets.touch(key)?.isEmpty(nowMs) ?? false
  }

  /** How long until there is one to take for this key; 0 when there is. To ask does not count as use. */
  waitMs(key: string, nowMs: number): number {
    return this.#buckets.get(key)?.waitMs(nowMs) ?? 0
  }
}
