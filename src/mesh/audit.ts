/**
 * The audit log's place in the mesh: what is written of members, how much strangers can make this node write, and the
 * watch over the logs of others.
 */
import {
  acceptLog,
  createWitness,
  hearHead,
  hearProof,
  nextQuestion,
  restoreHead,
  type Found,
  type HeardHead,
} from '../audit/witness.ts'
import type { AuditDraft, AuditType } from '../model/audit.ts'
import type { ControlMessage } from '../model/control.ts'
import type { NodeId } from '../negotiation/types.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import { TokenBuckets, type Rate } from '../util/token-buckets.ts'
import type { VerifiedRecord } from '../wire/envelope.ts'
import { readAlarm, readHead } from './audit-stored.ts'
import type { AuditState, MeshEffect, MeshState, StepContext } from './types.ts'

/** One neighbour is asked for a proof at a time, whatever the size of the mesh: a proof takes some hundred bytes. */
const ASK_EVERY_MS = 30_000

/** What anybody may make this node write by asking it; beyond it events are counted, and the count is written. */
const BY_STRANGERS: ReadonlySet<AuditType> = new Set([
  'offer.received',
  'bid.sent',
  'decline.sent',
  'refusal.sent',
  'cancel.received',
  'operation.refused',
])
/** Such events of one peer that is not on the trust list. */
const BY_STRANGER: Rate = { perSecond: 20, burst: 2_000 }
const MAX_STRANGERS = 1_024

/** Nothing is known of others. */
export function createAuditState(): AuditState {
  return {
    witness: createWitness(),
    allowance: new TokenBuckets(BY_STRANGER, MAX_STRANGERS),
    omitted: new BoundedMap(MAX_STRANGERS, 'evict-oldest'),
  }
}

/** Writes one event. */
export function noteEvent(out: MeshEffect[], event: AuditDraft): void {
  out.push({ type: 'audit', event })
}

/** Takes back what strangers would have this node write beyond their allowance. */
export function boundStrangers(state: MeshState, { nowMs, out }: StepContext): void {
  for (let at = 0; at < out.length; at++) {
    const effect = out[at]!
    if (effect.type !== 'audit' || !BY_STRANGERS.has(effect.event.type) || !('peer' in effect.event)) continue
    const peer = effect.event.peer!
    if (state.local.trusted.has(peer)) continue
    const { allowance, omitted } = state.audit
    if (allowance.take(peer, nowMs)) continue
    omitted.set(peer, (omitted.get(peer) ?? 0) + 1)
    out.splice(at--, 1)
  }
}

/** Plans the first question. */
export function planQuestions(state: MeshState, { nowMs, rng }: StepContext): void {
  state.deadlines.set('audit', nowMs + Math.round(ASK_EVERY_MS * (0.5 + rng.next())))
}

/** Asks the next neighbour for its proof, and tells what was not written of strangers. */
export function askSomeone(state: MeshState, ctx: StepContext): void {
  const { nowMs, rng, out } = ctx
  for (const [peer, count] of state.audit.omitted) noteEvent(out, { type: 'audit.omitted', count, peer })
  state.audit.omitted.clear()
  const nonce = rng.int(2 ** 32)
  const question = nextQuestion(state.audit.witness, state.peers, nonce, nowMs)
  if (question) {
    const { peer, sizes } = question
    const want = { type: 'consistency' as const, sizes: [...sizes] }
    out.push({ type: 'send', to: peer, message: { t: 'audit-ask', body: { nonce, want } } })
  }
  planQuestions(state, ctx)
}

/** A heartbeat was merged: the head in it is held against those before. */
export function witness(state: MeshState, record: VerifiedRecord, ctx: StepContext): void {
  if (record.kind !== 'heartbeat' || record.author === state.self) return
  // The registry has checked its body, and it is the newest there.
  const told = state.registry.authors.get(record.author)?.beat?.body.audit
  if (told === undefined) return
  const { epoch, seq, bytes } = record
  const head: HeardHead = { ...told, epoch, seq, record: bytes }
  carryFound(record.author, hearHead(state.audit.witness, record.author, head, ctx.nowMs), ctx.out)
}

/** Takes the messages of the audit. @returns false when the message is none of them */
export function onAuditMessage(state: MeshState, from: NodeId, message: ControlMessage, ctx: StepContext): boolean {
  if (message.t === 'audit-ask') {
    ctx.out.push({ type: 'audit-answer', to: from, ask: message.body })
    return true
  }
  if (message.t !== 'audit-told') return false
  const { nonce, told } = message.body
  if (told.type === 'consistency')
    carryFound(from, hearProof(state.audit.witness, from, { ...told, nonce }, ctx.nowMs), ctx.out)
  ctx.out.push({ type: 'audit-told', from, told: message.body })
  return true
}

function carryFound(peer: NodeId, { alarm, anchor, forgotten }: Found, out: MeshEffect[]): void {
  if (forgotten !== undefined) out.push({ type: 'cache', collection: 'audit-head', key: forgotten, doc: null })
  if (anchor) out.push({ type: 'cache', collection: 'audit-head', key: peer, doc: anchor })
  if (!alarm) return
  out.push({ type: 'persist', collection: 'audit-alarm', key: peer, doc: alarm })
  noteEvent(out, { type: 'audit.alarm', peer, what: alarm.what })
  out.push({ type: 'node-event', peer, what: 'audit-alarm' })
}

/** What the store holds of others' logs; what does not fit any more is left out. */
export function restoreWitness(
  { audit }: MeshState,
  stored: { readonly heads: ReadonlyMap<string, unknown>; readonly alarms: ReadonlyMap<string, unknown> },
): void {
  for (const [peer, doc] of stored.heads) {
    const head = readHead(doc)
    if (head) restoreHead(audit.witness, peer, head)
  }
  for (const [peer, doc] of stored.alarms) {
    const alarm = readAlarm(doc)
    if (alarm) audit.witness.alarms.set(peer, alarm)
  }
}

/** Somebody knows why a log contradicts itself. */
export function acceptAgain({ audit }: MeshState, peer: NodeId, out: MeshEffect[]): void {
  if (!acceptLog(audit.witness, peer)) return
  out.push({ type: 'persist', collection: 'audit-alarm', key: peer, doc: null })
  out.push({ type: 'cache', collection: 'audit-head', key: peer, doc: null })
  noteEvent(out, { type: 'audit.accepted', peer })
  out.push({ type: 'node-event', peer, what: 'audit-accepted' })
}
