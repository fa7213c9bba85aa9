/** Who is in a ward, as far as this node knows, and whose records it holds. */
import { WHOLE } from '../../model/ward.ts'
import { zoneLabel } from '../../model/zones.ts'
import type { NodeId } from '../../negotiation/types.ts'
import { isBelievedAlive } from '../../topology/state.ts'
import { hashOf } from '../../topology/watchers.ts'
import type { MeshInput, MeshState } from '../types.ts'
import { placeIn, type Resident } from './plan.ts'
import { contains, holds, nameOf, type Place, type Ward } from './ward.ts'

/** A node as the plan counts it. Of whom no passport is known has no label. */
export function residentOf(state: MeshState, id: NodeId): Resident {
  return { label: zoneLabel(labelsOf(state, id) ?? {}), hash: hashOf(id) }
}

function labelsOf({ self, local, registry }: MeshState, id: NodeId): Readonly<Record<string, string>> | undefined {
  if (id === self) return local.labels
  for (const { body } of registry.authors.get(id)?.passports.values() ?? []) {
    if (body.spec.node !== undefined) return body.metadata.labels
  }
  return undefined
}

/** Where a node is found; undefined while no passport of it is known. */
export function placeOf(state: MeshState, id: NodeId, zones = state.wards.zones): Place | undefined {
  return labelsOf(state, id) === undefined ? undefined : placeIn(zones, residentOf(state, id))
}

/**
 * Whether a node is in a ward. Everybody is in the whole mesh; else nobody of whom no passport is known.
 * @param zones that have wards of their own. @default those by which this node is where it is
 */
export function isIn(state: MeshState, ward: Ward | undefined, id: NodeId, zones = state.wards.zones): boolean {
  const place = placeOf(state, id, zones)
  return ward === undefined || (place !== undefined && holds(ward, place))
}

/** Whether a node is in the ward that this one goes to, if it goes anywhere. */
function isThere(state: MeshState, id: NodeId): boolean {
  const { move } = state.wards
  return move !== undefined && isIn(state, move.to, id, move.zones)
}

/** All members believed alive, this node among them. */
export function livingResidents(state: MeshState): Resident[] {
  const living = [residentOf(state, state.self)]
  for (const member of state.topology.members.values()) {
    if (isBelievedAlive(member)) living.push({ label: residentOf(state, member.id).label, hash: member.hash })
  }
  return living
}

/** Members of a ward that are believed alive, this node excluded. @param zones as of `isIn` */
export function livingIn(state: MeshState, ward: Ward | undefined, zones = state.wards.zones): NodeId[] {
  const ids: NodeId[] = []
  for (const member of state.topology.members.values()) {
    if (isBelievedAlive(member) && isIn(state, ward, member.id, zones)) ids.push(member.id)
  }
  return ids
}

/** What this node holds: on its way from one ward to another that lies around it, or in it, the larger of the two. */
export function heldWard({ wards: { at, move } }: MeshState): Ward | undefined {
  return move !== undefined && contains(move.to, at) ? move.to : at
}

/** The same by name, as others are told it. */
export function heldName(state: MeshState): string {
  return nameOf(heldWard(state))
}

/** Whether a linked peer holds the same as this node, so that comparing it makes sense. */
export function holdsTheSame(state: MeshState, peer: NodeId): boolean {
  return (state.wards.here.get(peer) ?? WHOLE) === heldName(state)
}

/** Whether an author is one of those whose records are held here. */
export function isHeldHere(state: MeshState, id: NodeId): boolean {
  return id === state.self || isIn(state, state.wards.at, id) || isThere(state, id)
}

/**
 * Whether this node is on its way, and a member to elsewhere: what that says in its ward is not heard here any more, so
 * that its silence says nothing of it.
 */
export function isLeftBehind(state: MeshState, id: NodeId): boolean {
  return state.wards.move !== undefined && !isThere(state, id)
}

/**
 * Whether a record is taken in. A passport counts by the zone it names itself. Of whom no passport is known yet a
 * heartbeat is taken where it was heard: on the topic of the ward, or from somebody who holds the same.
 */
export function isTaken(state: MeshState, { record, ward, from }: MeshInput & { type: 'record' }): boolean {
  const { at, move, zones } = state.wards
  const { author, kind, body } = record
  if (from !== undefined && !holdsTheSame(state, from)) return false
  if (at === undefined || (move !== undefined && move.to === undefined) || author === state.self) return true
  const labels = kind === 'passport' ? machineLabels(body) : undefined
  if (labels !== undefined) {
    const resident = { label: zoneLabel(labels), hash: hashOf(author) }
    return holds(at, placeIn(zones, resident)) || (move !== undefined && holds(move.to, placeIn(move.zones, resident)))
  }
  if (placeOf(state, author) !== undefined) return isHeldHere(state, author)
  return from !== undefined || ward === nameOf(at) || (move !== undefined && ward === nameOf(move.to))
}

/** Labels of a machine's own passport, of which nothing has been checked yet. */
function machineLabels(body: unknown): Readonly<Record<string, string>> | undefined {
  const { metadata, spec } = (body ?? {}) as { metadata?: { labels?: unknown }; spec?: { node?: unknown } }
  if (typeof spec?.node !== 'object' || typeof metadata?.labels !== 'object' || metadata.labels === null)
    return undefined
  return metadata.labels as Readonly<Record<string, string>>
}
