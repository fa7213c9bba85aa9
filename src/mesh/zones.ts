/** Which zone and region every node is in: as its labels say, or else as the distances tell. */
import { regionLabel, zoneLabel } from '../model/zones.ts'
import type { NodeId } from '../negotiation/types.ts'
import { nodes, type KnownNode } from '../registry/registry.ts'
import { distanceBetween } from '../topology/coordinates/distance.ts'
import { cluster, REGION_BOUNDS, ZONE_BOUNDS, type ClusterBounds, type Clusters } from '../topology/zones.ts'
import type { Domain, MeshState, Whereabouts, ZoneState } from './types.ts'

/** The clusters are looked for anew when they are asked for and older than this. */
const KEPT_MS = 5_000
/** What the name of a zone or region begins with that no label names: no label can. */
const INFERRED = '~'

/** Nothing found yet. */
export function createZones(): ZoneState {
  return { atMs: -Infinity, zones: new Map(), regions: new Map(), whereabouts: new Map() }
}

/** Where every known node stands. The answer is kept for some seconds. */
export function whereaboutsOf(state: MeshState, nowMs: number): ReadonlyMap<NodeId, Whereabouts> {
  const { zones } = state
  if (nowMs - zones.atMs < KEPT_MS) return zones.whereabouts
  const known = nodes(state.registry, nowMs)
  zones.atMs = nowMs
  zones.zones = clustersOf(state, known, nowMs, zones.zones, ZONE_BOUNDS)
  zones.regions = clustersOf(state, known, nowMs, zones.regions, REGION_BOUNDS)
  const zone = domainsOf(known, zones.zones, zoneLabel)
  const region = domainsOf(known, zones.regions, regionLabel)
  zones.whereabouts = new Map(
    known.map(({ peerId }) => {
      const [inZone, inRegion] = [zone.get(peerId), region.get(peerId)]
      return [peerId, { ...(inZone && { zone: inZone }), ...(inRegion && { region: inRegion }) }]
    }),
  )
  return zones.whereabouts
}

function clustersOf(
  { topology }: MeshState,
  known: readonly KnownNode[],
  nowMs: number,
  before: Clusters,
  bounds: ClusterBounds,
): Clusters {
  const distanceMs = (a: NodeId, b: NodeId) => distanceBetween(topology, a, b, nowMs)?.rttMs
  return cluster(
    known.map(({ peerId }) => peerId),
    distanceMs,
    before,
    bounds,
  )
}

/**
 * Labels come first. Who has none is in the zone of those near it: the one that most of them are labelled with, the
 * first by name among equals; where nobody is, one that is named after their leader.
 */
function domainsOf(
  known: readonly KnownNode[],
  clusters: Clusters,
  labelOf: (labels: Readonly<Record<string, string>>) => string | undefined,
): ReadonlyMap<NodeId, Domain> {
  const votes = new Map<NodeId, Map<string, number>>()
  const names = new Map<NodeId, string>()
  for (const { peerId, name, labels } of known) {
    names.set(peerId, name)
    const [leader, label] = [clusters.get(peerId), labelOf(labels)]
    if (leader === undefined || label === undefined) continue
    const counts = votes.get(leader) ?? new Map<string, number>()
    counts.set(label, (counts.get(label) ?? 0) + 1)
    votes.set(leader, counts)
  }
  const domains = new Map<NodeId, Domain>()
  for (const { peerId, labels } of known) {
    const [leader, label] = [clusters.get(peerId), labelOf(labels)]
    if (label !== undefined) domains.set(peerId, { name: label, inferred: false })
    else if (leader !== undefined) {
      const name = mostVoted(votes.get(leader)) ?? INFERRED + (names.get(leader) ?? leader)
      domains.set(peerId, { name, inferred: true })
    }
  }
  return domains
}

function mostVoted(counts: ReadonlyMap<string, number> | undefined): string | undefined {
  let best: [string, number] | undefined
  for (const [label, count] of counts ?? []) {
    if (best === undefined || count > best[1] || (count === best[1] && label < best[0])) best = [label, count]
  }
  return best?.[0]
}
