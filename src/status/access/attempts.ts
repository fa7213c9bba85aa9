/**
 * Failed attempts to be let in, by address: how many there may be, and for how long somebody waits who had too many.
 */
import { sourceOf } from '../../util/cidr.ts'
import { TokenBuckets } from '../../util/token-buckets.ts'

/** Failures that are taken at once. */
export const BURST = 10
/** Another one is taken every so many milliseconds. */
export const REFILL_MS = 6_000
/** Addresses that are remembered; the one that was silent for longest is forgotten first. */
const MOST_ADDRESSES = 4_096

export class Attempts {
  readonly #buckets = new TokenBuckets({ perSecond: 1000 / REFILL_MS, burst: BURST }, MOST_ADDRESSES)
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
    return Math.ceil(this.#buckets.waitMs(sourceOf(address), this.#nowMs()))
  }

  /** Notes a failure. @returns whether it is one that was taken, and not one too many */
  failed(address: string): boolean {
    return this.#buckets.take(sourceOf(address), this.#nowMs())
  }
}
