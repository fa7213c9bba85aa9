/** The one timer that wakes the core: set anew only when it wants to be woken at another time. */

/** Timers longer than this overflow in Node; waking early is harmless. */
const MAX_TIMER_MS = 3_600_000

export class WakeTimer {
  readonly #wake: () => void
  #timer: NodeJS.Timeout | undefined
  #atMs = Infinity

  constructor(wake: () => void) {
    this.#wake = wake
  }

  /** @param atMs when; undefined: not at all */
  set(atMs: number | undefined, nowMs: number): void {
    if (atMs === this.#atMs) return
    this.stop()
    if (atMs === undefined) return
    this.#atMs = atMs
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, atMs - nowMs))
    this.#timer = setTimeout(() => {
      this.#atMs = Infinity
      this.#wake()
    }, Math.ceil(waitMs))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#atMs = Infinity
  }
}
