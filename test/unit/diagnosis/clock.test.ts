import assert from 'node:assert/strict'
import { bestOffset, CLOCK_TOLERANCE_MS, judgeClock, judgeOwnClock, offsetOf } from '../../../src/diagnosis/clock.ts'
import { MAX_AHEAD_MS } from '../../../src/wire/limits.ts'

const offset = (offsetMs: number) => ({ offsetMs, withinMs: 2, delayMs: 2 })

describe('diagnosis: clocks', () => {
  it('offset and delay are those of RFC 5905, section 8', () => {
    // Their clock is 500 ahead; 30 there, 10 back, 5 of thinking.
    const exchange = { askedMs: 1_000, receivedMs: 1_530, answeredMs: 1_535, heardMs: 1_045 }
    assert.deepEqual(offsetOf(exchange), { offsetMs: 510, withinMs: 21, delayMs: 40 })
  })

  it('the truth lies within what is said, however the delay is split between there and back', () => {
    for (const aheadMs of [-90_000, -3, 0, 7, 90_000]) {
      for (const [thereMs, backMs] of [
        [0, 0],
        [100, 0],
        [0, 100],
        [40, 60],
      ] as const) {
        const receivedMs = 5_000 + thereMs + aheadMs
        const found = offsetOf({
          askedMs: 5_000,
          receivedMs,
          answeredMs: receivedMs + 3,
          heardMs: 5_003 + thereMs + backMs,
        })
        assert.ok(
          Math.abs(found.offsetMs - aheadMs) <= found.withinMs,
          JSON.stringify({ aheadMs, thereMs, backMs, found }),
        )
      }
    }
  })

  it('of several exchanges the quickest counts', () => {
    const slow = { askedMs: 0, receivedMs: 300, answeredMs: 300, heardMs: 300 }
    const quick = { askedMs: 0, receivedMs: 12, answeredMs: 12, heardMs: 4 }
    assert.equal(bestOffset([slow, quick, slow])?.offsetMs, 10)
    assert.equal(bestOffset([]), undefined)
  })

  it('warns at a third of what the mesh tolerates, and breaks beyond it, either way', () => {
    assert.equal(CLOCK_TOLERANCE_MS, MAX_AHEAD_MS)
    const outcomeOf = (offsetMs: number) => judgeClock('barn', offset(offsetMs)).outcome
    assert.deepEqual([0, 9_999, 10_001, 30_000, 30_001].map(outcomeOf), ['ok', 'ok', 'warning', 'warning', 'broken'])
    assert.deepEqual([-9_999, -10_001, -30_001].map(outcomeOf), ['ok', 'warning', 'broken'])
    assert.equal(judgeClock('barn', undefined).outcome, 'skipped')
  })

  it('says whose records are refused where', () => {
    assert.match(judgeClock('barn', offset(90_000)).cause!, /those of barn come from the future and are refused here/)
    assert.match(judgeClock('barn', offset(-90_000)).cause!, /those of this node .* are refused there/)
    assert.match(judgeClock('barn', offset(-90_000)).found, /barn is 90\.0 s behind this one/)
  })

  it('calls this clock wrong when most neighbours agree against it, and theirs when one stands alone', () => {
    const clocks = (...offsets: number[]) => offsets.map((ms, at) => ({ name: `n${at}`, offset: offset(ms) }))
    const ours = judgeOwnClock(clocks(45_000, 45_010, 2))
    assert.deepEqual([ours.outcome, /this clock is 45\.0 s behind/.test(ours.found)], ['broken', true])
    const theirs = judgeOwnClock(clocks(0, -45_000, 3))
    assert.deepEqual([theirs.outcome, /clock of n1 is 45\.0 s behind/.test(theirs.found)], ['broken', true])
    assert.match(judgeOwnClock(clocks(45_000)).found, /clock of n0/, 'one alone proves nothing of ours')
    assert.equal(judgeOwnClock(clocks(1, -2, 3)).outcome, 'ok')
    assert.equal(judgeOwnClock([]).outcome, 'skipped')
  })
})
