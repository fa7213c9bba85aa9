/**
 * The mesh's one door. `meshStep` takes one input at one moment, changes the state, and returns what
 * the world is asked to do, in order. The daemon and the simulator both call exactly this.
 */
import type { LoadSample } from '../model/hardware.ts'
import type { Resources } from '../model/resources.ts'
import { createNegotiation } from '../negotiation/state.ts'
import { negotiationStep, type NegotiationInput } from '../negotiation/step.ts'
import type { Context, NodeId } from '../negotiation/types.ts'
import { createRegistry, nextExpiryMs, restore as restoreRegistry } from '../registry/registry.ts'
import { distanceTo } from '../topology/coordinates/distance.ts'
import { createTopology, nextWakeMs as topologyWakeMs } from '../topology/state.ts'
import { Deadlines } from '../util/deadlines.ts'
import {
  acceptAgain,
  askSomeone,
  boundStrangers,
  createAuditState,
  onAuditMessage,
  planQuestions,
  restoreWitness,
} from './audit.ts'
import { candidatesOf } from './candidates.ts'
import { beat, publishPassports, setPassports, shownState, takeKnobs, tellIfChanged } from './heartbeat.ts'
import { hostOf, introduceSelf, isProbe, takeMembership, takeProbe } from './membership.ts'
import { expelMember, expireRecords, takeRecord } from './records.ts'
import { learnAllAddresses, tellRegistryNews } from './registry-events.ts'
import { forgetFill } from './fill.ts'
import { greet, onSyncMessage, syncWithSomeone } from './sync.ts'
import {
  PHASE_TRANSITIONS,
  type LocalFacts,
  type MeshConfig,
  type MeshEffect,
  type MeshInput,
  type MeshPhase,
  type MeshState,
  type StepContext,
} from './types.ts'
import { askWard, onTold } from './wards/ask.ts'
import { lookElsewhere, wardsFor } from './wards/elsewhere.ts'
import { holdsTheSame } from './wards/held.ts'
import { createWards } from './wards/state.ts'
import { forgetWardOf, greetWard, onWardMessage, startWards, wardDue } from './wards/wards.ts'
import { createZones, whereaboutsOf } from './zones.ts'

/** What a step is given beside state and input. */
export interface Env extends Omit<StepContext, 'nowMs' | 'out'> {
  /** What the other clusters of this machine have reserved of it now. @default nothing */
  readonly takenElsewhere?: (() => Resources) | undefined
}

/** Before the first sample: an idle machine. The sampler replaces it within milliseconds. */
const NO_SAMPLE: LoadSample = { atMs: 0, intervalMs: 0, cpuRatio: 0, memoryAvailableBytes: 0, loadAverage1m: 0 }

/** A mesh node that has not been started. */
export function createMesh(self: NodeId, config: MeshConfig, local: LocalFacts): MeshState {
  return {
    self,
    registry: createRegistry({ selfId: self, ownEpoch: 0, leaseMs: config.leaseMs, deadMs: config.deadMs }),
    negotiation: createNegotiation(),
    topology: createTopology(self, config.topology),
    zones: createZones(),
    wards: createWards(),
    audit: createAuditState(),
    peers: new Set(),
    warmBundles: new Set(),
    deadlines: new Deadlines(),
    phase: 'joining',
    epoch: 0,
    seqs: new Map(),
    newestPassport: { epoch: 0, seq: 0 },
    startedAtMs: 0,
    local,
    policies: [],
    sample: { ...NO_SAMPLE, memoryAvailableBytes: local.capacity.memoryBytes },
    passports: new Map(),
    toldState: undefined,
    toldCordon: undefined,
    lastBeatMs: 0,
    toldIntervalMs: config.beatMs,
    news: 0,
    fill: undefined,
  }
}

/** When the state wants to be woken next, or undefined. */
export function nextWakeMs(state: MeshState): number | undefined {
  const times = [
    state.deadlines.next(),
    state.negotiation.deadlines.next(),
    nextExpiryMs(state.registry),
    topologyWakeMs(state.topology),
  ]
  return times.reduce(
    (least, time) => (time === undefined || (least !== undefined && least <= time) ? least : time),
    undefined,
  )
}

/** Takes one input. @throws SubmitError for a `submit` or `quote` beyond a cap; no other input throws */
export function meshStep(state: MeshState, input: MeshInput, nowMs: number, env: Env): MeshEffect[] {
  const { config, rng, auditHead, usageElsewhere, takenElsewhere } = env
  const ctx: StepContext = { nowMs, config, rng, auditHead, usageElsewhere, out: [] }
  // Nobody else steps while this step does: what is asked once holds to its end.
  if (takenElsewhere) state.negotiation.takenElsewhere = takenElsewhere()
  for (const passedOn of takeInput(state, input, ctx)) negotiate(state, passedOn, ctx)
  for (const passedOn of runDue(state, ctx)) negotiate(state, passedOn, ctx)
  tellIfChanged(state, ctx)
  boundStrangers(state, ctx)
  return ctx.out
}

/** The mesh's own part of an input. @returns what bargaining has to hear of it */
function takeInput(state: MeshState, input: MeshInput, ctx: StepContext): NegotiationInput[] {
  const { nowMs, config, rng, out } = ctx
  switch (input.type) {
    case 'start': {
      const passedOn = setEpoch(state, input.epoch, ctx)
      state.startedAtMs = nowMs
      if (input.alone) becomeReady(state, ctx)
      // Nothing is published while joining: a neighbour may know of a later epoch of this very node.
      else state.deadlines.set('join', nowMs + config.joinMs)
      state.deadlines.set('sync', nowMs + Math.round(config.syncMs * (0.5 + rng.next())))
      planQuestions(state, ctx)
      startWards(state, ctx)
      return passedOn
    }
    case 'epoch': {
      const passedOn = setEpoch(state, input.epoch, ctx)
      if (state.phase === 'joining') return passedOn
      publishPassports(state, ctx)
      beat(state, ctx)
      return passedOn
    }
    case 'restore-registry':
      tellRegistryNews(
        state,
        { events: [], persist: restoreRegistry(state.registry, input.persisted, nowMs).persist },
        out,
      )
      learnAllAddresses(state, out)
      return []
    case 'restore-audit':
      restoreWitness(state, input)
      return []
    case 'accept-log':
      acceptAgain(state, input.peer, out)
      return []
    case 'local':
      state.local = input.facts
      return [{ type: 'candidates-changed' }]
    case 'policies':
      state.policies = input.policies
      return [{ type: 'policies-changed' }]
    case 'configured':
      takeKnobs(state, ctx)
      return []
    case 'passports':
      setPassports(state, ctx, input.passports)
      return []
    case 'sample':
      state.sample = input.sample
      return []
    case 'bundle':
      if (input.here) state.warmBundles.add(input.sha256)
      else state.warmBundles.delete(input.sha256)
      return []
    case 'record':
      return takeRecord(state, input, ctx)
    case 'ward-query':
      askWard(state, input.question, input.ticket, ctx)
      return []
    case 'ward-told':
      return [...onTold(state, input, ctx), { type: 'heard', node: input.from }]
    case 'expel':
      return expelMember(state, input.peer, ctx)
    case 'peer-up':
      state.peers.add(input.peer)
      greet(state, config, input.peer, input.wallMs, nowMs, out)
      greetWard(state, input.peer, ctx)
      return takeMembership(state, { type: 'link-up', id: input.peer }, ctx)
    case 'peer-down':
      state.peers.delete(input.peer)
      forgetFill(state, input.peer)
      forgetWardOf(state, input.peer)
      return [
        { type: 'unreachable', node: input.peer, reason: 'the link broke' },
        ...takeMembership(state, { type: 'link-down', id: input.peer }, ctx),
      ]
    case 'dial-failed':
      return takeMembership(state, { type: 'dial-failed', id: input.peer, refused: input.refused }, ctx)
    case 'leave': {
      // Who is still joining has not been seen by anyone, and may not publish yet.
      const seen = state.phase === 'ready'
      state.deadlines.cancel('join')
      movePhase(state, 'leaving')
      if (seen) beat(state, ctx)
      // Whatever is said of it now is true: it refutes nothing any more.
      return takeMembership(state, { type: 'member-left', id: state.self, pair: state.topology.own }, ctx)
    }
    case 'message':
      return takeMessage(state, input, ctx)
    default:
      return [input]
  }
}

function takeMessage(state: MeshState, input: MeshInput & { type: 'message' }, ctx: StepContext): NegotiationInput[] {
  const { from, message, rttMs } = input
  if (isProbe(message)) return [...takeProbe(state, { from, message, rttMs }, ctx), { type: 'heard', node: from }]
  if (onAuditMessage(state, from, message, ctx)) return [{ type: 'heard', node: from }]
  if (onWardMessage(state, from, message, ctx)) return [{ type: 'heard', node: from }]
  if (!onSyncMessage(state, from, message, ctx.nowMs, ctx.rng, ctx.out)) return [input]
  // Whoever has answered has told what it knows: this node takes part from here on.
  // Not before its start, though: without an epoch it could only publish what others refuse.
  const hasAnswered = message.t === 'sync-records' && holdsTheSame(state, from)
  if (state.phase === 'joining' && state.epoch > 0 && hasAnswered) becomeReady(state, ctx)
  return [{ type: 'heard', node: from }]
}

/** Epochs only rise, and one that was begun goes on: its numbers are used. */
function setEpoch(state: MeshState, epoch: number, ctx: StepContext): NegotiationInput[] {
  if (epoch <= state.epoch) return []
  state.epoch = epoch
  state.registry.ownEpoch = epoch
  state.seqs.clear()
  return introduceSelf(state, ctx)
}

function movePhase(state: MeshState, to: MeshPhase): void {
  if (state.phase === to) return
  if (!PHASE_TRANSITIONS[state.phase].includes(to)) throw new Error(`mesh: ${state.phase} → ${to} is no transition`)
  state.phase = to
}

function becomeReady(state: MeshState, ctx: StepContext): void {
  const { out } = ctx
  movePhase(state, 'ready')
  state.deadlines.cancel('join')
  publishPassports(state, ctx)
  beat(state, ctx)
  out.push({ type: 'node-event', peer: state.self, what: 'ready' })
}

/** Carries out the mesh's own deadlines. @returns what bargaining has to hear: a `wake` at least, when it is due */
function runDue(state: MeshState, ctx: StepContext): NegotiationInput[] {
  const { nowMs, config, rng, out } = ctx
  const passedOn = expireRecords(state, ctx)
  const aliveMs = topologyWakeMs(state.topology)
  if (aliveMs !== undefined && aliveMs <= nowMs) passedOn.push(...takeMembership(state, { type: 'wake' }, ctx))
  for (let due = state.deadlines.takeDue(nowMs); due !== undefined; due = state.deadlines.takeDue(nowMs)) {
    if (due === 'beat') beat(state, ctx)
    else if (due === 'join') becomeReady(state, ctx)
    else if (due === 'renew-passports') publishPassports(state, ctx)
    else if (due === 'audit') askSomeone(state, ctx)
    else if (due === 'sync') {
      syncWithSomeone(state, nowMs, rng, out)
      state.deadlines.set('sync', nowMs + Math.round(config.syncMs * (0.75 + rng.next() / 2)))
    } else if (due !== 'expire') passedOn.push(...wardDue(state, due, ctx))
  }
  const wakeMs = state.negotiation.deadlines.next()
  if (wakeMs !== undefined && wakeMs <= nowMs) passedOn.push({ type: 'wake' })
  return passedOn
}

function negotiate(state: MeshState, input: NegotiationInput, step: StepContext): void {
  const { nowMs, rng, config, usageElsewhere, out } = step
  const ctx: Context = {
    nowMs,
    rng,
    self: state.self,
    config: config.negotiation,
    // Negotiation's effects are a subset of the mesh's.
    out: out as Context['out'],
    candidates: () => candidatesOf(state, nowMs),
    distanceMs: (node) => distanceTo(state.topology, node, nowMs)?.rttMs,
    elsewhere: (spec) => wardsFor(state, spec, nowMs).pass,
    domainOf: (node, over) =>
      over === 'host' ? hostOf(state, node) || undefined : whereaboutsOf(state, nowMs).get(node)?.[over]?.name,
    cluster: config.cluster,
    policies: state.policies,
    usageElsewhere,
    cutOff: state.topology.brake !== undefined,
    local: {
      ...state.local,
      accepting: state.phase === 'ready',
      stateName: shownState(state),
      cpuRatio: state.sample.cpuRatio,
      memoryAvailableBytes: state.sample.memoryAvailableBytes,
      warmBundles: state.warmBundles,
    },
  }
  negotiationStep(state.negotiation, input, ctx)
  lookElsewhere(state, step)
}
