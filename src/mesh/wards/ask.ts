/**
 * Asking those who hold what this node does not: a linked peer for the digests it has, and any contact of a ward for
 * nodes of it. Who does not answer in time is not waited for; the next one is asked.
 */
import { WARD_LIMITS, type WardQuestion } from '../../model/ward.ts'
import { zoneLabel } from '../../model/zones.ts'
import type { NegotiationInput } from '../../negotiation/step.ts'
import type { NodeId } from '../../negotiation/types.ts'
import { merge, setApart, type RegistryEvent } from '../../registry/registry.ts'
import { tellRegistryNews } from '../registry-events.ts'
import type { MeshEffect, MeshInput, MeshState, StepContext } from '../types.ts'
import { takeDigest } from './digests.ts'
import { isHeldHere } from './held.ts'
import type { Question } from './state.ts'
import { nameOf } from './ward.ts'

/** One that is asked has so long, a dial included. */
const ANSWER_MS = 3_000
/** Contacts of one ward that are asked before it counts as silent. */
const MOST_ASKED = 4
/** A ward that was silent is asked again after so long. */
const SILENT_MS = 60_000

/** What is told of what becomes of guests. */
const GUEST_NEWS: ReadonlySet<RegistryEvent['type']> = new Set(['passport-changed', 'heartbeat', 'quarantined'])

/** Nobody has answered. */
const SILENCE = { outcome: 'silent', left: 0, last: '' } as const

/** Asks a peer for its digests, unless one is being asked already. */
export function askForDigests(state: MeshState, peer: NodeId, ctx: StepContext): void {
  const { questions } = state.wards
  if ([...questions.values()].some(({ about }) => about === undefined)) return
  send(state, ctx, { nonce: ctx.rng.int(2 ** 32), about: undefined, ticket: undefined, peer, others: [], untilMs: 0 })
}

/**
 * Asks a ward for nodes.
 * @param ticket whoever waits for it: comes back in a `ward-answered` effect, whatever becomes of it
 */
export function askWard(state: MeshState, about: WardQuestion, ticket: string | undefined, ctx: StepContext): void {
  const [peer, ...others] = contactsOf(state, about.ward, ctx)
  const isAsked =
    peer !== undefined && send(state, ctx, { nonce: ctx.rng.int(2 ** 32), about, ticket, peer, others, untilMs: 0 })
  if (!isAsked) answered(state, { about, ticket }, SILENCE, ctx)
}

/** Linked members of the ward, then the contacts of its digests. */
function contactsOf({ self, wards, peers }: MeshState, ward: string, { rng, out }: StepContext): NodeId[] {
  const linked = rng.shuffle([...peers].filter((peer) => wards.here.get(peer) === ward))
  const named = [...wards.digests.values()]
    .filter((held) => nameOf(held.ward) === ward)
    .toSorted((a, b) => b.bornMs - a.bornMs)
    .flatMap(({ body }) => rng.shuffle([...body.contacts]))
  for (const { peerId, addresses } of named) {
    if (peerId !== self && !peers.has(peerId)) out.push({ type: 'learn-addresses', peer: peerId, addresses })
  }
  const all = new Set([...linked, ...named.map(({ peerId }) => peerId)])
  all.delete(self)
  return [...all].slice(0, MOST_ASKED)
}

function send(state: MeshState, { nowMs, out }: StepContext, question: Question): boolean {
  const { nonce, about, peer } = question
  question.untilMs = nowMs + ANSWER_MS
  if (!state.wards.questions.set(nonce, question)) return false
  const digestsFor = zoneLabel(state.local.labels) ?? ''
  const want = about === undefined ? { digestsFor } : { nodes: about }
  out.push({ type: 'send', to: peer, message: { t: 'ward-ask', body: { nonce, want } } })
  state.deadlines.setEarlier('ward-asks', question.untilMs)
  return true
}

/** The time of some who were asked is over. */
export function askOthers(state: MeshState, ctx: StepContext): void {
  const { questions } = state.wards
  for (const question of [...questions.values()]) {
    if (question.untilMs <= ctx.nowMs) askNext(state, question, ctx)
    else state.deadlines.setEarlier('ward-asks', question.untilMs)
  }
}

function askNext(state: MeshState, question: Question, ctx: StepContext): void {
  const next = question.others.shift()
  state.wards.questions.delete(question.nonce)
  if (next === undefined) return answered(state, question, SILENCE, ctx)
  // A late answer to the former question is an answer to none.
  send(state, ctx, { ...question, nonce: ctx.rng.int(2 ** 32), peer: next })
}

/** An answer came. Only to what was asked, and of whom it was. @returns what bargaining has to hear */
export function onTold(
  state: MeshState,
  { from, nonce, records, left, moved }: MeshInput & { type: 'ward-told' },
  ctx: StepContext,
): NegotiationInput[] {
  const { wards } = state
  const question = wards.questions.get(nonce)
  if (question === undefined || question.peer !== from) return []
  if (moved && records.length === 0) {
    askNext(state, question, ctx)
    return []
  }
  wards.questions.delete(nonce)
  if (question.about === undefined) {
    for (const { record, ageMs, statedAgeMs } of records) {
      if (record.kind === 'digest') takeDigest(wards, record, Math.max(ageMs, statedAgeMs), ctx.nowMs)
    }
    state.deadlines.setEarlier('wards', ctx.nowMs)
    return []
  }
  const passedOn = records.slice(0, 4 * WARD_LIMITS.told).flatMap((one) => takeGuest(state, one, ctx))
  wards.silent.delete(question.about.ward)
  const last = records.reduce((most, { record }) => (record.author > most ? record.author : most), '')
  answered(state, question, { outcome: 'told', left, last }, ctx)
  return passedOn
}

/** A record of a member of another ward: it is kept apart, and may be let go at any time. */
function takeGuest(
  state: MeshState,
  { record, ageMs, statedAgeMs }: (MeshInput & { type: 'ward-told' })['records'][number],
  { nowMs, out }: StepContext,
): NegotiationInput[] {
  const { registry, wards } = state
  const { author, kind } = record
  if ((kind !== 'passport' && kind !== 'heartbeat') || isHeldHere(state, author)) return []
  const { events, persist } = merge(registry, record, ageMs, nowMs, statedAgeMs)
  if (!registry.authors.has(author)) return []
  setApart(registry, author, true)
  wards.guests.delete(author)
  wards.guests.set(author, nowMs)
  // Whoever was pushed out for it, and had nobody to work for.
  state.deadlines.setEarlier('ward-release', nowMs)
  // Nothing of guests is told or stored, except that one lies: its own ward may not know it yet.
  const news = events.filter(({ type }) => GUEST_NEWS.has(type))
  const proofs = persist.filter(({ collection }) => collection === 'proof')
  return tellRegistryNews(state, { events: news, persist: proofs }, out)
}

function answered(
  { wards }: MeshState,
  { about, ticket }: Pick<Question, 'about' | 'ticket'>,
  what: Pick<MeshEffect & { type: 'ward-answered' }, 'outcome' | 'left' | 'last'>,
  { nowMs, out }: StepContext,
): void {
  if (about === undefined) return
  if (what.outcome === 'silent') wards.silent.set(about.ward, nowMs)
  if (ticket !== undefined) out.push({ type: 'ward-answered', ticket, ward: about.ward, ...what })
}

/** Whether nobody of a ward answered lately. */
export function isSilent({ wards }: MeshState, ward: string, nowMs: number): boolean {
  return nowMs - (wards.silent.get(ward) ?? -Infinity) < SILENT_MS
}
