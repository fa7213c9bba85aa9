/** Records coming in, and what follows from them for the rest of the mesh. */
import type { NegotiationInput } from '../negotiation/step.ts'
import { witness } from './audit.ts'
import {
  holdAgainst,
  expel,
  merge,
  tick,
  type MergeOutcome,
  type RegistryEffects,
  type RegistryEvent,
} from '../registry/registry.ts'
import { onRegistryEvent, takeTestimony } from './membership.ts'
import { tellRegistryNews } from './registry-events.ts'
import { isLeftBehind } from './wards/held.ts'
import { isRecordHeld, onStranger, takeGossipedDigest } from './wards/wards.ts'
import type { MeshInput, MeshState, RecordFate, StepContext } from './types.ts'

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
  input: MeshInput & { type: 'record' },
  ctx: StepContext,
): NegotiationInput[] {
  const { nowMs, out } = ctx
  const { record, ageMs, statedAgeMs } = input
  if (record.kind === 'testimony') return takeTestimony(state, record, statedAgeMs ?? 0, ctx)
  if (record.kind === 'digest') {
    takeGossipedDigest(state, record, statedAgeMs ?? 0, ctx)
    return []
  }
  if (!isRecordHeld(state, input)) {
    out.push({ type: 'fate', fate: 'ignore', outcome: 'other-ward' })
    if (input.from === undefined) return onStranger(state, record, ctx)
    // Whoever asked about another ward finds lies there, and tells those it is linked to, whatever they hold.
    return carryOver(state, holdAgainst(state.registry, record, nowMs), ctx)
  }
  const merged = merge(state.registry, record, ageMs, nowMs, statedAgeMs)
  const isNews = merged.outcome === 'new' || merged.outcome === 'updated'
  if (isNews) state.news++
  // Between two wards a record comes by the topics of both, and the second is news to those who hear only that.
  const isSecond = state.wards.move !== undefined && merged.outcome === 'duplicate'
  out.push({ type: 'fate', fate: isSecond ? 'accept' : FATE[merged.outcome], outcome: merged.outcome })
  if (isNews) witness(state, record, ctx)
  if (merged.ownEpochAhead !== undefined) out.push({ type: 'raise-epoch', atLeast: merged.ownEpochAhead })
  return carryOver(state, merged, ctx)
}

/** Drops what has expired and notices lapsed leases. @returns inputs for negotiation */
export function expireRecords(state: MeshState, ctx: StepContext): NegotiationInput[] {
  return carryOver(state, tick(state.registry, ctx.nowMs), ctx)
}

/** Drops what an expelled member said. @returns inputs for negotiation */
export function expelMember(state: MeshState, peer: string, ctx: StepContext): NegotiationInput[] {
  return carryOver(state, expel(state.registry, peer, ctx.nowMs), ctx)
}

function carryOver(state: MeshState, effects: RegistryEffects, ctx: StepContext): NegotiationInput[] {
  const { apart } = state.registry
  // Members of other wards are merely known for a while: of what becomes of them nothing is told, but that one lies.
  const { at, move } = state.wards
  const isOurs = (event: RegistryEvent) =>
    !('peerId' in event) ||
    event.type === 'quarantined' ||
    !(apart.has(event.peerId) || (isLapse(event) && isLeftBehind(state, event.peerId)))
  const isWhole = apart.size === 0 && at === undefined && move === undefined
  const events = isWhole ? effects.events : effects.events.filter(isOurs)
  const told = tellRegistryNews(state, { ...effects, events }, ctx.out)
  return [...told, ...events.flatMap((event) => onRegistryEvent(state, event, ctx))]
}

function isLapse(event: RegistryEvent): boolean {
  return event.type === 'node-offline' && event.reason === 'lapsed'
}
