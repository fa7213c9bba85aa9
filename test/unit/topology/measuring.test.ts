import assert from 'node:assert/strict'
import { distanceBetween, distanceTo } from '../../../src/topology/coordinates/distance.ts'
import { ORIGIN, type Point } from '../../../src/topology/coordinates/point.ts'
import type { TopologyEffect } from '../../../src/topology/types.ts'
import { Bench, EPOCH, of } from './fixtures.ts'

const IDS = Array.from({ length: 30 }, (_, i) => `n${i}`)

function place(x: number, error = 0.1): Point {
  return { ...ORIGIN, at: [x, 0, 0, 0], error }
}

/** Everybody answers; a round trip takes 7.5 ms. */
function answer(effect: TopologyEffect) {
  if (effect.type !== 'ping') return undefined
  return { type: 'pong', from: effect.to, nonce: effect.nonce, rttMs: 7.5 } as const
}

describe('topology/measuring', () => {
  it('measures its subjects by its probes, and linked others by a few of their own', () => {
    const bench = new Bench('me', IDS)
    const { state } = bench
    const others = IDS.filter((id) => !state.watches.has(id)).slice(0, 4)
    for (const id of [...others, ...state.watches.keys()]) bench.give({ type: 'link-up', id })
    const probes = of(bench.pass(60_000, answer), 'ping').filter(({ to }) => others.includes(to))
    const counts = others.map((id) => probes.filter(({ to }) => to === id).length)
    assert.ok(Math.min(...counts) >= 3 && Math.max(...counts) <= 5, `${counts.join(' ')} probes`)
    const measured = [...state.placement.measured].map(([id]) => id).toSorted()
    assert.deepEqual(measured, [...state.watches.keys(), ...others].toSorted())
    assert.deepEqual(distanceTo(state, others[0]!, bench.nowMs), { rttMs: 7.5, source: 'measured' })
    // From then on about one every half minute, whoever was measured longest ago.
    const later = of(bench.pass(600_000, answer), 'ping').filter(({ to }) => others.includes(to))
    assert.ok(later.length >= 15 && later.length <= 28, `${later.length} in ten minutes`)
    assert.deepEqual(new Set(later.slice(0, 4).map(({ to }) => to)), new Set(others))
  })

  it('probes nobody for it while there are no links, but to its subjects', () => {
    const bench = new Bench('me', IDS)
    for (const id of bench.state.watches.keys()) bench.give({ type: 'link-up', id })
    bench.pass(20_000)
    assert.equal(bench.state.measuring, undefined)
    const probed = of(bench.pass(20_000, answer), 'ping').map(({ to }) => to)
    assert.deepEqual(new Set(probed), new Set(bench.state.watches.keys()))
  })

  it('takes only answers it waits for, and none that came late', () => {
    const bench = new Bench('me', ['ann'])
    const [ping] = of(bench.pass(1_000), 'ping')
    bench.give({ type: 'pong', from: 'ann', nonce: ping!.nonce + 1_000, rttMs: 5 })
    bench.give({ type: 'pong', from: 'bob', nonce: ping!.nonce, rttMs: 5 })
    bench.pass(3_000)
    bench.give({ type: 'pong', from: 'ann', nonce: ping!.nonce, rttMs: 3_000 })
    assert.equal(bench.state.placement.measured.size, 0)
  })

  it('places itself by what members tell, and then knows distances it never measured', () => {
    const bench = new Bench('me', ['ann', 'bob', 'eve'])
    const { state } = bench
    const member = (id: string, x: number, error?: number) =>
      ({ type: 'member', id, pair: { epoch: EPOCH, incarnation: 0 }, host: id, point: place(x, error) }) as const
    assert.equal(distanceTo(state, 'ann', bench.nowMs), undefined)
    assert.deepEqual(distanceTo(state, 'me', bench.nowMs), { rttMs: 0, source: 'measured' })
    state.watches.delete('eve')
    const near = (effect: TopologyEffect) =>
      effect.type === 'ping' && effect.to !== 'eve' ? answer(effect) : undefined
    for (let beat = 0; beat < 30; beat++) {
      bench.give(member('ann', -7))
      bench.give(member('bob', 7))
      bench.give(member('eve', 100))
      bench.pass(10_000, near)
    }
    const far = distanceTo(state, 'eve', bench.nowMs)
    assert.equal(far?.source, 'estimated')
    assert.ok(far.rttMs > 80 && far.rttMs < 120 && far.error! < 1, JSON.stringify(far))
    assert.equal(Math.round(distanceBetween(state, 'ann', 'eve', bench.nowMs)!.rttMs), 107)
    assert.deepEqual(distanceBetween(state, 'ann', 'me', bench.nowMs), { rttMs: 7.5, source: 'measured' })
    bench.give(member('eve', 100, 1.2))
    assert.equal(distanceTo(state, 'eve', bench.nowMs), undefined, 'eve does not know where it is')
  })
})
