/**
 * From the whole mesh into a ward, from one ward into another, and back: always the same move. On its way a node
 * listens and speaks in both, and holds both; it has arrived when all who should be there were heard there, or after
 * some beats of theirs. In a small mesh none of this runs.
 *
 * Who stays in the nameless zone while others get a zone of their own, or lose it, moves as well, from the ward as it
 * is by the former zones to the same as it is by the new ones: they are held until they have had the time to go.
 */
import { NAMELESS_ZONE, WHOLE } from '../../model/ward.ts'
import type { NegotiationInput } from '../../negotiation/step.ts'
import type { NodeId } from '../../negotiation/types.ts'
import { release, setApart } from '../../registry/registry.ts'
import { beat, publishPassports } from '../heartbeat.ts'
import { rejoinRoster, takeMembership } from '../membership.ts'
import { beatIntervalMs, livingMembers } from '../pace.ts'
import { tellRegistryNews } from '../registry-events.ts'
import { syncWith } from '../sync.ts'
import type { MeshState, StepContext } from '../types.ts'
import { askForDigests } from './ask.ts'
import { expireDigests, membersIn, newestByWard } from './digests.ts'
import { heldName, holdsTheSame, isHeldHere, livingIn, livingResidents, residentOf } from './held.ts'
import { lookAfterLinks } from './links.ts'
import { planFor, type Plan } from './plan.ts'
import type { WardConfig, WardState } from './state.ts'
import { contains, nameOf, type Ward } from './ward.ts'

/** Members of other wards are let go once a second, a tenth of them at a time and no fewer than these. */
const LEAST_RELEASED = 64
export const RELEASE_MS = 1_000
/** Beats of a ward after which whoever was not heard there is not waited for. */
const AWAITED_BEATS = 3

/** Looks at where this node is and should be. Called every `reviewMs`. @returns what bargaining has to hear */
export function reviewWard(state: MeshState, config: WardConfig, ctx: StepContext): NegotiationInput[] {
  const { wards } = state
  const { nowMs, rng } = ctx
  state.deadlines.set('wards', nowMs + Math.round(config.reviewMs * (0.75 + rng.next() / 2)))
  expireDigests(wards, nowMs)
  lookAfterLinks(state, ctx)
  if (state.registry.apart.size > 0) state.deadlines.setEarlier('ward-release', nowMs)
  if (wards.move !== undefined) return hasArrived(state, config, ctx) ? arrive(state, ctx) : []
  if (wards.at === undefined) askAgain(state, ctx)
  const mayStay = wards.at === undefined && wards.digests.size === 0
  if (state.phase === 'leaving' || (mayStay && livingMembers(state) <= config.wholeMost)) {
    wards.wishedMs = undefined
    return []
  }
  const plan = planFor(wards, config, { self: residentOf(state, state.self), living: livingResidents(state) })
  const stays = nameOf(plan.ward) === nameOf(wards.at)
  if (stays && !isRedrawn(wards, plan.zones)) {
    wards.zones = plan.zones
    wards.wishedMs = undefined
    return []
  }
  if (plan.atOnce) return isTold(state) ? goAtOnce(state, plan, ctx) : []
  // Not all at one moment; but who stays is ready before others go.
  wards.wishedMs ??= nowMs + (stays ? 0 : Math.round((rng.next() * config.settleMs) / 2))
  return nowMs - wards.wishedMs >= config.settleMs ? setOut(state, plan, ctx) : []
}

/** Whether the same ward has other members by these zones: in the nameless zone are all that have none of their own. */
function isRedrawn({ at, zones }: WardState, others: ReadonlySet<string>): boolean {
  return at?.zone === NAMELESS_ZONE && (zones.size !== others.size || [...zones].some((zone) => !others.has(zone)))
}

/** Begins to move. */
function setOut(state: MeshState, { ward, zones }: Plan, ctx: StepContext): NegotiationInput[] {
  const { wards } = state
  const isStranger = !contains(wards.at, ward) && !contains(ward, wards.at)
  wards.move = { to: ward, zones, sinceMs: ctx.nowMs, heard: new Set() }
  // The whole mesh holds all, whatever zones there are.
  if (wards.at === undefined) wards.zones = zones
  wards.wishedMs = undefined
  if (nameOf(ward) === nameOf(wards.at)) return []
  wards.toldWholeMs = -Infinity
  listen(state, ctx)
  const passedOn = takeBack(state, ctx)
  tellPeers(state, ctx)
  state.deadlines.setEarlier('ward-digest', ctx.nowMs)
  if (state.phase !== 'ready') return passedOn
  // Those of a ward that lies around or in this one have the passport already, or get it by sync.
  if (isStranger) publishPassports(state, ctx)
  beat(state, ctx)
  return passedOn
}

/** A mesh that is cut has two wards at least, with two that speak for each but the smallest. */
const LEAST_SPEAKERS = 3

/**
 * Whether most of those who are linked say that they are in a ward, and several members speak for theirs: one that lies
 * must not make a node of a small mesh forget the others, not even one that is linked with it alone at first.
 */
function isTold(state: MeshState): boolean {
  return 2 * peersInWards(state).length > state.peers.size && state.wards.digests.size >= LEAST_SPEAKERS
}

function peersInWards({ peers, wards }: MeshState): NodeId[] {
  return [...peers].filter((peer) => (wards.here.get(peer) ?? WHOLE) !== WHOLE)
}

/** One that was told too little, by whoever was asked first, asks another. */
function askAgain(state: MeshState, ctx: StepContext): void {
  const inWards = peersInWards(state)
  const isAstray = 2 * inWards.length > state.peers.size && state.wards.digests.size < LEAST_SPEAKERS
  if (isAstray) askForDigests(state, ctx.rng.pick(inWards), ctx)
}

/** Others are in wards already, and this node holds nothing that they wait for: it is there at once. */
function goAtOnce(state: MeshState, { ward, zones }: Plan, ctx: StepContext): NegotiationInput[] {
  state.wards.move = { to: ward, zones, sinceMs: ctx.nowMs, heard: new Set() }
  const passedOn = arrive(state, ctx)
  // It may be linked to nobody there yet.
  state.deadlines.set('wards', ctx.nowMs)
  if (state.phase !== 'ready') return passedOn
  publishPassports(state, ctx)
  beat(state, ctx)
  return passedOn
}

function hasArrived(state: MeshState, config: WardConfig, ctx: StepContext): boolean {
  const { wards } = state
  const { to, zones, sinceMs, heard } = wards.move!
  const waitedMs = ctx.nowMs - sinceMs
  if (waitedMs < 2 * config.reviewMs) return false
  const awaited = livingIn(state, to, zones)
  const expected = membersIn(newestByWard(wards).values(), to)
  const patienceMs = Math.max(
    config.settleMs,
    AWAITED_BEATS * beatIntervalMs(ctx.config, Math.max(awaited.length + 1, expected)),
  )
  if (waitedMs >= patienceMs) return true
  return awaited.length + 1 >= expected && awaited.every((id) => heard.has(id))
}

/** The move is over: whoever is elsewhere is no longer held. */
function arrive(state: MeshState, ctx: StepContext): NegotiationInput[] {
  const { wards, registry } = state
  const { to, zones } = wards.move!
  Object.assign(wards, { at: to, zones, move: undefined })
  wards.atMs = ctx.nowMs
  listen(state, ctx)
  const passedOn = takeBack(state, ctx)
  for (const id of [...state.topology.members.keys()]) {
    if (!isHeldHere(state, id)) passedOn.push(...takeMembership(state, { type: 'member-dismissed', id }, ctx))
  }
  for (const id of [...registry.authors.keys()]) if (!isHeldHere(state, id)) setApart(registry, id, true)
  if (wards.at === undefined) wards.digests.clear()
  else state.deadlines.setEarlier('ward-digest', ctx.nowMs)
  tellPeers(state, ctx)
  return passedOn
}

/** Those who were set apart and are held from now on. */
function takeBack(state: MeshState, ctx: StepContext): NegotiationInput[] {
  const passedOn: NegotiationInput[] = []
  for (const id of [...state.registry.apart]) {
    if (!isHeldHere(state, id)) continue
    setApart(state.registry, id, false)
    state.wards.guests.delete(id)
    passedOn.push(...rejoinRoster(state, id, ctx))
  }
  return passedOn
}

/** Which topics are heard from now on. */
function listen({ wards: { at, move } }: MeshState, { out }: StepContext): void {
  const there: (Ward | undefined)[] = move === undefined ? [at] : [at, move.to]
  const names = [...new Set(there.map(nameOf))]
  out.push({ type: 'listen', wards: names, digests: there.some((ward) => ward !== undefined) })
}

/** Tells all linked peers what this node holds now, and compares with those who hold the same. */
function tellPeers(state: MeshState, ctx: StepContext): void {
  for (const peer of state.peers) {
    ctx.out.push({ type: 'send', to: peer, message: { t: 'ward-here', body: { ward: heldName(state) } } })
    if (holdsTheSame(state, peer)) syncWith(state, peer, ctx.nowMs, ctx.out)
  }
}

/**
 * Lets go of some of those who are of other wards, guests aside, but of nobody just after a move: who still is on its
 * way compares what it holds with those who have arrived, and of whom they knew nothing they would take for one of
 * theirs. @returns what bargaining has to hear
 */
export function releaseSome(state: MeshState, config: WardConfig, { nowMs, out }: StepContext): NegotiationInput[] {
  const { registry, wards } = state
  const fromMs = wards.atMs + config.settleMs
  if (nowMs < fromMs) {
    state.deadlines.setEarlier('ward-release', fromMs)
    return []
  }
  const isKept = (id: NodeId) => wards.guests.has(id) && registry.authors.get(id)?.shown !== 'gone'
  const strangers: NodeId[] = [...registry.apart].filter((id) => !isKept(id) && !isNeeded(state, id))
  const now = strangers.slice(0, Math.max(LEAST_RELEASED, strangers.length / 10))
  if (now.length < strangers.length) state.deadlines.set('ward-release', nowMs + RELEASE_MS)
  return now.flatMap((id) => {
    wards.guests.delete(id)
    return tellRegistryNews(state, release(registry, id), out)
  })
}

/** Whether work binds this node to another. */
function isNeeded({ negotiation }: MeshState, id: NodeId): boolean {
  if (negotiation.byExecutor.has(id)) return true
  for (const { submitter } of negotiation.contracts.values()) if (submitter === id) return true
  return false
}
