import assert from 'node:assert/strict'
import { livingIn } from '../../../src/mesh/wards/held.ts'
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import { holds, nameOf } from '../../../src/mesh/wards/ward.ts'
import { NAMELESS_ZONE } from '../../../src/model/ward.ts'
import { verdictOf } from '../../../src/topology/state.ts'
import { hashOf } from '../../../src/topology/watchers.ts'
import { begin } from './begin.ts'
import { boot, fall, someoneUp } from './churn.ts'
import { measureGrowth } from './growth.ts'
import { daemonsOf, isSettled, missed, until } from './until.ts'
import { World } from './world.ts'

/** A mesh of a hundred is a large one here, so that all of it can be simulated in full. */
const SMALL: WardConfig = {
  ...{ wholeMost: 60, wholeLeast: 40, most: 24, least: 12, zoneFrom: 20, zoneUntil: 10 },
  ...{ settleMs: 10_000, reviewMs: 1_000, digestMs: 2_000 },
}

/** Everybody knows all living members of its ward, as alive, and nobody else. */
function assertKnown(world: World): void {
  const members = daemonsOf(world).map(({ member }) => member.id)
  for (const { state, member } of daemonsOf(world)) {
    const { at } = state.wards
    const own = members.filter((id) => holds(at, { zone: NAMELESS_ZONE, hash: hashOf(id) }))
    const held = [...state.registry.authors.keys()].toSorted()
    assert.deepEqual(held, own.toSorted(), `who is known to ${member.id} in ${nameOf(at)}`)
    for (const id of own) assert.equal(verdictOf(state.topology, id), 'alive')
  }
}

describe('a mesh that is cut into wards', function () {
  this.timeout(120_000)

  it('is cut while it grows: nobody is held offline for it, and all are found afterwards', () => {
    const result = measureGrowth({ from: 56, to: 72, seed: 1, wards: SMALL })
    const { missed: wrong, examples, lacking, strangers, seekers, found } = result
    assert.deepEqual({ wrong, examples, lacking, strangers }, { wrong: 0, examples: [], lacking: 0, strangers: 0 })
    assert.deepEqual([seekers, found], [50, 50])
    assert.ok(Object.keys(result.wards).length >= 2, JSON.stringify(result))
  })

  it('holds its ward and no more, finds its newcomers, and is one again when it is small', () => {
    const world = new World({ seed: 5, size: 100, full: 100, spare: 1, wards: SMALL })
    begin(world)
    until(world, 400, 'all in wards', () => {
      assert.deepEqual(missed(world), [], 'nobody is held offline for going its way')
      return isSettled(world, true)
    })
    assertKnown(world)
    const wards = new Set(daemonsOf(world).map(({ state }) => nameOf(state.wards.at)))
    assert.ok(wards.size >= 4, [...wards].join(' '))
    for (const { state } of daemonsOf(world)) {
      assert.ok(livingIn(state, state.wards.at).length < SMALL.most)
      assert.ok(state.wards.digests.size >= wards.size, 'digests of all wards')
    }

    boot(world, 100, someoneUp(world))
    const newcomer = world.daemons.get(100)!.state
    until(world, 30, 'the newcomer in a ward', () => newcomer.wards.at !== undefined)
    until(world, 60, 'the newcomer known', () => isSettled(world, true))
    until(world, 60, 'the newcomer ready', () => newcomer.phase === 'ready' && newcomer.registry.records.size > 20)
    world.time.runUntil(world.time.nowMs + 30_000)
    assertKnown(world)

    const gone = [3, 50, 77]
    for (const index of gone) fall(world, index)
    const lost = new Set(gone.map((index) => world.members[index]!.id))
    const verdicts = (isLost: boolean) =>
      daemonsOf(world).flatMap(({ state }) =>
        [...state.topology.members.values()].filter(({ id }) => lost.has(id) === isLost).map(({ verdict }) => verdict),
      )
    until(world, 15, 'the dead found by their wards', () => verdicts(true).every((verdict) => verdict === 'offline'))
    assert.ok(verdicts(true).length > 30, 'many had known them')
    assert.ok(verdicts(false).every((verdict) => verdict === 'alive'))

    for (let index = 30; index <= 100; index++) if (!gone.includes(index)) fall(world, index)
    until(world, 600, 'one mesh again', () => isSettled(world, false))
    until(world, 120, 'all known again', () =>
      daemonsOf(world).every(({ state }) =>
        daemonsOf(world).every(
          ({ member }) => member.id === state.self || verdictOf(state.topology, member.id) === 'alive',
        ),
      ),
    )
  })
})
