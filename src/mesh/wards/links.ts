/**
 * Links between wards. Gossip of a ward goes over links within it, of which those that watch each other have enough;
 * that digests reach everybody takes two links of each member to other wards, by the contacts that their digests name.
 */
import type { NodeId } from '../../negotiation/types.ts'
import type { MeshEffect, MeshState, StepContext } from '../types.ts'
import type { HeldDigest } from './state.ts'
import { isIn } from './held.ts'
import { nameOf } from './ward.ts'

/** Links that each member keeps to other wards. */
const OUTSIDE_LINKS = 2

/** Replaces links to other wards that are gone, and sees to it that there is one into this node's own. */
export function lookAfterLinks(state: MeshState, ctx: StepContext): void {
  const { wards, peers } = state
  if (wards.at === undefined) {
    if (wards.outside.length > 0) keepOutside(state, [], ctx.out)
    return
  }
  const digests = [...wards.digests.values()]
  const own = digests.filter(({ ward }) => isIn(state, ward, state.self))
  const isLinkedInside = [...peers].some((peer) => wards.here.get(peer) === nameOf(wards.at))
  if (!isLinkedInside) for (const one of ctx.rng.shuffle(own).slice(0, 1)) dialContacts(state, one, ctx.out)
  const kept = wards.outside.filter((peer) => peers.has(peer) && wards.here.get(peer) !== nameOf(wards.at))
  if (kept.length >= OUTSIDE_LINKS) return
  const others = ctx.rng.shuffle(digests.filter((one) => !own.includes(one)))
  const chosen = others.slice(0, OUTSIDE_LINKS - kept.length).map((one) => contactOf(one, ctx))
  if (chosen.length > 0) keepOutside(state, [...kept, ...chosen], ctx.out)
}

function contactOf({ body }: HeldDigest, { rng, out }: StepContext): NodeId {
  const { peerId, addresses } = rng.pick(body.contacts)
  out.push({ type: 'learn-addresses', peer: peerId, addresses })
  return peerId
}

/** Dials all contacts of a digest. */
export function dialContacts({ self, peers }: MeshState, { body }: HeldDigest, out: MeshEffect[]): void {
  for (const { peerId, addresses } of body.contacts) {
    if (peerId === self || peers.has(peerId)) continue
    out.push({ type: 'learn-addresses', peer: peerId, addresses }, { type: 'dial', peer: peerId })
  }
}

function keepOutside(state: MeshState, outside: readonly NodeId[], out: MeshEffect[]): void {
  state.wards.outside = outside
  out.push(keptLinks(state, [...state.topology.watches.keys()]))
}

/** All links that are kept: to those this node watches, and to other wards. */
export function keptLinks({ wards }: MeshState, watched: readonly NodeId[]): MeshEffect {
  return { type: 'keep-links', peers: [...new Set([...watched, ...wards.outside])] }
}
