/**
 * The mesh's one door. `meshStep` takes one input at one moment, changes the state, and returns what
 * the world is asked to do, in order. The daemon and the simulator both call exactly this.
 */
import type { LoadSample } from '../model/hardware.ts'
import { createNegotiation } from '../negotiation/state.ts'
import { negotiationStep, type NegotiationInput } from '../negotiation/step.ts'
import type { Context, NodeId } from '../negotiation/types.ts'
import { createRegistry, nextExpiryMs, restore as restoreRegistry } from '../registry/registry.ts'
import { Deadlines } from '../util/deadlines.ts'
import type { Rng } from '../util/rng.ts'
import { candidatesOf } from './candidates.ts'
import { beat, beatIfChanged, publishPassports, setPassports, shownState } from './heartbeat.ts'
import { expireRecords, learnAllAddresses, takeRecord } from './records.ts'
import { greet, onSyncMessage, syncWithSomeone } from './sync.ts'
import {
  PHASE_TRANSITIONS,
  type LocalFacts,
  type MeshConfig,
  type MeshEffect,
  type MeshInput,
  type MeshPhase,
  type MeshState,
} from './types.ts'

/** What a step is given beside state and input. */
export interface Env {
  readonly config: MeshConfig
  readonly rng: Rng
}

/** Before the first sample: an idle machine. The sampler replaces it within milliseconds. */
const NO_SAMPLE: LoadSample = { atMs: 0, intervalMs: 0, cpuRatio: 0, memoryAvailableBytes: 0, loadAverage1m: 0 }

/** A mesh node that has not been started. */
export function createMesh(self: NodeId, config: MeshConfig, local: LocalFacts): MeshState {
  return {
    self,
    registry: createRegistry({ selfId: self, ownEpoch: 0, leaseMs: config.leaseMs, deadMs: config.deadMs }),
    negotiation: createNegotiation(),
    peers: new Set(),
    warmBundles: new Set(),
    deadlines: new Deadlines(),
    phase: 'joining',
    epoch: 0,
    seqs: new Map(),
    newestPassport: { epoch: 0, seq: 0 },
    startedAtMs: 0,
    local,
    sample: { ...NO_SAMPLE, memoryAvailableBytes: local.capacity.memoryBytes },
    passports: new Map(),
    toldState: undefined,
    lastBeatMs: 0,
    news: 0,
  }
}

/** When the state wants to be woken next, or undefined. */
export function nextWakeMs(state: MeshState): number | undefined {
  const times = [state.deadlines.next(), state.negotiation.deadlines.next(), nextExpiryMs(state.registry)]
  return times.reduce(
    (least, time) => (time === undefined || (least !== undefined && least <= time) ? least : time),
    undefined,
  )
}

/** Takes one input. @throws SubmitError for a `submit` beyond a cap; no other input throws */
export function meshStep(state: MeshState, input: MeshInput, nowMs: number, env: Env): MeshEffect[] {
  const out: MeshEffect[] = []
  for (const passedOn of takeInput(state, input, nowMs, env, out)) negotiate(state, passedOn, nowMs, env, out)
  for (const passedOn of runDue(state, nowMs, env, out)) negotiate(state, passedOn, nowMs, env, out)
  beatIfChanged(state, nowMs)
  return out
}

/** The mesh's own part of an input. @returns what bargaining has to hear of it */
function takeInput(state: MeshState, input: MeshInput, nowMs: number, env: Env, out: MeshEffect[]): NegotiationInput[] {
  const { config, rng } = env
  switch (input.type) {
    case 'start':
      setEpoch(state, input.epoch)
      state.startedAtMs = nowMs
      if (input.alone) becomeReady(state, nowMs, env, out)
      // Nothing is published while joining: a neighbour may know of a later epoch of this very node.
      else state.deadlines.set('join', nowMs + config.joinMs)
      state.deadlines.set('sync', nowMs + Math.round(config.syncMs * (0.5 + rng.next())))
      return []
    case 'epoch':
      setEpoch(state, input.epoch)
      if (state.phase === 'joining') return []
      publishPassports(state, config, nowMs, out)
      beat(state, config, nowMs, rng, out)
      return []
    case 'restore-registry':
      for (const write of restoreRegistry(state.registry, input.persisted, nowMs).persist)
        out.push({ type: 'cache', ...write })
      learnAllAddresses(state, out)
      return []
    case 'local':
      state.local = input.facts
      return [{ type: 'candidates-changed' }]
    case 'passports':
      setPassports(state, config, nowMs, input.passports, out)
      return []
    case 'sample':
      state.sample = input.sample
      return []
    case 'bundle':
      if (input.here) state.warmBundles.add(input.sha256)
      else state.warmBundles.delete(input.sha256)
      return []
    case 'record':
      return takeRecord(state, input, nowMs, out)
    case 'peer-up':
      state.peers.add(input.peer)
      greet(state, config, input.peer, input.wallMs, out)
      return []
    case 'peer-down':
      state.peers.delete(input.peer)
      return [{ type: 'unreachable', node: input.peer, reason: 'the link broke' }]
    case 'leave': {
      // Who is still joining has not been seen by anyone, and may not publish yet.
      const seen = state.phase === 'ready'
      state.deadlines.cancel('join')
      movePhase(state, 'leaving')
      if (seen) beat(state, config, nowMs, rng, out)
      return []
    }
    case 'message':
      if (!onSyncMessage(state, input.from, input.message, nowMs, rng, out)) return [input]
      // Whoever has answered has told what it knows: this node takes part from here on.
      // Not before its start, though: without an epoch it could only publish what others refuse.
      if (state.phase === 'joining' && state.epoch > 0 && input.message.t === 'sync-records')
        becomeReady(state, nowMs, env, out)
      return [{ type: 'heard', node: input.from }]
    default:
      return [input]
  }
}

/** Epochs only rise, and one that was begun goes on: its numbers are used. */
function setEpoch(state: MeshState, epoch: number): void {
  if (epoch <= state.epoch) return
  state.epoch = epoch
  state.registry.ownEpoch = epoch
  state.seqs.clear()
}

function movePhase(state: MeshState, to: MeshPhase): void {
  if (state.phase === to) return
  if (!PHASE_TRANSITIONS[state.phase].includes(to)) throw new Error(`mesh: ${state.phase} → ${to} is no transition`)
  state.phase = to
}

function becomeReady(state: MeshState, nowMs: number, env: Env, out: MeshEffect[]): void {
  movePhase(state, 'ready')
  state.deadlines.cancel('join')
  publishPassports(state, env.config, nowMs, out)
  beat(state, env.config, nowMs, env.rng, out)
  out.push({ type: 'node-event', peer: state.self, what: 'ready' })
}

/** Carries out the mesh's own deadlines. @returns what bargaining has to hear: a `wake` at least, when it is due */
function runDue(state: MeshState, nowMs: number, env: Env, out: MeshEffect[]): NegotiationInput[] {
  const passedOn = expireRecords(state, nowMs, out)
  for (let due = state.deadlines.takeDue(nowMs); due !== undefined; due = state.deadlines.takeDue(nowMs)) {
    if (due === 'beat') beat(state, env.config, nowMs, env.rng, out)
    else if (due === 'join') becomeReady(state, nowMs, env, out)
    else if (due === 'renew-passports') publishPassports(state, env.config, nowMs, out)
    else {
      syncWithSomeone(state, env.rng, out)
      state.deadlines.set('sync', nowMs + Math.round(env.config.syncMs * (0.75 + env.rng.next() / 2)))
    }
  }
  const wakeMs = state.negotiation.deadlines.next()
  if (wakeMs !== undefined && wakeMs <= nowMs) passedOn.push({ type: 'wake' })
  return passedOn
}

function negotiate(state: MeshState, input: NegotiationInput, nowMs: number, env: Env, out: MeshEffect[]): void {
  const ctx: Context = {
    nowMs,
    rng: env.rng,
    self: state.self,
    config: env.config.negotiation,
    // Negotiation's effects are a subset of the mesh's.
    out: out as Context['out'],
    candidates: () => candidatesOf(state, nowMs),
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
}
