/** Waiting for something in a mesh that is simulated in full, and what is looked at meanwhile. */
import assert from 'node:assert/strict'
import type { Daemon } from './daemon.ts'
import type { World } from './world.ts'

/** Lets the time go on until something is so. */
export function until(world: World, seconds: number, what: string, isSo: () => boolean): void {
  const endMs = world.time.nowMs + seconds * 1_000
  while (!isSo()) {
    assert.ok(world.time.nowMs < endMs, `${seconds} s went by without: ${what}`)
    world.time.runUntil(world.time.nowMs + 500)
  }
}

/** Those that run. */
export function daemonsOf(world: World): Daemon[] {
  return [...world.daemons.values()]
}

/** Whether all are where they should be, in wards or in the whole mesh, and hold nobody else. */
export function isSettled(world: World, inWards: boolean): boolean {
  return daemonsOf(world).every(
    ({ state }) =>
      state.wards.move === undefined && (state.wards.at !== undefined) === inWards && state.registry.apart.size === 0,
  )
}

/** Who holds one that is there to be anything but alive, in words. */
export function missed(world: World): string[] {
  return daemonsOf(world).flatMap(({ index, state }) =>
    [...state.topology.members.values()]
      .filter(({ id, verdict }) => verdict !== 'alive' && world.overlay.isUp(world.indexOf(id)))
      .map(({ id, verdict }) => `${index} holds ${world.indexOf(id)} ${verdict}`),
  )
}
