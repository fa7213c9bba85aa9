/** What the registry's news means for bargaining, for people who watch, and for where members are dialled. */
import type { ControlMessage } from '../model/control.ts'
import type { NodeId } from '../negotiation/types.ts'
import type { NegotiationInput } from '../negotiation/step.ts'
import type { RegistryEffects, RegistryEvent } from '../registry/registry.ts'
import { noteEvent } from './audit.ts'
import type { MeshEffect, MeshState } from './types.ts'

/** Carries out what a change of the registry asks for. @returns inputs for negotiation */
export function tellRegistryNews(
  state: MeshState,
  { events, persist }: RegistryEffects,
  out: MeshEffect[],
): NegotiationInput[] {
  // A proof that a crash forgets would let its author in again: the records that showed it are gone.
  for (const { collection, ...write } of persist) {
    if (collection === 'proof') out.push({ type: 'persist', collection, ...write })
    else out.push({ type: 'cache', collection, ...write })
  }
  return events.flatMap((event) => onEvent(state, event, out))
}

function onEvent(state: MeshState, event: RegistryEvent, out: MeshEffect[]): NegotiationInput[] {
  switch (event.type) {
    case 'heartbeat':
      return event.peerId === state.self ? [] : [{ type: 'heard', node: event.peerId, atMs: event.bornMs }]
    case 'node-joined':
    case 'node-changed':
      if (event.type === 'node-joined') noteMember(state, 'member.joined', event.peerId, out)
      out.push({ type: 'node-event', peer: event.peerId, what: event.state })
      // Its state says that something may fit now that did not before.
      return event.state === 'ready' ? [{ type: 'candidates-changed' }] : []
    case 'node-offline':
      out.push({ type: 'node-event', peer: event.peerId, what: 'offline' })
      if (event.reason !== 'quarantined')
        noteMember(state, event.reason === 'left' ? 'member.left' : 'member.offline', event.peerId, out)
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
      passProofOn(state, event.peerId, out)
      out.push({ type: 'node-event', peer: event.peerId, what: 'quarantined' })
      noteMember(state, 'member.quarantined', event.peerId, out)
      return []
    case 'own-key-copied':
      out.push({ type: 'node-event', peer: state.self, what: 'own-key-copied' })
      return []
  }
}

/**
 * Both records to all that are linked, once: each finds the contradiction by itself and need not believe this node.
 * Whom this does not reach gets them by sync, as soon as it names a record of that author.
 */
function passProofOn(state: MeshState, author: NodeId, out: MeshEffect[]): void {
  const { first, second } = state.registry.quarantined.get(author)!
  const records = [first, second].map((bytes) => ({ bytes, ageMs: 0 }))
  const message: ControlMessage = { t: 'sync-records', body: { records, wants: [], more: false } }
  for (const peer of state.peers) if (peer !== author) out.push({ type: 'send', to: peer, message })
}

function noteMember(
  state: MeshState,
  type: 'member.joined' | 'member.left' | 'member.offline' | 'member.quarantined',
  peer: string,
  out: MeshEffect[],
): void {
  if (peer !== state.self) noteEvent(out, { type, peer })
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
