/** A rate that may be exceeded for a moment: `perSecond` tokens come in a second, at most `burst` are kept. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs: number

  /** Full at first. @param nowMs of the same clock as later calls */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#atMs = nowMs
  }

  /** Takes a token; false when none is left. @param nowMs a clock that never jumps back */
  take(nowMs: number): boolean {
    if (this.isEmpty(nowMs)) return false
    this.#tokens -= 1
    return true
  }

  /** Whether there is none to take. */
  isEmpty(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) * this.#perSecond) / 1000)
    this.#atMs = nowMs
    return this.#tokens < 1
  }
}
