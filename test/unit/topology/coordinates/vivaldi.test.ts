import assert from 'node:assert/strict'
import { Coordinate, DIMENSIONS, MAX_COORDINATE_MICROS } from '../../../../src/model/coordinate.ts'
import { distanceMs, ORIGIN, push, WORST_ERROR, type Point } from '../../../../src/topology/coordinates/point.ts'
import { coordinateOf, pointOf } from '../../../../src/topology/coordinates/told.ts'
import {
  createPlacement,
  measuredOf,
  observe,
  reconsider,
  rttOf,
  type Placement,
} from '../../../../src/topology/coordinates/vivaldi.ts'
import { seededRng } from '../../../../src/util/rng.ts'

const rng = seededRng(1)

/** A point on the first axis. */
function at(x: number, more: Partial<Point> = {}): Point {
  return { ...ORIGIN, at: [x, ...Array.from({ length: DIMENSIONS - 1 }, () => 0)], error: 0.1, ...more }
}

function measured(placement: Placement, id: string, ...rtts: number[]): void {
  for (const rttMs of rtts) observe(placement, { id, rttMs, nowMs: 0 }, undefined, rng)
}

describe('topology/coordinates/point', () => {
  it('reckons a distance by place, height and adjustment', () => {
    const [a, b] = [at(10, { heightMs: 2 }), at(40, { heightMs: 3 })]
    assert.equal(distanceMs(a, b), 35)
    assert.equal(distanceMs(a, { ...b, adjustmentMs: -5 }), 30)
    assert.equal(distanceMs(a, { ...b, adjustmentMs: -500 }), 35, 'no distance is negative')
  })

  it('pushes away along the line, and the height takes its share', () => {
    const pushed = push(at(10, { heightMs: 1 }), 5, at(0, { heightMs: 1 }), rng)
    assert.equal(pushed.at[0], 15)
    assert.equal(pushed.heightMs, 2)
    assert.equal(push(at(10, { heightMs: 1 }), -9, at(0, { heightMs: 5 }), rng).heightMs, 0.01, 'never below the least')
  })

  it('pushes two that lie upon each other apart in some direction', () => {
    const pushed = push(ORIGIN, 8, ORIGIN, rng)
    assert.ok(Math.abs(Math.hypot(...pushed.at) - 8) < 1e-9, pushed.at.join(' '))
  })
})

describe('topology/coordinates/vivaldi', () => {
  it('takes the lower quartile of the last eight round trips', () => {
    const placement = createPlacement()
    const rttMs = () => rttOf(measuredOf(placement, 'ann', 0)!)
    measured(placement, 'ann', 900, 20, 21)
    assert.equal(rttMs(), 20)
    measured(placement, 'ann', 22, 23)
    assert.equal(rttMs(), 21)
    measured(placement, 'ann', 800, 800, 800, 800)
    assert.equal(rttMs(), 21, 'seconds of slowness change nothing')
    measured(placement, 'ann', 800, 800, 800, 800)
    assert.equal(rttMs(), 800, 'a way that has become longer does')
  })

  it('forgets what was measured long ago', () => {
    const placement = createPlacement()
    measured(placement, 'ann', 20)
    assert.equal(rttOf(measuredOf(placement, 'ann', 14 * 60_000)!), 20)
    assert.equal(measuredOf(placement, 'ann', 15 * 60_000), undefined)
    reconsider(placement, 'ann', at(100), 15 * 60_000, rng)
    assert.equal(placement.moves, 0)
  })

  it('refuses what is no round trip', () => {
    const placement = createPlacement()
    measured(placement, 'ann', Number.NaN, -1, Infinity, 10_001)
    assert.equal(placement.measured.size, 0)
  })

  it('a newcomer moves with each sample, until it knows where it is', () => {
    const placement = createPlacement()
    const places = [at(-30), at(70), at(20, { at: [20, 40, 0, 0] })]
    for (let round = 0; round < 60; round++) {
      places.forEach((place, i) => observe(placement, { id: `n${i}`, rttMs: [30, 70, 44.7][i]!, nowMs: 0 }, place, rng))
    }
    const { point, moves } = placement
    assert.ok(moves > 3 && moves < 180, `${moves} moves`)
    assert.ok(point.error < 0.5, `error ${point.error}`)
    assert.ok(Math.abs(distanceMs(point, places[0]!) - 30) < 10, `${distanceMs(point, places[0]!)}`)
  })

  it('one that has settled moves once for each place that is told', () => {
    const placement = createPlacement()
    placement.point = at(0)
    for (let i = 0; i < 10; i++) observe(placement, { id: 'ann', rttMs: 50, nowMs: 0 }, at(40), rng)
    assert.equal(placement.moves, 0)
    reconsider(placement, 'ann', at(40), 0, rng)
    assert.equal(placement.moves, 1)
    // Half as sure as both together, a quarter of the misfit: away by 10 / 8.
    assert.ok(Math.abs(placement.point.at[0]! + 1.25) < 0.01, `${placement.point.at[0]}`)
    reconsider(placement, 'bob', at(40), 0, rng)
    assert.equal(placement.moves, 1, 'bob was not measured')
  })

  it('a small share of misfit moves it by less than its length', () => {
    const [near, far] = [createPlacement(), createPlacement()]
    for (const [placement, rttMs] of [
      [near, 2],
      [far, 101],
    ] as const) {
      placement.point = at(0)
      measured(placement, 'ann', rttMs)
      reconsider(placement, 'ann', at(rttMs - 1), 0, rng)
    }
    const moved = [near, far].map(({ point }) => -point.at[0]!)
    assert.ok(moved[0]! > 5 * moved[1]! && moved[1]! > 0, moved.join(' '))
  })

  it('does not believe places farther off than twice the longest way', () => {
    const placement = createPlacement()
    placement.point = at(0)
    measured(placement, 'bob', 5)
    reconsider(placement, 'bob', at(110), 0, rng)
    assert.deepEqual([placement.moves, placement.point], [0, at(0)])
    reconsider(placement, 'bob', at(90), 0, rng)
    assert.equal(placement.moves, 1, 'on a LAN up to 100 ms are believed')
    measured(placement, 'ann', 80)
    reconsider(placement, 'bob', at(150), 0, rng)
    assert.equal(placement.moves, 2)
  })

  it('keeps a bounded number of members', () => {
    const placement = createPlacement()
    const ids = [...Array.from({ length: 512 }, (_, i) => `n${i}`), 'n0', 'one more']
    ids.forEach((id, nowMs) => observe(placement, { id, rttMs: 10, nowMs }, undefined, rng))
    assert.equal(placement.measured.size, 512)
    assert.ok(placement.measured.has('n0') && !placement.measured.has('n1'), 'the one measured longest ago goes')
  })
})

describe('topology/coordinates/told', () => {
  it('tells whole microseconds and thousandths, and reads them again', () => {
    const placement = createPlacement()
    placement.point = { ...at(12.3456), heightMs: 0.25, adjustmentMs: -0.0001, error: 0.3333 }
    const told = coordinateOf(placement)!
    assert.deepEqual(told, { at: [12_346, 0, 0, 0], height: 250, adjustment: 0, error: 333 })
    assert.ok(!Object.is(told.adjustment, -0))
    assert.deepEqual(Coordinate.parse(told), told)
    assert.deepEqual(pointOf(told), { ...at(12.346), heightMs: 0.25, adjustmentMs: 0, error: 0.333 })
  })

  it('tells nothing that others would refuse, and believes nobody to be certain', () => {
    const placement = createPlacement()
    assert.deepEqual(coordinateOf(placement), { at: [0, 0, 0, 0], height: 10, adjustment: 0, error: 1_500 })
    placement.point = at(MAX_COORDINATE_MICROS)
    assert.equal(coordinateOf(placement), undefined)
    assert.ok(pointOf({ at: [0, 0, 0, 0], height: 0, adjustment: 0, error: 0 }).error > 0)
    assert.equal(pointOf({ at: [0, 0, 0, 0], height: 0, adjustment: 0, error: 1_500 }).error, WORST_ERROR)
  })

  it('what is out of bounds does not fit', () => {
    const good = { at: [0, 0, 0, 0], height: 10, adjustment: 0, error: 1_500 }
    for (const bad of [
      { ...good, at: [0, 0, 0] },
      { ...good, at: [0, 0, 0, Number.NaN] },
      { ...good, at: [0, 0, 0, 10_000_001] },
      { ...good, at: [0, 0, 0, 0.5] },
      { ...good, height: -1 },
      { ...good, error: 1_501 },
      { ...good, mass: 1 },
    ])
      assert.ok(!Coordinate.safeParse(bad).success, JSON.stringify(bad))
  })
})
