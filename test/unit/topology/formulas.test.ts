import assert from 'node:assert/strict'
import { DEFAULT_TOPOLOGY } from '../../../src/topology/config.ts'
import { learnRtt, timeoutMs } from '../../../src/topology/rtt.ts'
import {
  forgiveOutage,
  learnLoss,
  missesNeeded,
  reportedLoss,
  settleLost,
  usual,
} from '../../../src/topology/silence.ts'
import { lossFactor, suspicionMs } from '../../../src/topology/suspicion.ts'
import type { Watch } from '../../../src/topology/types.ts'
import { Bench } from './fixtures.ts'

const watch = (): Watch => new Bench('me', ['ann']).state.watches.get('ann')!

describe('topology/suspicion', () => {
  it('has memberlist’s times', () => {
    // Its TestSuspicion_remainingSuspicionTime: min 2 s, max 30 s, k 3; there less what has elapsed.
    const times = [0, 1, 2, 3].map((confirmations) =>
      Math.floor(suspicionMs({ confirmations, expected: 3, minMs: 2_000, maxMs: 30_000 })),
    )
    assert.deepEqual(times, [30_000, 16_000, 7_810, 2_000])
    assert.equal(suspicionMs({ confirmations: 5, expected: 3, minMs: 2_000, maxMs: 30_000 }), 2_000)
  })

  it('is shortest at once where no confirmation can come', () => {
    assert.equal(suspicionMs({ confirmations: 0, expected: 0, minMs: 1_000, maxMs: 3_000 }), 1_000)
    assert.equal(suspicionMs({ confirmations: 0, expected: -1, minMs: 1_000, maxMs: 3_000 }), 1_000)
  })

  it('gives more time where much is lost', () => {
    assert.deepEqual([0, 0.02, 0.05].map(lossFactor), [1, 1, 1])
    assert.ok(Math.abs(lossFactor(0.4375) - 4.875) < 1e-9)
    assert.equal(lossFactor(1), lossFactor(0.6))
  })
})

describe('topology/rtt', () => {
  it('follows RFC 6298', () => {
    const one = watch()
    assert.equal(timeoutMs(one, DEFAULT_TOPOLOGY, 0), 500)
    learnRtt(one, 80)
    assert.deepEqual([one.rttMs, one.rttVarMs], [80, 40])
    learnRtt(one, 60)
    assert.deepEqual([one.rttMs, one.rttVarMs], [77.5, 35])
    assert.equal(timeoutMs(one, DEFAULT_TOPOLOGY, 0), 217.5)
  })

  it('keeps its bounds, and stretches with ill health', () => {
    const one = watch()
    learnRtt(one, 1)
    assert.equal(timeoutMs(one, DEFAULT_TOPOLOGY, 0), 100)
    assert.equal(timeoutMs(one, DEFAULT_TOPOLOGY, 3), 400)
    learnRtt(one, 60_000)
    assert.equal(timeoutMs(one, DEFAULT_TOPOLOGY, 0), 2_000)
  })
})

describe('topology/silence', () => {
  it('asks for as many misses as chance alone would not bring', () => {
    assert.deepEqual(
      [0, 0.02, 0.1, 0.25, 0.4375, 0.9, 1].map((loss) => missesNeeded(loss, 1e-6)),
      [4, 4, 6, 10, 17, 30, 30],
    )
  })

  it('learns a link’s loss', () => {
    const one = watch()
    for (let turn = 0; turn < 300; turn++) learnLoss(one, false)
    assert.ok(one.loss < 0.02)
    for (let turn = 0; turn < 300; turn++) learnLoss(one, turn % 4 === 0)
    assert.ok(Math.abs(one.loss - 0.25) < 0.05)
  })

  it('reports little of what it has not seen', () => {
    const one = watch()
    assert.ok(one.loss >= 0.25 && reportedLoss(one) < 0.1)
    for (let turn = 0; turn < 40; turn++) learnLoss(one, true)
    assert.equal(reportedLoss(one), one.loss)
  })

  it('takes the usual loss, whatever one of them says', () => {
    assert.equal(usual([]), 0)
    assert.equal(usual([1, 0.1]), 0.1)
    assert.equal(usual([0.1, 0.2, 1]), 0.2)
  })

  it('counts as lost only what was sent while the subject was heard', () => {
    const one = watch()
    const sent = (sentMs: number) => ({ nonce: sentMs, sentMs, dueMs: sentMs + 100, missed: true })
    one.outstanding.push(sent(1_000), sent(1_500), sent(9_000))
    one.heardMs = 1_200
    settleLost(one, 9_500)
    assert.deepEqual(
      one.outstanding.map(({ nonce }) => nonce),
      [1_500, 9_000],
    )
  })

  it('does not take an outage for the link’s loss', () => {
    const one = watch()
    one.outstanding.push(
      { nonce: 1, sentMs: 0, dueMs: 1, missed: true },
      { nonce: 2, sentMs: 5, dueMs: 9, missed: false },
    )
    one.misses = 3
    forgiveOutage(one, 1e-6)
    assert.equal(one.outstanding.length, 2)
    one.misses = 30
    forgiveOutage(one, 1e-6)
    assert.deepEqual(
      one.outstanding.map(({ nonce }) => nonce),
      [2],
    )
  })
})
