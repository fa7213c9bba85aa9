/**
 * Clusters of members that are near each other, for those whose owners said nothing of zones.
 *
 * Each cluster has a leader, and whoever is near enough to it belongs to it. What belongs stays until it is clearly
 * farther away, and a leader stays one as long as it is there: round trips that tremble change nothing. Which members
 * come first is decided by their ids, so nodes that see the same distances find the same clusters.
 */
import type { MemberId } from './types.ts'

/** Round trips, milliseconds. Who is nearer to a leader than `joinMs` joins, who is farther than `leaveMs` leaves. */
export interface ClusterBounds {
  readonly joinMs: number
  readonly leaveMs: number
}

/**
 * One site: a campus, or a cloud's region. Places within a few milliseconds are told apart too badly to find the zones
 * of a cloud by them; these need labels.
 */
export const ZONE_BOUNDS: ClusterBounds = { joinMs: 6, leaveMs: 12 }
/** Part of a continent. */
export const REGION_BOUNDS: ClusterBounds = { joinMs: 35, leaveMs: 50 }

/** The leader of each member's cluster. */
export type Clusters = ReadonlyMap<MemberId, MemberId>

/**
 * Clusters members anew, beginning with the clusters there were.
 * @param ids whoever is to be in a cluster, in any order
 * @param distanceMs undefined where nothing is known; such a member leads a cluster of its own only if it did so before
 *   or is near somebody, and is in none otherwise
 * @param before what this function returned last
 */
export function cluster(
  ids: Iterable<MemberId>,
  distanceMs: (a: MemberId, b: MemberId) => number | undefined,
  before: Clusters,
  { joinMs, leaveMs }: ClusterBounds,
): Clusters {
  const all = [...ids].toSorted((a, b) => (a < b ? -1 : 1))
  const present = new Set(all)
  const leaders = leadersOf(all, present, before, distanceMs, joinMs)
  const found = new Map<MemberId, MemberId>(leaders.map((id) => [id, id]))
  for (const id of all) {
    if (found.has(id)) continue
    const leader = leaderFor(id, leaders, before.get(id), distanceMs, { joinMs, leaveMs })
    if (leader !== undefined) found.set(id, leader)
    else if (isPlaced(id, all, distanceMs)) {
      leaders.push(id)
      found.set(id, id)
    }
  }
  return found
}

/** Former leaders that are still there; of two that have come near each other the first. */
function leadersOf(
  all: readonly MemberId[],
  present: ReadonlySet<MemberId>,
  before: Clusters,
  distanceMs: (a: MemberId, b: MemberId) => number | undefined,
  joinMs: number,
): MemberId[] {
  const leaders: MemberId[] = []
  for (const id of all) {
    if (before.get(id) !== id || !present.has(id)) continue
    if (leaders.every((other) => (distanceMs(id, other) ?? Infinity) > joinMs)) leaders.push(id)
  }
  return leaders
}

/** The leader it had, while it is not too far away; else the nearest that is near enough. */
function leaderFor(
  id: MemberId,
  leaders: readonly MemberId[],
  former: MemberId | undefined,
  distanceMs: (a: MemberId, b: MemberId) => number | undefined,
  { joinMs, leaveMs }: ClusterBounds,
): MemberId | undefined {
  if (former !== undefined && leaders.includes(former)) {
    const ms = distanceMs(id, former)
    if (ms === undefined || ms <= leaveMs) return former
  }
  let nearest: MemberId | undefined
  let leastMs = joinMs
  for (const leader of leaders) {
    const ms = distanceMs(id, leader)
    if (ms === undefined || ms > leastMs) continue
    nearest = leader
    leastMs = ms
  }
  return nearest
}

/** Whether anything is known of where it is. */
function isPlaced(
  id: MemberId,
  all: readonly MemberId[],
  distanceMs: (a: MemberId, b: MemberId) => number | undefined,
): boolean {
  return all.some((other) => other !== id && distanceMs(id, other) !== undefined)
}
