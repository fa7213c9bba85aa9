/**
 * Preloaded into a daemon by NODE_OPTIONS, to give its process a wall clock that is wrong by SKEWED_CLOCK_MS, as a
 * machine whose clock nobody keeps has one. The monotonic clock goes on as it is, as it does there.
 */
'use strict'
const skewMs = Number(process.env.SKEWED_CLOCK_MS ?? 0)
const real = Date
const now = () => real.now() + skewMs
globalThis.Date = class extends real {
  constructor(...parts) {
    if (parts.length === 0) super(now())
    else super(...parts)
  }
  static now() {
    return now()
  }
}
