/**
 * From award to contract: every grant its hold covers is accepted, the others are refused, and one
 * signed contract answers for all. A contract is stored before it is acknowledged and before it starts.
 */
import type { Award, Contract } from '../../model/negotiation.ts'
import { cordonReason, declineReasons, describeReason } from '../constraints.ts'
import { isGuest, isolationFor } from '../isolation.ts'
import { note, noted } from '../notes.ts'
import { persistContract, runIdOf, send } from '../state.ts'
import { type Context, type ContractState, type Hold, type NegotiationState, type NodeId } from '../types.ts'
import { askPolicies, describeRefusals } from './policy.ts'
import { countTaken } from './usage.ts'

/** Characters of a refusal's reason: 500 of them must fit into one contract. */
const REFUSAL_TEXT = 80

/**
 * An award: every grant that its hold covers becomes a contract, the others are refused, and the
 * whole is answered by one signed contract. Grants seen before get the answer they got.
 */
export function onAward(state: NegotiationState, ctx: Context, from: NodeId, award: Award): void {
  const hold = state.holds.get(award.bidId)
  const answer: Contract = { bidId: award.bidId, accepted: [], refused: [] }
  const fresh: ContractState[] = []
  for (const { taskId, attempt } of award.grants) {
    const runId = runIdOf(from, taskId, attempt)
    const known = state.contracts.get(runId)
    if (known?.submitter === from) {
      known.leaseUntilMs = ctx.nowMs + award.leaseMs
      state.deadlines.setEarlier('leases', known.leaseUntilMs)
      answer.accepted.push({ taskId, attempt })
      continue
    }
    const reason = refusal(state, ctx, from, hold, runId, known !== undefined)
    if (reason !== undefined) {
      answer.refused.push({ taskId, attempt, reason: reason.slice(0, REFUSAL_TEXT) })
      noteRefusal(state, ctx, { taskId, attempt, peer: from, bidId: award.bidId }, reason)
      // Final: no late copy of this award may start it after the submitter moved on. A stranger's never would.
      if (mayWorkFor(ctx, from)) state.tombstones.set(tombstoneKey(from, runId), reason)
      continue
    }
    fresh.push(openContract(state, ctx, hold!, taskId, attempt, award.leaseMs))
    answer.accepted.push({ taskId, attempt })
  }
  if (hold) {
    // Once granted, the hold lives as long as its contracts; what is left of it expires as before.
    if (hold.slots === 0) state.deadlines.cancel(`hold:${hold.bidId}`)
  }
  send(ctx, from, { t: 'contract', body: answer })
  for (const contract of fresh) ctx.out.push({ type: 'start', contract })
}

/** A repeated award is refused again, and noted once. */
function noteRefusal(
  state: NegotiationState,
  ctx: Context,
  award: { taskId: string; attempt: number; peer: NodeId; bidId: string },
  reason: string,
): void {
  const { taskId, attempt, peer } = award
  if (state.tombstones.has(tombstoneKey(peer, runIdOf(peer, taskId, attempt)))) return
  note(ctx, { type: 'refusal.sent', ...award, reason: noted(reason) })
}

/** True when this node takes work of that peer at all. */
export function mayWorkFor(ctx: Context, peer: NodeId): boolean {
  return ctx.local.open || ctx.local.trusted.has(peer) || isGuest(peer, ctx.local)
}

/** Names an attempt that this node must never start (again). */
export function tombstoneKey(submitter: NodeId, runId: string): string {
  return `${submitter}/${runId}`
}

function refusal(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  hold: Hold | undefined,
  runId: string,
  taken: boolean,
): string | undefined {
  const buried = state.tombstones.get(tombstoneKey(from, runId))
  if (buried !== undefined) return buried
  if (!hold || hold.submitter !== from) return 'the hold of this bid has expired or was released'
  if (hold.slots <= 0) return 'all slots of this bid are taken'
  if (taken) return 'the id of this attempt is in use by another submitter'
  if (state.cordon) return cordonReason(state.cordon).measured
  const verdict = askPolicies(state, ctx, { submitter: from, spec: hold.spec, as: 'awarded' })
  if (!verdict.allowed) return describeRefusals(verdict)
  // Revalidated at the award: trust may have been withdrawn since the bid.
  const broken = declineReasons(hold.spec, from, ctx.local, hold.spec.resources).find((r) => !r.temporary)
  return broken && describeReason(broken)
}

function openContract(
  state: NegotiationState,
  ctx: Context,
  hold: Hold,
  taskId: string,
  attempt: number,
  leaseMs: number,
): ContractState {
  const isolation = isolationFor(hold.spec, hold.submitter, ctx.local)
  const contract: ContractState = {
    runId: runIdOf(hold.submitter, taskId, attempt),
    taskId,
    attempt,
    submitter: hold.submitter,
    bidId: hold.bidId,
    spec: hold.spec,
    phase: 'accepted',
    acceptedAtMs: ctx.nowMs,
    leaseUntilMs: ctx.nowMs + leaseMs,
    ...(isolation && { isolation }),
  }
  // The slot moves from the hold to the contract: what is reserved stays the same.
  hold.slots--
  hold.active++
  state.contracts.set(contract.runId, contract)
  state.deadlines.setEarlier('leases', contract.leaseUntilMs)
  persistContract(ctx, contract)
  countTaken(state, ctx, contract)
  const { bidId, offerId } = hold
  note(ctx, { type: 'contract.sent', taskId, attempt, offerId, bidId, peer: hold.submitter })
  return contract
}
