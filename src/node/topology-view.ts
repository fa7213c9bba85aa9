/** `GET /v1/topology` from the daemon's state. */
import { shownState } from '../mesh/heartbeat.ts'
import type { MeshState, Whereabouts } from '../mesh/types.ts'
import { whereaboutsOf } from '../mesh/zones.ts'
import type { PlaceView, TopologyView } from '../model/topology-view.ts'
import { nodes, type KnownNode } from '../registry/registry.ts'
import { distanceTo, pointOfMember } from '../topology/coordinates/distance.ts'
import type { Direction, LinkSpeeds } from './link-speeds.ts'

/** Every node that is listed, by name. */
export function topologyView(state: MeshState, speeds: LinkSpeeds, nowMs: number): TopologyView {
  const whereabouts = whereaboutsOf(state, nowMs)
  const known = nodes(state.registry, nowMs).filter(({ peerId }) => !state.registry.apart.has(peerId))
  return { nodes: known.map((node) => placeView(state, node, whereabouts.get(node.peerId) ?? {}, speeds, nowMs)) }
}

function placeView(
  state: MeshState,
  { peerId, name, state: nodeState }: KnownNode,
  { zone, region }: Whereabouts,
  speeds: LinkSpeeds,
  nowMs: number,
): PlaceView {
  const self = peerId === state.self
  const distance = distanceTo(state.topology, peerId, nowMs)
  const point = pointOfMember(state.topology, peerId)
  return {
    peerId,
    name,
    self,
    state: self ? shownState(state) : nodeState,
    ...(zone && { zone }),
    ...(region && { region }),
    ...(distance && {
      rtt: {
        ms: thousandths(distance.rttMs),
        source: distance.source,
        ...(distance.error !== undefined && { error: thousandths(distance.error) }),
      },
    }),
    ...speedOf('receive', peerId, speeds, nowMs),
    ...speedOf('send', peerId, speeds, nowMs),
    ...(point && {
      coordinate: {
        at: point.at.map(thousandths),
        height: thousandths(point.heightMs),
        error: thousandths(point.error),
      },
    }),
  }
}

function speedOf(direction: Direction, peerId: string, speeds: LinkSpeeds, nowMs: number): Partial<PlaceView> {
  const known = speeds.of(peerId, direction)
  if (known === undefined) return {}
  const ageMs = Math.max(0, Math.round(nowMs - known.atMs))
  return { [direction]: { bytesPerSecond: Math.round(known.bytesPerSecond), ageMs } }
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
