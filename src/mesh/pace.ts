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

/** The longest that a passport waits for its renewal: gossip and sync have eight hours from then on. */
const LATEST_RENEWAL_MS = (2 / 3) * MAX_TTL_MS
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

/**
 * Until passports are renewed in a mesh of so many living members: at a third of the lifetime that is configured, or at
 * two thirds of a day at the latest, which a mesh of 5,760 reaches at the default of an hour.
 */
function renewEveryMs({ passportTtlMs: ttlMs }: PaceConfig, members: number): number {
  const scaledMs = (ttlMs / 3) * Math.max(1, members / MEMBERS_AT_FULL_RENEWAL)
  return Math.floor(Math.min(scaledMs, Math.max(ttlMs / 3, LATEST_RENEWAL_MS)))
}

/** Lifetime of a passport: three times as long as it takes until it is renewed, or a day. */
export function passportTtlMs(config: PaceConfig, members: number): number {
  if (members <= MEMBERS_AT_FULL_RENEWAL) return config.passportTtlMs
  return Math.min(3 * renewEveryMs(config, members), MAX_TTL_MS)
}

/**
 * Until the next renewal. In a large mesh some of it by chance: members that were started together must not renew
 * together for ever.
 */
export function renewalMs(config: PaceConfig, members: number, rng: Rng): number {
  const everyMs = renewEveryMs(config, members)
  return members > MEMBERS_AT_FULL_RENEWAL ? Math.floor(everyMs * (0.8 + rng.next() / 5)) : everyMs
}
