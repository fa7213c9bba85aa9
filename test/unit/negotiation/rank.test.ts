import assert from 'node:assert/strict'
import { DEFAULT_WEIGHTS, rank, type RankFacts } from '../../../src/negotiation/rank.ts'

const ROOM = { cpuMilli: 1_000, memoryBytes: 1_000 }
const facts = (more: Partial<RankFacts> = {}): RankFacts => ({
  ...{ capacity: ROOM, freeAfter: ROOM, cpuRatio: 0, running: 0, warm: false, distanceMs: undefined, local: false },
  ...more,
})
const near = (distanceMs: number | undefined) => rank(facts({ distanceMs }), DEFAULT_WEIGHTS).terms.distance

describe('negotiation/rank', () => {
  it('prefers who is near, and takes what is not known for neither', () => {
    assert.deepEqual([0, 50, 150].map(near), [1, 0.5, 0.25])
    assert.equal(near(undefined), 0.5)
    assert.equal(near(-5), 1)
    const scores = [1, 80, 220].map((distanceMs) => rank(facts({ distanceMs }), DEFAULT_WEIGHTS).score)
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    )
  })

  it('counts terms by their weights', () => {
    const only = { fit: 0, load: 0, crowd: 0, warm: 0, distance: 0, local: 0, fitMode: 'spread' } as const
    assert.equal(rank(facts({ distanceMs: 150 }), { ...only, distance: 3 }).score, 0.25)
    assert.equal(rank(facts({ distanceMs: 150 }), { ...only, load: 1, distance: 1 }).score, 0.625)
    assert.equal(rank(facts(), only).score, 0)
  })

  it('keeps a task at home among equals, and no longer once home is busier', () => {
    const scoreOf = (more: Partial<RankFacts>) => rank(facts({ cpuRatio: 0.3, ...more }), DEFAULT_WEIGHTS).score
    const there = scoreOf({ distanceMs: 0.3 })
    assert.ok(scoreOf({ distanceMs: 0, local: true, cpuRatio: 0.38 }) > there)
    assert.ok(scoreOf({ distanceMs: 0, local: true, cpuRatio: 0.42 }) < there)
    assert.ok(scoreOf({ distanceMs: 0, local: true, running: 1 }) < there)
  })

  it('lets the load of a node outweigh an ocean', () => {
    const busy = rank(
      facts({ distanceMs: 0, cpuRatio: 1, freeAfter: { cpuMilli: 0, memoryBytes: 0 } }),
      DEFAULT_WEIGHTS,
    )
    const far = rank(facts({ distanceMs: 220 }), DEFAULT_WEIGHTS)
    assert.ok(far.score > busy.score)
  })
})
