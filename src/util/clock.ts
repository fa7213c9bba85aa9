/**
 * The daemon's clock. The core never reads it: the driver loop does, and hands the time in.
 */

/** Where the time comes from. All values are Unix milliseconds. */
export interface Clock {
  /**
   * The time every deadline, lease and record is reckoned in. It never goes back within a process:
   * when somebody sets the wall clock back it runs on by the monotonic clock, and when the wall
   * clock has leapt ahead (the machine slept, the time was corrected) it leaps along.
   */
  nowMs(): number
  /** The wall clock as it is now, for people to read. It may go back. */
  wallMs(): number
}

/** The two clocks of an operating system, in milliseconds. */
export interface TimeSources {
  wallMs(): number
  /** Counts from any origin, never goes back; on Linux it stands still while the machine sleeps. */
  monotonicMs(): number
}

const SYSTEM_SOURCES: TimeSources = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** The machine's clock. `sources` is for tests. Whole milliseconds, since records carry integers. */
export function systemClock(sources: TimeSources = SYSTEM_SOURCES): Clock {
  // What must be added to the monotonic clock to get the time. It only ever grows: that is what
  // keeps `nowMs` from going back while letting it follow the wall clock forward.
  let offsetMs = sources.wallMs() - sources.monotonicMs()
  return {
    nowMs() {
      const monotonicMs = sources.monotonicMs()
      offsetMs = Math.max(offsetMs, sources.wallMs() - monotonicMs)
      return Math.floor(monotonicMs + offsetMs)
    },
    wallMs: () => sources.wallMs(),
  }
}

/** A clock that moves only when it is told to. */
export interface ManualClock extends Clock {
  /** Lets `ms` pass; both readings move. @throws RangeError when `ms` is negative. */
  advance(ms: number): void
  /** Sets the wall clock, back or forward; `nowMs` follows only forward. */
  setWall(ms: number): void
}

/** A clock for tests and the simulator, starting at `startMs` (Unix milliseconds). */
export function manualClock(startMs: number): ManualClock {
  let monotonicMs = 0
  let wallMs = startMs
  const clock = systemClock({ wallMs: () => wallMs, monotonicMs: () => monotonicMs })
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => wallMs,
    advance(ms) {
      if (ms < 0) throw new RangeError(`time cannot pass backwards (${ms} ms)`)
      monotonicMs += ms
      wallMs += ms
    },
    setWall(ms) {
      wallMs = ms
    },
  }
}
