/** What is missing for less than that is missing by rounding alone. */
const ROUNDING_MS = 1e-6

/** A rate that may be exceeded for a moment: `perSecond` tokens come in a second, at most `burst` are kept. */
export class TokenBucket {
  /** Kept as the time they took to come: whole milliseconds add up without rounding. */
  readonly #tokenMs: number
  readonly #burstMs: number
  #savedMs: number
  #atMs: number

  /** Full at first. @param nowMs of the same clock as later calls */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#tokenMs = 1000 / perSecond
    this.#burstMs = burst * this.#tokenMs
    this.#savedMs = this.#burstMs
    this.#atMs = nowMs
  }

  /** Takes a token; false when none is left. @param nowMs a clock that never jumps back */
  take(nowMs: number): boolean {
    if (this.isEmpty(nowMs)) return false
    this.#savedMs -= this.#tokenMs
    return true
  }

  /** Whether there is none to take. */
  isEmpty(nowMs: number): boolean {
    return this.waitMs(nowMs) > 0
  }

  /** How long until there is one to take; 0 when there is. */
  waitMs(nowMs: number): number {
    this.#savedMs = Math.min(this.#burstMs, this.#savedMs + nowMs - this.#atMs)
    this.#atMs = nowMs
    const missingMs = this.#tokenMs - this.#savedMs
    return missingMs < ROUNDING_MS ? 0 : missingMs
  }
}
