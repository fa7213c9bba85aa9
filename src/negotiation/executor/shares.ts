/**
 * What one submitter may have of this node while others may want some of it. In a cluster with a roster all nodes of
 * one owner are one submitter here, so that who has many machines has no larger share. Two things run out, and each
 * has a rule of its own.
 *
 * Places in the books (holds, contracts): a submitter has at most half of what the others leave. However many
 * there are at their bound, the next one finds a place, and nothing is kept idle for submitters that do not
 * exist. This is the dynamic threshold of Choudhury and Hahne (Dynamic Queue Length Thresholds for
 * Shared-Memory Packet Switches, IEEE/ACM Transactions on Networking 6(2), 1998) with α = 1.
 *
 * Room (CPU, memory): when some comes free, those who asked in vain are told, and for a moment it is kept
 * for whoever has least of the node: the smaller dominant share first (Ghodsi et al., Dominant Resource
 * Fairness, NSDI 2011), among equals whoever was given something longer ago, among nodes of one owner the node.
 * Without it a submitter that offers all day long would win every race for what comes free, its own lapsed holds
 * included. Nothing is ever taken away, and room that nobody comes for is anybody's again after `TURN_MS`.
 */
import type { DeclineReason } from '../../model/negotiation.ts'
import { addResources, NO_RESOURCES, scaleResources, type Resources } from '../../model/resources.ts'
import { NEGOTIATION_LIMITS, SHARE_OF_REST } from '../config.ts'
import { slotsThatFit } from '../constraints.ts'
import { freeOf } from '../state.ts'
import type { Context, NegotiationState, NodeId } from '../types.ts'
import { ofOwner, ownerKey } from './owners.ts'

/**
 * How long room is kept for whoever has the first turn. A submitter that is told offers again after its shortest
 * wait (`reofferMinMs`, 250 ms) and the way there and back.
 */
const TURN_MS = 500

/** Places in the books: what a submitter has, and may have. */
interface Places {
  readonly own: number
  readonly most: number
}

function placesOf(own: number, others: number, cap: number): Places {
  // Rounded up, so that the very last place can still be had.
  return { own, most: Math.ceil(Math.max(0, cap - others) * SHARE_OF_REST) }
}

function holdPlaces(state: NegotiationState, ctx: Context, from: NodeId): Places {
  const isTheirs = ofOwner(ctx.local, from)
  let own = 0
  for (const { submitter } of state.holds.values()) if (isTheirs(submitter)) own++
  return placesOf(own, state.holds.size - own, ctx.config.holds)
}

/**
 * A slot that was promised counts as the contract it may become, so that a promise is always kept. What has
 * ended and is not settled counts for its own submitter, whom it holds back until it settles, and against
 * nobody else: it goes by rules of its own (`boundUnsettled`).
 */
function contractPlaces(state: NegotiationState, ctx: Context, from: NodeId): Places & { readonly ended: number } {
  const isTheirs = ofOwner(ctx.local, from)
  let own = 0
  let others = 0
  let ended = 0
  for (const { submitter, slots } of state.holds.values()) {
    if (isTheirs(submitter)) own += slots
    else others += slots
  }
  for (const { submitter, phase } of state.contracts.values()) {
    if (!isTheirs(submitter)) others += phase === 'ended' ? 0 : 1
    // What another node of the owner has not settled it alone can settle.
    else if (phase !== 'ended' || submitter === from) {
      own++
      if (phase === 'ended') ended++
    }
  }
  return { ...placesOf(own, others, ctx.config.contracts), ended }
}

/** How many more contracts a submitter may be promised. */
export function contractsLeft(state: NegotiationState, ctx: Context, from: NodeId): number {
  const { own, most } = contractPlaces(state, ctx, from)
  return Math.max(0, most - own)
}

/** Why a submitter gets nothing more now, as a decline says it; empty when it may have a hold and a contract. */
export function shareReasons(state: NegotiationState, ctx: Context, from: NodeId, free: Resources): DeclineReason[] {
  const reasons: DeclineReason[] = []
  const say = (wanted: string, measured: string) =>
    void reasons.push({ constraint: 'share', wanted, measured, temporary: true })
  const holds = holdPlaces(state, ctx, from)
  if (holds.own >= holds.most)
    say('a hold within the share of one submitter', `it has ${holds.own} holds here; its share now is ${holds.most}`)
  const contracts = contractPlaces(state, ctx, from)
  if (contracts.own >= contracts.most) {
    const { own, ended, most } = contracts
    const measured = `it has ${own} here, ${ended} of them ended and not settled; its share now is ${most}`
    say('a contract within the share of one submitter', measured)
  }
  const before = whoGoesBefore(state, ctx, from, free)
  if (before !== undefined) say('room that nobody else has the first turn at', before)
  return reasons
}

/** Somebody whose turn comes before that of `from`, for room that is there: why it goes first. */
function whoGoesBefore(state: NegotiationState, ctx: Context, from: NodeId, free: Resources): string | undefined {
  if (state.turns.size === 0) return undefined
  const own = dominantShare(state, ctx, from)
  const isOurs = ofOwner(ctx.local, from)
  const percent = (share: number) => `${Math.round(share * 100)}%`
  for (const [node, { each, untilMs }] of state.turns) {
    if (node === from || untilMs <= ctx.nowMs || slotsThatFit({ resources: each }, 1, ctx.local, free) === 0) continue
    const theirs = isOurs(node) ? own : dominantShare(state, ctx, node)
    const least = theirs < own
    if (!least && (theirs > own || !servedLongerAgo(state, ctx, node, from))) continue
    // Once the turn is over there may still be room: whoever was put off is told then.
    state.deadlines.setEarlier('announce', untilMs)
    const why = least
      ? `it has ${percent(theirs)} of this node, this submitter ${percent(own)}`
      : 'it was given something longer ago'
    return `another that waits goes first: ${why}`
  }
  return undefined
}

/** Owners are compared with each other, lest many machines have many turns; nodes of one owner by themselves. */
function servedLongerAgo(state: NegotiationState, { local }: Context, node: NodeId, than: NodeId): boolean {
  const isOneOwners = ofOwner(local, than)(node)
  const servedMs = (one: NodeId) => state.servedMs.get(isOneOwners ? one : ownerKey(local, one)) ?? -Infinity
  return servedMs(node) < servedMs(than)
}

/** The larger of a submitter's (its owner's) shares of CPU and memory, held or contracted, 0…1. */
function dominantShare(state: NegotiationState, ctx: Context, node: NodeId): number {
  const { capacity } = ctx.local
  const isTheirs = ofOwner(ctx.local, node)
  let reserved = NO_RESOURCES
  for (const { submitter, spec, slots } of state.holds.values())
    if (isTheirs(submitter)) reserved = addResources(reserved, scaleResources(spec.resources, slots))
  for (const { submitter, spec, phase } of state.contracts.values())
    if (phase !== 'ended' && isTheirs(submitter)) reserved = addResources(reserved, spec.resources)
  return Math.max(
    reserved.cpuMilli / Math.max(1, capacity.cpuMilli),
    reserved.memoryBytes / Math.max(1, capacity.memoryBytes),
  )
}

/** A submitter was given a hold: its turn is used. */
export function noteServed(state: NegotiationState, ctx: Context, node: NodeId): void {
  state.turns.delete(node)
  for (const key of [node, ownerKey(ctx.local, node)]) {
    state.servedMs.touch(key)
    state.servedMs.set(key, ctx.nowMs)
  }
}

/** Notes that a submitter wants to hear when room for `each` comes free. */
export function rememberWaiter(state: NegotiationState, from: NodeId, each: Resources): void {
  if (state.waiters.has(from) || state.waiters.size < NEGOTIATION_LIMITS.waiters) state.waiters.set(from, each)
}

/** Tells those who wait that there is room, and gives them their turns at it. */
export function giveTurns(
  state: NegotiationState,
  ctx: Context,
  tell: (waiter: NodeId, free: Resources) => void,
): void {
  for (const [node, { untilMs }] of state.turns) if (untilMs <= ctx.nowMs) state.turns.delete(node)
  const free = freeOf(state, ctx.local.capacity)
  for (const [waiter, each] of state.waiters) {
    tell(waiter, free)
    if (state.turns.size < NEGOTIATION_LIMITS.waiters) state.turns.set(waiter, { each, untilMs: ctx.nowMs + TURN_MS })
  }
  state.waiters.clear()
}
