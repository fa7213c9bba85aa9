import assert from 'node:assert/strict'
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import { nameOf } from '../../../src/mesh/wards/ward.ts'
import { begin } from './begin.ts'
import { boot, fall, someoneUp } from './churn.ts'
import type { Daemon } from './daemon.ts'
import { daemonsOf, isSettled, missed, until } from './until.ts'
import { World } from './world.ts'

/** Leases are short in wards so small, and a change takes longer than they last. */
const SMALL: WardConfig = {
  ...{ wholeMost: 60, wholeLeast: 40, most: 60, least: 12, zoneFrom: 20, zoneUntil: 10 },
  ...{ settleMs: 60_000, reviewMs: 1_000, digestMs: 2_000 },
}

/** The members of a daemon's ward, as it is and as the daemon knows it; of the dead neither says anything. */
const ownOf = (world: World, { state: { wards } }: Daemon): string[] =>
  daemonsOf(world)
    .filter(({ state }) => nameOf(state.wards.at) === nameOf(wards.at))
    .map(({ member }) => member.id)
    .toSorted()
const knownTo = (world: World, { state: { self, topology } }: Daemon): string[] =>
  [...topology.members.keys(), self].filter((id) => world.overlay.isUp(world.indexOf(id))).toSorted()

describe('a zone that gets wards of its own, and loses them', function () {
  this.timeout(120_000)

  it('is parted from those who stay where they are, and is one with them again, with nobody held offline', () => {
    const inCellar = (index: number) => index >= 64
    const zoneOf = (index: number) => (inCellar(index) ? 'cellar' : index < 32 ? 'attic' : undefined)
    const world = new World({ seed: 4, size: 80, full: 80, spare: 8, wards: SMALL, zoneOf })
    begin(world)
    const wards = () => [...new Set(daemonsOf(world).map(({ state }) => nameOf(state.wards.at)))].toSorted()
    const untilIn = (...names: string[]): void => {
      until(world, 600, names.join(' '), () => {
        assert.deepEqual(missed(world), [], `on the way to ${names.join(' ')}`)
        return isSettled(world, true) && wards().join() === names.join()
      })
      until(world, 30, 'all of each ward known there, and nobody else', () => {
        assert.deepEqual(missed(world), [], `in ${names.join(' ')}`)
        return daemonsOf(world).every((daemon) => knownTo(world, daemon).join() === ownOf(world, daemon).join())
      })
    }
    untilIn('_/', 'attic/')
    for (let index = 80; index < 88; index++) boot(world, index, someoneUp(world))
    untilIn('_/', 'attic/', 'cellar/')
    for (let index = 73; index < 88; index++) fall(world, index)
    untilIn('_/', 'attic/')
  })
})
