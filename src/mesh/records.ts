/** Records coming in, and what follows from them for the rest of the mesh. */
import type { NegotiationInput } from '../negotiation/step.ts'
import { witness } from './audit.ts'
import { expel, merge, tick, type MergeOutcome, type RegistryEffects } from '../registry/registry.ts'
import { onRegistryEvent, takeTestimony } from './membership.ts'
import { tellRegistryNews } from './registry-events.ts'
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
  { record, ageMs, statedAgeMs }: MeshInput & { type: 'record' },
  ctx: StepContext,
): NegotiationInput[] {
  const { nowMs, out } = ctx
  if (record.kind === 'testimony') return takeTestimony(state, record, statedAgeMs ?? 0, ctx)
  const merged = merge(state.registry, record, ageMs, nowMs, statedAgeMs)
  const isNews = merged.outcome === 'new' || merged.outcome === 'updated'
  if (isNews) state.news++
  out.push({ type: 'fate', fate: FATE[merged.outcome], outcome: merged.outcome })
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
  const told = tellRegistryNews(state, effects, ctx.out)
  return [...told, ...effects.events.flatMap((event) => onRegistryEvent(state, event, ctx))]
}
