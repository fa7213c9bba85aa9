/**
 * Holds: capacity set aside for a bid until it is awarded, released, or its time is up.
 *
 * What is reserved is the exact sum of all holds and of all contracts that have not ended, and never
 * exceeds the node's capacity.
 */
import { scaleResources, subtractResources } from '../../model/resources.ts'
import { send } from '../state.ts'
import { type Context, type ContractState, type NegotiationState, type NodeId } from '../types.ts'
import { askPolicies } from './policy.ts'
import { contractsLeft, giveTurns } from './shares.ts'

/** Gives up what a hold still sets aside. Contracts made from it go on. */
export function closeHold(state: NegotiationState, ctx: Context, bidId: string): void {
  const hold = state.holds.get(bidId)
  if (!hold) return
  state.holds.delete(bidId)
  state.holdByOffer.delete(`${hold.submitter}/${hold.offerId}`)
  state.deadlines.cancel(`hold:${bidId}`)
  if (hold.slots === 0) return
  state.reserved = subtractResources(state.reserved, scaleResources(hold.spec.resources, hold.slots))
  announceCapacity(state, ctx)
}

/** Release by the submitter; nobody else can. */
export function onRelease(state: NegotiationState, ctx: Context, from: NodeId, bidId: string): void {
  if (state.holds.get(bidId)?.submitter === from) closeHold(state, ctx, bidId)
}

/** A hold's time is up: what it sets aside is free again; with contracts under it, it stays as an empty one. */
export function onHoldExpired(state: NegotiationState, ctx: Context, bidId: string): void {
  const hold = state.holds.get(bidId)
  if (!hold) return
  if (hold.active === 0) return closeHold(state, ctx, bidId)
  state.reserved = subtractResources(state.reserved, scaleResources(hold.spec.resources, hold.slots))
  hold.slots = 0
  announceCapacity(state, ctx)
}

/**
 * The slot of a contract that ended: back to its hold while that stands, nobody waits, and its submitter settles
 * what ended before; else free.
 * @returns true when it was kept
 */
export function returnReservation(state: NegotiationState, ctx: Context, contract: ContractState): boolean {
  const hold = state.holds.get(contract.bidId)
  if (hold) hold.active--
  const others = [...state.waiters.keys()].some((waiter) => waiter !== contract.submitter)
  if (hold && !others && contractsLeft(state, ctx, contract.submitter) > 0 && admitsAnother(state, ctx, contract)) {
    hold.slots++
    state.deadlines.set(`hold:${hold.bidId}`, ctx.nowMs + ctx.config.holdMs)
    return true
  }
  state.reserved = subtractResources(state.reserved, contract.spec.resources)
  if (hold && hold.active === 0 && hold.slots === 0) closeHold(state, ctx, hold.bidId)
  announceCapacity(state, ctx)
  return false
}

/** The policies, and their quotas, let one more of the same in, and no cordon stands. */
function admitsAnother(state: NegotiationState, ctx: Context, { submitter, spec }: ContractState): boolean {
  return state.cordon === undefined && askPolicies(state, ctx, { submitter, spec, as: 'awarded' }).allowed
}

/** Wait between two announcements of freed capacity: many small tasks end at once. */
const ANNOUNCE_MS = 20

/** Capacity freed: those who wait for it are told shortly. */
export function announceCapacity(state: NegotiationState, ctx: Context): void {
  if (state.waiters.size > 0) state.deadlines.setEarlier('announce', ctx.nowMs + ANNOUNCE_MS)
}

/** Tells the submitters this node had no room for that it has some now; while it is cordoned they go on waiting. */
export function tellWaiters(state: NegotiationState, ctx: Context): void {
  if (state.cordon !== undefined) return
  giveTurns(state, ctx, (waiter, free) => send(ctx, waiter, { t: 'capacity', body: { free } }))
}
