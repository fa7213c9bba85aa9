/**
 * Where who-is-alive meets the rest: what links, heartbeats and probes say goes into `topology/`, and what that
 * finds goes to the registry (what is shown), to bargaining (whose tasks are lost) and out (probes, testimony).
 */
import { Testimony } from '../model/membership.ts'
import type { NegotiationInput } from '../negotiation/step.ts'
import type { NodeId } from '../negotiation/types.ts'
import { leaseMsOf, noteVerdict, type RegistryEvent } from '../registry/registry.ts'
import { pointOf } from '../topology/coordinates/told.ts'
import { topologyStep } from '../topology/step.ts'
import type { TopologyEffect, TopologyInput } from '../topology/types.ts'
import type { VerifiedRecord } from '../wire/envelope.ts'
import { noteEvent } from './audit.ts'
import { beat, nextSeq } from './heartbeat.ts'
import { tellRegistryNews } from './registry-events.ts'
import type { MeshEffect, MeshState, ProbeMessage, StepContext } from './types.ts'
import { keptLinks } from './wards/links.ts'
import { everywhere } from './wards/speak.ts'

/** Testimony is news for so long; what is older by its author's clock may be a recording. */
const TESTIMONY_TTL_MS = 60_000

/** Feeds one input to the membership core and carries over what follows. @returns what bargaining has to hear */
export function takeMembership(state: MeshState, input: TopologyInput, ctx: StepContext): NegotiationInput[] {
  return topologyStep(state.topology, input, ctx.nowMs, ctx.rng).flatMap((effect) => carry(state, effect, ctx))
}

function carry(state: MeshState, effect: TopologyEffect, ctx: StepContext): NegotiationInput[] {
  const { out } = ctx
  switch (effect.type) {
    case 'ping': {
      const { to, nonce, suspects } = effect
      out.push({ type: 'probe', to, message: { t: 'ping', body: { nonce, ...(suspects && { suspects }) } } })
      return []
    }
    case 'ask':
      out.push(probe(effect.via, 'ask', effect))
      return []
    case 'answer-ask':
      out.push(probe(effect.to, 'asked', effect))
      return []
    case 'dial':
      out.push({ type: 'dial', peer: effect.id })
      return []
    case 'keep-links':
      out.push(keptLinks(state, effect.ids))
      return []
    case 'testify': {
      const { watcher: _author, ...body } = effect.testimony
      const { epoch } = state
      const seq = nextSeq(state, 'testimony')
      const name = effect.testimony.subject
      const spoken = { topic: 'pulse' as const, ...everywhere(state) }
      out.push({ type: 'publish', ...spoken, kind: 'testimony', name, epoch, seq, ttlMs: TESTIMONY_TTL_MS, body })
      return []
    }
    case 'refute':
      // Nothing is published while joining; the first heartbeat will say it.
      if (state.phase === 'ready') beat(state, ctx)
      return []
    case 'verdict':
      return onVerdict(state, effect, ctx)
    case 'brake':
      out.push({ type: 'node-event', peer: state.self, what: effect.on ? 'brake-on' : 'brake-off' })
      noteEvent(out, { type: effect.on ? 'brake.on' : 'brake.off' })
      return effect.on ? [] : [{ type: 'reconnected' }]
  }
}

function probe(to: NodeId, t: 'ask' | 'asked', { nonce, subject }: { nonce: number; subject: NodeId }): MeshEffect {
  return { type: 'probe', to, message: { t, body: { nonce, subject } } }
}

function onVerdict(
  state: MeshState,
  { id, verdict, why }: TopologyEffect & { type: 'verdict' },
  ctx: StepContext,
): NegotiationInput[] {
  if (verdict === 'suspect') ctx.out.push({ type: 'node-event', peer: id, what: 'suspect' })
  const passedOn = tellRegistryNews(state, noteVerdict(state.registry, id, verdict === 'offline', ctx.nowMs), ctx.out)
  if (verdict === 'offline') passedOn.push({ type: 'node-lost', node: id, why })
  else if (verdict === 'alive') passedOn.push({ type: 'node-back', node: id })
  return passedOn
}

/** What the registry's news means for who is alive. A passport tells the machine a member runs on. */
export function onRegistryEvent(state: MeshState, event: RegistryEvent, ctx: StepContext): NegotiationInput[] {
  if (event.type === 'heartbeat') return hearHeartbeat(state, event.peerId, true, ctx)
  if (event.type === 'passport-changed') return hearHeartbeat(state, event.peerId, false, ctx)
  if (event.type !== 'node-offline' || event.peerId === state.self || event.reason === 'left') return []
  return takeMembership(state, { type: 'member-lapsed', id: event.peerId }, ctx)
}

/**
 * The newest heartbeat of a member, unless it is so old that it says nothing of now. Its place is told once only, when
 * the heartbeat `isNew`: whoever measured it moves by every telling.
 */
function hearHeartbeat(state: MeshState, id: NodeId, isNew: boolean, ctx: StepContext): NegotiationInput[] {
  const author = state.registry.authors.get(id)
  const record = state.registry.records.get(`${id}/heartbeat/`)?.record
  if (id === state.self || author?.beat === undefined || record === undefined) return []
  if (ctx.nowMs - author.beat.bornMs >= leaseMsOf(author, state.registry.config)) return []
  const pair = { epoch: record.epoch, incarnation: author.beat.body.incarnation }
  if (author.beat.body.state === 'offline') return takeMembership(state, { type: 'member-left', id, pair }, ctx)
  const { coordinate } = author.beat.body
  const point = isNew && coordinate ? pointOf(coordinate) : undefined
  return takeMembership(state, { type: 'member', id, pair, host: hostOf(state, id), point }, ctx)
}

/** It is on the roster again, as its newest heartbeat has it. */
export function rejoinRoster(state: MeshState, id: NodeId, ctx: StepContext): NegotiationInput[] {
  return hearHeartbeat(state, id, true, ctx)
}

/** The machine a node runs on, by its passport; empty while that is not known. */
export function hostOf(state: MeshState, id: NodeId): string {
  if (id === state.self) return state.local.labels['kubernetes.io/hostname'] ?? ''
  for (const { body } of state.registry.authors.get(id)?.passports.values() ?? []) {
    const host = body.spec.node && body.metadata.labels['kubernetes.io/hostname']
    if (host !== undefined) return host
  }
  return ''
}

/** This node's own epoch and machine, before anything is said of others. */
export function introduceSelf(state: MeshState, ctx: StepContext): NegotiationInput[] {
  const { incarnation } = state.topology.own
  const pair = { epoch: state.epoch, incarnation }
  return takeMembership(state, { type: 'member', id: state.self, pair, host: hostOf(state, state.self) }, ctx)
}

/** Takes a verified testimony. `statedAgeMs`: by its author's own clock. */
export function takeTestimony(
  state: MeshState,
  record: VerifiedRecord,
  statedAgeMs: number,
  ctx: StepContext,
): NegotiationInput[] {
  const { out } = ctx
  const parsed = Testimony.safeParse(record.body)
  if (!parsed.success || record.name !== parsed.data.subject) {
    out.push({ type: 'fate', fate: 'reject', outcome: 'invalid-body' })
    return []
  }
  const { subject, seq } = parsed.data
  const heardSeq = () => state.topology.members.get(subject)?.testimony.get(record.author)?.seq ?? -1
  const isQuarantined = state.registry.quarantined.has(record.author)
  const isNews = !isQuarantined && statedAgeMs < TESTIMONY_TTL_MS && heardSeq() < seq
  const at = out.length
  const testimony = { watcher: record.author, ...parsed.data }
  const passedOn = isNews ? takeMembership(state, { type: 'testimony', testimony }, ctx) : []
  // Forwarded where it was kept: two that keep nothing of it, such as a stranger's, would forward it for ever.
  const isKept = isNews && heardSeq() === seq
  const fate = isKept ? ({ fate: 'accept', outcome: 'new' } as const) : ({ fate: 'ignore', outcome: 'stale' } as const)
  // The fate of a record is told first of all.
  out.splice(at, 0, { type: 'fate', ...fate })
  return passedOn
}

/** Takes a probe or an answer to one; a ping is answered at once. `rttMs`: of an answer, if it was measured. */
export function takeProbe(
  state: MeshState,
  {
    from,
    message,
    rttMs,
  }: { readonly from: NodeId; readonly message: ProbeMessage; readonly rttMs?: number | undefined },
  ctx: StepContext,
): NegotiationInput[] {
  const { t, body } = message
  switch (t) {
    case 'ping':
      ctx.out.push({ type: 'probe', to: from, message: { t: 'pong', body: { nonce: body.nonce } } })
      return takeMembership(state, { type: 'ping', from, suspects: body.suspects }, ctx)
    case 'pong':
      return takeMembership(state, { type: 'pong', from, nonce: body.nonce, rttMs }, ctx)
    default:
      return takeMembership(state, { type: t, from, subject: body.subject, nonce: body.nonce }, ctx)
  }
}

/** True for the messages that `takeProbe` takes. */
export function isProbe(message: { readonly t: string }): message is ProbeMessage {
  return message.t === 'ping' || message.t === 'pong' || message.t === 'ask' || message.t === 'asked'
}
