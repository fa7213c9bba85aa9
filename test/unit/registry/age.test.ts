import assert from 'node:assert/strict'
import { find, merge, node, statedAgeMs, type RegistryState } from '../../../src/registry/registry.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { heartbeat, passport, registryOf, signerOf, T0 } from './fixtures.ts'

const ANN = signerOf('ann').id
const HOUR_MS = 3_600_000
const BEAT_MS = 10_000

/** Takes a record as `node/inbound.ts` hands it in, with both clocks at `nowMs`. */
const take = (state: RegistryState, record: VerifiedRecord, nowMs: number, ageMs = 0) =>
  merge(state, record, ageMs, nowMs, statedAgeMs(record.hlc, nowMs))
/** Ann's heartbeat number `seq`, sent when her clock said `hlc`. */
const beat = (seq: number, hlc: number) => heartbeat('ann', { seq, hlc })
const shown = (state: RegistryState, nowMs: number) => node(state, ANN, nowMs)?.state

describe('registry/age', () => {
  it('counts what a clock may be off by as nothing, and only what lies beyond', () => {
    assert.deepEqual(
      [T0 + 30_000, T0, T0 - 30_000, T0 - 30_001].map((hlc) => statedAgeMs(hlc, T0)),
      [0, 0, 0, 1],
    )
  })

  it('a heartbeat of a dead node, played again to a newcomer, does not make it look alive', () => {
    const state = registryOf('me')
    assert.equal(take(state, beat(7, T0 - 50_000), T0).outcome, 'new', 'it says a little of when it lived')
    assert.deepEqual(
      [T0 + 9_999, T0 + 10_000].map((nowMs) => shown(state, nowMs)),
      ['ready', 'offline'],
      'its lease began 20 s ago',
    )
    const late = registryOf('me')
    for (const nowMs of [T0, T0 + 1_000, T0 + 20_000]) {
      assert.equal(take(late, beat(7, T0 - HOUR_MS), nowMs).outcome, 'stale', 'again and again')
      assert.equal(shown(late, nowMs), undefined)
    }
  })

  it('nor does a passport of it', () => {
    const state = registryOf('me')
    const record = passport('ann', 'writer', { capabilities: ['write'], hlc: T0 - 70_000 })
    assert.equal(take(state, record, T0).outcome, 'new')
    assert.equal(shown(state, T0), 'offline')
    assert.equal(find(state, 'write', T0).ok, false)
    // It lives as long as it was meant to, all the same: an hour.
    assert.equal(state.records.size, 1)
    assert.equal([...state.records.values()][0]!.expiresMs, T0 + HOUR_MS)
  })

  it('a live node whose clock runs behind by less is not harmed at all', () => {
    const state = registryOf('me')
    for (let n = 1; n <= 5; n++) take(state, beat(n, T0 + n * BEAT_MS - 29_000), T0 + n * BEAT_MS)
    assert.equal(shown(state, T0 + 50_000 + 29_999), 'ready')
  })

  it('a live node whose clock is an hour slow is alive from its second heartbeat on', () => {
    const state = registryOf('me')
    take(state, beat(1, T0 - HOUR_MS), T0)
    assert.equal(shown(state, T0), undefined)
    for (let n = 2; n < 400; n++) {
      // It drifts further behind, by 100 ppm, and its heartbeats are up to two seconds late.
      const nowMs = T0 + n * BEAT_MS + (n % 3) * 1_000
      take(state, beat(n, T0 - HOUR_MS + Math.round(n * BEAT_MS * 0.9999)), nowMs)
      assert.equal(shown(state, nowMs), 'ready', `heartbeat ${n}`)
      assert.equal(shown(state, nowMs + 27_000), 'ready', `27 s after heartbeat ${n}`)
    }
  })

  it('a slow clock that is set right costs its node nothing', () => {
    const state = registryOf('me')
    take(state, beat(1, T0 - HOUR_MS), T0)
    take(state, beat(2, T0 - HOUR_MS + BEAT_MS), T0 + BEAT_MS)
    for (const [n, behindMs] of [
      [2, HOUR_MS / 2],
      [3, 70_000],
    ] as const) {
      take(state, beat(n + 1, T0 + n * BEAT_MS - behindMs), T0 + n * BEAT_MS)
      assert.equal(shown(state, T0 + n * BEAT_MS), 'ready', 'partly right: what was known of it stands')
    }
    take(state, beat(5, T0 + 4 * BEAT_MS), T0 + 4 * BEAT_MS)
    assert.equal(shown(state, T0 + 4 * BEAT_MS + 29_999), 'ready')
  })

  it('a recording of a dead node that is played at once brings it no life', () => {
    const state = registryOf('me')
    for (let n = 0; n < 100; n++) take(state, beat(n + 1, T0 - HOUR_MS + n * BEAT_MS), T0 + n)
    assert.equal(shown(state, T0 + 100), undefined)
  })

  it('a recording that is played too slowly goes out again', () => {
    const state = registryOf('me')
    take(state, beat(1, T0 - HOUR_MS), T0)
    take(state, beat(2, T0 - HOUR_MS + BEAT_MS), T0 + 60_000)
    assert.equal(shown(state, T0 + 60_000), 'offline', 'it came 50 s later than it should have')
  })

  it('believes whoever passed a record on where that says more than the clock in it', () => {
    const state = registryOf('me')
    take(state, beat(1, T0 - 29_000), T0, 29_000)
    assert.deepEqual([shown(state, T0 + 999), shown(state, T0 + 1_000)], ['ready', 'offline'])
    const slow = registryOf('me')
    take(slow, beat(1, T0 - HOUR_MS), T0, 2_000)
    take(slow, beat(2, T0 - HOUR_MS + BEAT_MS), T0 + BEAT_MS + 10_000, 12_000)
    assert.deepEqual(
      [T0 + BEAT_MS + 27_999, T0 + BEAT_MS + 28_000].map((nowMs) => shown(slow, nowMs)),
      ['ready', 'offline'],
      'the second was sent 10 s after the first, 12 s before it came',
    )
  })
})
