/**
 * How often this node speaks to everybody, so that what each member receives stays the same however many they are.
 *
 * A heartbeat and a passport reach every member, some of them more than once. Were each said at a fixed interval, a
 * member would receive in proportion to the size of the mesh. So beyond a certain size the interval grows with the
 * mesh, and the mesh as a whole says the same number of things a second. Whoever judges the age of a heartbeat goes by
 * the interval that it names. Liveness does not wait for heartbeats (`topology/`), so a large mesh stays quick.
 */
import { MAX_HEARTBEAT_INTERVAL_MS } from '../model/heartbeat.ts'
import { DEAD_INTERVALS } from '../registry/registry.ts'
import { countRoster } from '../topology/state.ts'
import type { Rng } from '../util/rng.ts'
import { MAX_TTL_MS } from '../wire/limits.ts'
import type { MeshConfig, MeshState } from './types.ts'

/** Up to so many members beat as often as configured: at 10 s that is four heartbeats a second in the whole mesh. */
export const MEMBERS_AT_FULL_BEAT = 40
/** Up to so many renew their passports as often as configured: at an hour's lifetime one every ten seconds. */
export const MEMBERS_AT_FULL_RENEWAL = 120

/** A passport is renewed so many times before it would expire. */
const RENEWALS_PER_TTL = 3
/** Of an interval: how long after a beat the next may come early, because the node's state has changed. */
const EARLY_BEAT_SHARE = 0.1
const LEAST_EARLY_BEAT_MS = 1_000

/** Knobs of the pace. */
export type PaceConfig = Pick<MeshConfig, 'beatMs' | 'deadMs' | 'passportTtlMs'>

/** Members believed alive, this node among them. */
export function livingMembers(state: MeshState): number {
  return countRoster(state.topology).alive
}

/** Until the next heartbeat, at most, in a mesh of so many living members. */
export function beatIntervalMs({ beatMs }: PaceConfig, members: number): number {
  const scaledMs = Math.round(beatMs * Math.max(1, members / MEMBERS_AT_FULL_BEAT))
  return Math.min(scaledMs, MAX_HEARTBEAT_INTERVAL_MS)
}

/** A beat lives as long as the dead are listed: after that nothing but the high-water mark remains of it. */
export function beatTtlMs({ deadMs }: PaceConfig, intervalMs: number): number {
  return Math.min(Math.max(deadMs, DEAD_INTERVALS * intervalMs), MAX_TTL_MS)
}

/** Between two beats, when the second tells a change: a mesh that is at work says at most ten times as much. */
export function leastBeatGapMs(intervalMs: number): number {
  return Math.max(LEAST_EARLY_BEAT_MS, Math.round(EARLY_BEAT_SHARE * intervalMs))
}

/** Lifetime of a passport: a day at most, which a mesh of 2,880 reaches at the default of an hour. */
export function passportTtlMs({ passportTtlMs: ttlMs }: PaceConfig, members: number): number {
  const scaledMs = Math.round(ttlMs * Math.max(1, members / MEMBERS_AT_FULL_RENEWAL))
  return Math.min(scaledMs, MAX_TTL_MS)
}

/**
 * Until passports of such a lifetime are renewed. In a large mesh some of it by chance: members that were started
 * together must not renew together for ever.
 */
export function renewalMs(config: PaceConfig, members: number, rng: Rng): number {
  const thirdMs = Math.floor(passportTtlMs(config, members) / RENEWALS_PER_TTL)
  return members > MEMBERS_AT_FULL_RENEWAL ? Math.floor(thirdMs * (0.8 + rng.next() / 5)) : thirdMs
}
