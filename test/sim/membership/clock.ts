/**
 * The clocks of a simulated machine: one that only goes on, a little too fast or too slow, and one that people and NTP
 * set. What a daemon makes of the two is the daemon's own (`util/clock.ts`).
 */
import { systemClock, type Clock } from '../../../src/util/clock.ts'

export class MachineClock {
  readonly #world: { readonly nowMs: number }
  #rate = 1
  /** Since when it goes at that rate, by the world's time and its own. */
  #since = { worldMs: 0, ownMs: 0 }
  /** How far the wall clock is ahead of the one that only goes on. */
  #aheadMs = 0
  #clock: Clock

  constructor(world: { readonly nowMs: number }) {
    this.#world = world
    this.#clock = this.#read()
  }

  /** The time that a daemon goes by which runs here. */
  nowMs(): number {
    return this.#clock.nowMs()
  }

  /** How long it takes until so much has passed by this clock. */
  lastsMs(ownMs: number): number {
    return ownMs / this.#rate
  }

  /** A daemon starts: it knows nothing of what the clocks were before. */
  restart(): void {
    this.#clock = this.#read()
  }

  /** From now on it goes at this rate: 1 is as it should be. */
  drift(rate: number): void {
    this.#since = { worldMs: this.#world.nowMs, ownMs: this.#monotonicMs() }
    this.#rate = rate
  }

  /** Its wall clock is set, so far ahead of the true time. */
  set(aheadMs: number): void {
    this.#aheadMs = this.#world.nowMs + aheadMs - this.#monotonicMs()
    // A daemon reads it all the time.
    this.nowMs()
  }

  #monotonicMs(): number {
    return this.#since.ownMs + (this.#world.nowMs - this.#since.worldMs) * this.#rate
  }

  #read(): Clock {
    return systemClock({
      monotonicMs: () => this.#monotonicMs(),
      wallMs: () => this.#monotonicMs() + this.#aheadMs,
    })
  }
}
