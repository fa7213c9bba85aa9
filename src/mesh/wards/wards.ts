/** The mesh's door to its wards: what linked peers say of theirs, what is due, and which records are taken in. */
import { WHOLE } from '../../model/ward.ts'
import type { ControlMessage } from '../../model/control.ts'
import type { NegotiationInput } from '../../negotiation/step.ts'
import type { NodeId } from '../../negotiation/types.ts'
import type { VerifiedRecord } from '../../wire/envelope.ts'
import { isNewer, setApart } from '../../registry/registry.ts'
import { takeMembership } from '../membership.ts'
import { syncWith } from '../sync.ts'
import type { MeshInput, MeshState, RecordFate, StepContext } from '../types.ts'
import { onAsk } from './answer.ts'
import { askForDigests, askOthers } from './ask.ts'
import { digestDue } from './digest.ts'
import { takeDigest, type DigestOutcome } from './digests.ts'
import { heldName, holdsTheSame, isTaken } from './held.ts'
import { releaseSome, reviewWard } from './move.ts'
import type { WardTimer } from './state.ts'
import { nameOf } from './ward.ts'

/** Begins to look after wards, if the mesh is to be cut into them at all. */
export function startWards(state: MeshState, { config, nowMs, rng }: StepContext): void {
  if (config.wards) state.deadlines.set('wards', nowMs + Math.round(config.wards.reviewMs * rng.next()))
}

/** Carries out what is due. @returns what bargaining has to hear */
export function wardDue(state: MeshState, due: WardTimer, ctx: StepContext): NegotiationInput[] {
  const { wards } = ctx.config
  if (wards === undefined) return []
  if (due === 'wards') return reviewWard(state, wards, ctx)
  if (due === 'ward-release') return releaseSome(state, wards, ctx)
  if (due === 'ward-digest') digestDue(state, wards, ctx)
  else askOthers(state, ctx)
  return []
}

/** A link stands: the other is told what is held here, unless that is everything. */
export function greetWard(state: MeshState, peer: NodeId, { out }: StepContext): void {
  const ward = heldName(state)
  if (ward !== WHOLE) out.push({ type: 'send', to: peer, message: { t: 'ward-here', body: { ward } } })
}

/** A link is gone. */
export function forgetWardOf(state: MeshState, peer: NodeId): void {
  state.wards.here.delete(peer)
}

/** Takes the messages of wards. @returns false when the message is none of them */
export function onWardMessage(state: MeshState, from: NodeId, message: ControlMessage, ctx: StepContext): boolean {
  if (message.t === 'ward-ask') {
    if (ctx.config.wards) onAsk(state, from, message.body, ctx)
    return true
  }
  if (message.t === 'ward-here') {
    if (ctx.config.wards && state.peers.has(from)) isHere(state, from, message.body.ward, ctx)
    return true
  }
  // What was told comes as an input of its own, its records verified.
  return message.t === 'ward-told'
}

function isHere(state: MeshState, from: NodeId, ward: string, ctx: StepContext): void {
  const { here, at, move, digests } = state.wards
  if (here.get(from) === ward) return
  here.set(from, ward)
  if (holdsTheSame(state, from)) return syncWith(state, from, ctx.nowMs, ctx.out)
  const knowsNothing = at === undefined && move === undefined && digests.size === 0
  if (knowsNothing && ward !== WHOLE) askForDigests(state, from, ctx)
}

const DIGEST_FATE: Readonly<Record<DigestOutcome, RecordFate>> = {
  new: 'accept',
  stale: 'ignore',
  full: 'ignore',
  'invalid-body': 'reject',
}

/** A digest came by gossip. */
export function takeGossipedDigest(
  state: MeshState,
  record: VerifiedRecord,
  statedAgeMs: number,
  ctx: StepContext,
): void {
  const listens = state.wards.at !== undefined || state.wards.move !== undefined
  const isHeard = listens && !state.registry.quarantined.has(record.author)
  const outcome = isHeard ? takeDigest(state.wards, record, statedAgeMs, ctx.nowMs) : 'stale'
  ctx.out.push({ type: 'fate', fate: DIGEST_FATE[outcome], outcome })
}

/** Whether a record of a member is held here; whoever is on its way notes who was heard where it goes. */
export function isRecordHeld(state: MeshState, input: MeshInput & { type: 'record' }): boolean {
  const { move } = state.wards
  if (move !== undefined && input.ward === nameOf(move.to)) move.heard.add(input.record.author)
  return isTaken(state, input)
}

/** A passport says that its author is elsewhere: whoever was taken for one of this ward is none. */
export function onStranger(state: MeshState, record: VerifiedRecord, ctx: StepContext): NegotiationInput[] {
  const { registry, wards } = state
  const { kind, name, author } = record
  const known = registry.authors.get(author)
  if (kind !== 'passport' || wards.at === undefined || known === undefined || registry.apart.has(author)) return []
  // Anybody can send an old one again, of the time when its author was elsewhere.
  const mark = known.marks.get(`passport/${name}`)
  if (mark !== undefined && !isNewer(record, mark)) return []
  setApart(registry, author, true)
  state.deadlines.setEarlier('ward-release', ctx.nowMs)
  return takeMembership(state, { type: 'member-dismissed', id: author }, ctx)
}
