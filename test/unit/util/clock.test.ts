import assert from 'node:assert/strict'
import fc from 'fast-check'
import { manualClock, systemClock } from '../../../src/util/clock.ts'

describe('clock', () => {
  it('starts at the wall clock and goes with it', () => {
    const clock = manualClock(1_000)
    assert.equal(clock.nowMs(), 1_000)
    clock.advance(250)
    assert.equal(clock.nowMs(), 1_250)
    assert.equal(clock.wallMs(), 1_250)
  })

  it('runs on by the monotonic clock when the wall clock is set back', () => {
    const clock = manualClock(10_000)
    clock.setWall(4_000)
    assert.equal(clock.wallMs(), 4_000)
    assert.equal(clock.nowMs(), 10_000)
    clock.advance(500)
    assert.equal(clock.nowMs(), 10_500)
  })

  it('follows the wall clock forward, as after a suspend', () => {
    const clock = manualClock(10_000)
    clock.setWall(3_610_000)
    assert.equal(clock.nowMs(), 3_610_000)
    clock.advance(1)
    assert.equal(clock.nowMs(), 3_610_001)
  })

  it('never goes back, whatever the wall clock does', () => {
    const moves = fc.array(
      fc.oneof(
        fc.record({ advance: fc.integer({ min: 0, max: 10_000 }) }),
        fc.record({ wall: fc.integer({ min: 0, max: 4_102_444_800_000 }) }),
      ),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(moves, (steps) => {
        const clock = manualClock(1_700_000_000_000)
        let last = clock.nowMs()
        for (const step of steps) {
          if ('advance' in step) clock.advance(step.advance)
          else clock.setWall(step.wall)
          const now = clock.nowMs()
          const least = 'advance' in step ? last + step.advance : last
          assert.ok(now >= least, `${now} < ${least}`)
          assert.ok(now >= clock.wallMs() || Math.abs(now - clock.wallMs()) < 1)
          last = now
        }
      }),
    )
  })

  it('gives whole milliseconds of the machine itself', () => {
    const clock = systemClock()
    const now = clock.nowMs()
    assert.ok(Number.isSafeInteger(now))
    assert.ok(Math.abs(now - Date.now()) < 1_000)
  })

  it('refuses to let time pass backwards', () => {
    assert.throws(() => manualClock(0).advance(-1), RangeError)
  })
})
