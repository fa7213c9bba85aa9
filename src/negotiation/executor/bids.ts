/**
 * The executor's answer to an offer: hold what fits and bid, or decline with every constraint that is broken.
 */
import type { Bid, Offer } from '../../model/negotiation.ts'
import { evaluate } from '../../policy/evaluate.ts'
import { addResources, scaleResources } from '../../model/resources.ts'
import { cordonReason, declineReasons, slotsThatFit } from '../constraints.ts'
import { isolationFor } from '../isolation.ts'
import { note, notedReasons } from '../notes.ts'
import { freeOf, send } from '../state.ts'
import { type Context, type NegotiationState, type NodeId } from '../types.ts'
import { mayWorkFor } from './contracts.ts'
import { recordOffer } from './offers.ts'
import { factsOf, policyReasons } from './policy.ts'
import { contractsLeft, noteServed, rememberWaiter, shareReasons } from './shares.ts'

/** Someone offers work: hold what fits and bid, or decline with every constraint that is broken. */
export function onOffer(state: NegotiationState, ctx: Context, from: NodeId, offer: Offer): void {
  const { offerId, spec } = offer
  const known = state.holdByOffer.get(`${from}/${offerId}`)
  const hold = known === undefined ? undefined : state.holds.get(known)
  if (hold) return send(ctx, from, { t: 'bid', body: hold.bid })

  note(ctx, { type: 'offer.received', jobId: offer.jobId, offerId, slots: offer.slots, peer: from })
  const free = freeOf(state, ctx.local.capacity)
  // A stranger learns nothing of the policy.
  const facts = mayWorkFor(ctx, from) ? factsOf(state, ctx, { submitter: from, spec, as: 'offered' }) : undefined
  const verdict = facts && evaluate(ctx.policies, facts)
  const reasons = declineReasons(spec, from, ctx.local, free)
  if (verdict) reasons.unshift(...policyReasons(verdict))
  if (state.cordon) reasons.unshift(cordonReason(state.cordon))
  const slots = reasons.length > 0 ? 0 : slotsThatFit(spec, offer.slots, ctx.local, free)
  if (reasons.length === 0) reasons.push(...shareReasons(state, ctx, from, free))
  if (facts) recordOffer(state, ctx, from, offer, facts, reasons)
  if (reasons.length > 0 || slots === 0) {
    // Room that comes free helps nobody whose quota is used up.
    if (reasons.every((reason) => reason.temporary && reason.constraint !== 'policy'))
      rememberWaiter(state, from, spec.resources)
    note(ctx, { type: 'decline.sent', offerId, peer: from, reasons: notedReasons(reasons) })
    return send(ctx, from, { t: 'decline', body: { offerId, reasons: reasons.slice(0, 16), wouldFit: free } })
  }
  const held = Math.min(slots, contractsLeft(state, ctx, from))
  // Someone who asked for more than fits wants to hear of more.
  if (held < offer.slots) rememberWaiter(state, from, spec.resources)
  const within = verdict?.allowed === true ? verdict.atMost : Infinity
  openHold(state, ctx, from, offer, Math.min(held, within))
}

function openHold(state: NegotiationState, ctx: Context, from: NodeId, offer: Offer, slots: number): void {
  const { offerId, spec } = offer
  const bidId = ctx.rng.id(12)
  state.reserved = addResources(state.reserved, scaleResources(spec.resources, slots))
  const isolation = isolationFor(spec, from, ctx.local)
  const bid: Bid = {
    offerId,
    bidId,
    slots,
    holdMs: ctx.config.holdMs,
    terms: {
      freeAfter: freeOf(state, ctx.local.capacity),
      capacity: ctx.local.capacity,
      cpuRatio: ctx.local.cpuRatio,
      running: runningCount(state),
      warm: spec.input === undefined || ctx.local.warmBundles.has(spec.input.sha256),
      startEtaMs: Math.round(state.startMs),
      ...(isolation && { isolation }),
    },
  }
  state.holds.set(bidId, { bidId, offerId, submitter: from, spec, bid, slots, active: 0 })
  state.holdByOffer.set(`${from}/${offerId}`, bidId)
  state.deadlines.set(`hold:${bidId}`, ctx.nowMs + ctx.config.holdMs)
  noteServed(state, ctx, from)
  note(ctx, { type: 'bid.sent', offerId, bidId, slots, peer: from })
  send(ctx, from, { t: 'bid', body: bid })
}

/** Contracts that have not ended. */
export function runningCount(state: NegotiationState): number {
  let count = 0
  for (const contract of state.contracts.values()) if (contract.phase !== 'ended') count++
  return count
}
