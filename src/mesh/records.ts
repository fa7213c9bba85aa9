/** Records coming in, and what follows from them for the rest of the mesh. */
import type { NegotiationInput } from '../negotiation/step.ts'
import { merge, tick, type MergeOutcome, type RegistryEffects, type RegistryEvent } from '../registry/registry.ts'
import type { MeshEffect, MeshInput, MeshState, RecordFate } from './types.ts'

/**
 * Gossip forwards what is new, and what proves an equivocation (others must see both copies too).
 * Only a body that its own author signed and that fits no schema is provably bad.
 */
const FATE: Readonly<Record<MergeOutcome, RecordFate>> = {
  new: 'accept',
  updated: 'accept',
  equivocation: 'accept',
  duplicate: 'ignore',
  stale: 'ignore',
  quarantined: 'ignore',
  full: 'ignore',
  'invalid-body': 'reject',
}

/** Merges one verified record. @returns inputs for negotiation that follow from it */
export function takeRecord(
  state: MeshState,
  { record, ageMs, statedAgeMs }: MeshInput & { type: 'record' },
  nowMs: number,
  out: MeshEffect[],
): NegotiationInput[] {
  const merged = merge(state.registry, record, ageMs, nowMs, statedAgeMs)
  if (merged.outcome === 'new' || merged.outcome === 'updated') state.news++
  out.push({ type: 'fate', fate: FATE[merged.outcome], outcome: merged.outcome })
  if (merged.ownEpochAhead !== undefined) out.push({ type: 'raise-epoch', atLeast: merged.ownEpochAhead })
  return carryOver(state, merged, out)
}

/** Drops what has expired and notices lapsed leases. @returns inputs for negotiation */
export function expireRecords(state: MeshState, nowMs: number, out: MeshEffect[]): NegotiationInput[] {
  return carryOver(state, tick(state.registry, nowMs), out)
}

function carryOver(state: MeshState, { events, persist }: RegistryEffects, out: MeshEffect[]): NegotiationInput[] {
  for (const write of persist) out.push({ type: 'cache', ...write })
  return events.flatMap((event) => onEvent(state, event, out))
}

function onEvent(state: MeshState, event: RegistryEvent, out: MeshEffect[]): NegotiationInput[] {
  switch (event.type) {
    case 'heartbeat':
      return event.peerId === state.self ? [] : [{ type: 'heard', node: event.peerId, atMs: event.bornMs }]
    case 'node-joined':
    case 'node-changed':
      out.push({ type: 'node-event', peer: event.peerId, what: event.state })
      // Its state says that something may fit now that did not before.
      return event.state === 'ready' ? [{ type: 'candidates-changed' }] : []
    case 'node-offline':
      out.push({ type: 'node-event', peer: event.peerId, what: 'offline' })
      return []
    case 'node-gone':
      out.push({ type: 'node-event', peer: event.peerId, what: 'gone' })
      return []
    case 'passport-changed':
      out.push({ type: 'node-event', peer: event.peerId, what: 'passport' })
      learnAddresses(state, event.peerId, event.name, out)
      return [{ type: 'candidates-changed' }]
    case 'passport-removed':
      out.push({ type: 'node-event', peer: event.peerId, what: 'passport-removed' })
      return []
    case 'quarantined':
      out.push({ type: 'node-event', peer: event.peerId, what: 'quarantined' })
      return []
    case 'own-key-copied':
      out.push({ type: 'node-event', peer: state.self, what: 'own-key-copied' })
      return []
  }
}

/** After a restart: where the members were when last heard of. */
export function learnAllAddresses(state: MeshState, out: MeshEffect[]): void {
  for (const [peer, author] of state.registry.authors) {
    for (const name of author.passports.keys()) learnAddresses(state, peer, name, out)
  }
}

function learnAddresses(state: MeshState, peer: string, name: string, out: MeshEffect[]): void {
  if (peer === state.self) return
  const addresses = state.registry.authors.get(peer)?.passports.get(name)?.body.spec.node?.addresses
  if (addresses && addresses.length > 0) out.push({ type: 'learn-addresses', peer, addresses })
}
