/** A mesh as it is when it has stood for long: everybody known to all, everything said at times of its own. */
import { beatIntervalMs, beatTtlMs, passportTtlMs, renewalMs } from '../../../src/mesh/pace.ts'
import { rankingOf } from '../../../src/topology/watchers.ts'
import { DEFAULT_TOPOLOGY } from '../../../src/topology/config.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { probeFrom } from './carrier.ts'
import type { Daemon } from './daemon.ts'
import type { World } from './world.ts'

/** Changes of the roster are gathered for 20 ms before daemons dial those they watch; a dial takes 40 at most. */
const SETTLE_MS = 200
/** gossip's meshes are looked after so often before anything is counted. */
const GOSSIP_ROUNDS = 20

/** Brings it about. Virtual time goes on a little. */
export function begin(world: World): void {
  const { size, full, overlay, rng } = world
  for (let index = 0; index < size; index++) overlay.rise(index)
  const said = Array.from({ length: size - full }, (_, i) => pastRecords(world, full + i))
  const daemons = Array.from({ length: full }, (_, index) => world.makeDaemon(index))
  for (const daemon of daemons) {
    for (const { record, ageMs } of said.flat()) daemon.take(record, ageMs)
    daemon.input({ type: 'start', epoch: daemon.member.epoch, alone: true })
  }
  const own = world.takeHeld()
  for (const daemon of daemons) for (const record of own) if (record.author !== daemon.member.id) daemon.take(record, 0)
  for (let index = full; index < size; index++) {
    linkToWatchers(world, index)
    live(world, index)
  }
  world.time.runUntil(world.time.nowMs + SETTLE_MS)
  for (const daemon of daemons) beWatched(world, daemon)
  for (const index of shuffled(world)) overlay.fill(index)
  for (const topic of ['records', 'pulse'] as const) {
    const there = new Set<number>()
    for (const index of shuffled(world)) {
      world.gossip.meshOf(topic).join(index, (other) => there.has(other))
      there.add(index)
    }
  }
  for (let round = 0; round < GOSSIP_ROUNDS; round++) world.gossip.second(world.time.nowMs)
  for (const { state } of daemons) {
    const intervalMs = beatIntervalMs(world.config, size)
    state.deadlines.set('beat', world.time.nowMs + Math.round(intervalMs * rng.next()))
    state.deadlines.set(
      'renew-passports',
      world.time.nowMs + Math.round(renewalMs(world.config, size, rng) * rng.next()),
    )
  }
  for (const daemon of daemons) daemon.rearm()
}

function shuffled({ size, rng }: World): number[] {
  return rng.shuffle(Array.from({ length: size }, (_, index) => index))
}

/** The newest passport and heartbeat of a member, as old as they happen to be. */
function pastRecords(world: World, index: number): { record: VerifiedRecord; ageMs: number }[] {
  const { config, size, rng } = world
  const member = world.members[index]!
  const { nowMs } = world.time
  const [ttlMs, intervalMs] = [passportTtlMs(config, size), beatIntervalMs(config, size)]
  const passportAgeMs = Math.round(renewalMs(config, size, rng) * rng.next())
  const beatAgeMs = Math.round(intervalMs * rng.next())
  member.startedAtMs = nowMs - passportAgeMs
  const passport = member.sealPassport(ttlMs, nowMs - passportAgeMs)
  const beat = member.sealHeartbeat('ready', intervalMs, beatTtlMs(config, intervalMs), nowMs - beatAgeMs)
  world.note(passport)
  world.note(beat)
  return [
    { record: passport, ageMs: passportAgeMs },
    { record: beat, ageMs: beatAgeMs },
  ]
}

/** A member that is not simulated in full is watched by others like it, ranked by chance, and linked to them. */
export function linkToWatchers({ size, full, overlay, rng }: World, index: number): void {
  for (let i = 0; i < DEFAULT_TOPOLOGY.watchers; i++) overlay.link(full + rng.int(size - full), index)
}

/** It beats and renews its passport from now on, as long as this life of it lasts. */
export function live(world: World, index: number): void {
  const { config, rng, overlay } = world
  const member = world.members[index]!
  const { epoch } = member
  const every = (pauseMs: () => number, firstMs: number, act: () => void): void => {
    world.soon(firstMs, () => {
      if (!overlay.isUp(index) || member.epoch !== epoch) return
      act()
      every(pauseMs, pauseMs(), act)
    })
  }
  const intervalMs = () => beatIntervalMs(config, world.size)
  const pauseMs = () => intervalMs() * (0.9 + rng.next() / 10)
  every(pauseMs, intervalMs() * rng.next(), () => sayBeat(world, index))
  const renewMs = () => renewalMs(config, world.size, rng)
  every(renewMs, renewMs() * rng.next(), () => sayPassport(world, index))
}

/** It publishes a heartbeat. */
export function sayBeat(world: World, index: number, state: 'ready' | 'offline' = 'ready'): void {
  const intervalMs = beatIntervalMs(world.config, world.size)
  const ttlMs = beatTtlMs(world.config, intervalMs)
  world.spread(index, world.members[index]!.sealHeartbeat(state, intervalMs, ttlMs, world.time.nowMs))
}

/** It publishes its passport. */
export function sayPassport(world: World, index: number): void {
  world.spread(index, world.members[index]!.sealPassport(passportTtlMs(world.config, world.size), world.time.nowMs))
}

/** Those of its watchers that are not simulated in full are linked to it, and probe it. */
function beWatched(world: World, daemon: Daemon): void {
  for (const watcher of watchersOf(world, daemon.member.id)) {
    if (world.daemons.has(watcher)) continue
    world.overlay.link(watcher, daemon.index)
    const next = (): void => {
      world.soon(DEFAULT_TOPOLOGY.probeMs * (0.9 + 0.2 * world.rng.next()), () => {
        if (world.overlay.isUp(watcher) && world.overlay.isUp(daemon.index)) probeFrom(world, watcher, daemon.index)
        next()
      })
    }
    next()
  }
}

/** Who watches a member, as any full daemon other than itself knows. */
export function watchersOf(world: World, id: string): number[] {
  for (const { member, state } of world.daemons.values()) {
    if (member.id !== id) return (rankingOf(state.topology, id)?.watchers ?? []).map((one) => world.indexOf(one))
  }
  return []
}
