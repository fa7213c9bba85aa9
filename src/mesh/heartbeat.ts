/** What this node says of itself: heartbeats, passports, and when. */
import { viewOfCordon } from '../model/cordon-words.ts'
import { annotationsOfCordon, type CordonView } from '../model/cordon.ts'
import type { Heartbeat, NodeState } from '../model/heartbeat.ts'
import { passportName, type Passport } from '../model/passport.ts'
import { DEFAULT_TASK } from '../model/task.ts'
import { countFitting, type Resources } from '../model/resources.ts'
import { runningCount } from '../negotiation/executor/bids.ts'
import { freeOf } from '../negotiation/state.ts'
import { coordinateOf } from '../topology/coordinates/told.ts'
import type { Rng } from '../util/rng.ts'
import { beatTtlMs, leastBeatGapMs, livingMembers, passportTtlMs, renewalMs } from './pace.ts'
import type { MeshConfig, MeshEffect, MeshState, StepContext } from './types.ts'
import { beatPace, everywhere } from './wards/speak.ts'

/** What this machine has not set aside for holds and contracts. */
export function freeNow(state: MeshState): Resources {
  return freeOf(state.negotiation, state.local.capacity)
}

/** The state shown to people: `busy` when not even a task that asks for nothing special would fit. */
export function shownState(state: MeshState): NodeState {
  if (state.phase === 'joining') return 'joining'
  if (state.phase === 'leaving') return 'offline'
  return countFitting(freeNow(state), DEFAULT_TASK.resources, 1) === 1 ? 'ready' : 'busy'
}

/** Whether, and why, this node takes no new tasks. */
export function ownCordon({ negotiation: { cordon } }: MeshState): CordonView | undefined {
  return cordon && viewOfCordon(cordon)
}

/** The number of the next own record of a kind. */
export function nextSeq(state: MeshState, kind: string): number {
  const seq = (state.seqs.get(kind) ?? 0) + 1
  state.seqs.set(kind, seq)
  return seq
}

/** Publishes a heartbeat and plans the next. */
export function beat(state: MeshState, { config, nowMs, rng, out, auditHead }: StepContext): void {
  const shown = shownState(state)
  const coordinate = coordinateOf(state.topology.placement)
  const { wards, intervalMs, paceMs } = beatPace(state, config, nowMs)
  const audit = auditHead?.()
  const body: Heartbeat = {
    state: shown,
    incarnation: state.topology.own.incarnation,
    intervalMs,
    uptimeMs: nowMs - state.startedAtMs,
    cpuRatio: Math.round(state.sample.cpuRatio * 1000) / 1000,
    memoryAvailableBytes: state.sample.memoryAvailableBytes,
    free: freeNow(state),
    tasks: runningCount(state.negotiation),
    passport: state.newestPassport,
    ...(coordinate && { coordinate }),
    ...(audit && { audit }),
  }
  state.toldState = shown
  state.lastBeatMs = nowMs
  state.toldIntervalMs = paceMs
  out.push({
    type: 'publish',
    topic: 'pulse',
    ...(wards && { wards }),
    kind: 'heartbeat',
    name: '',
    epoch: state.epoch,
    seq: nextSeq(state, 'heartbeat'),
    ttlMs: beatTtlMs(config, intervalMs),
    body,
  })
  if (state.phase !== 'leaving') state.deadlines.set('beat', nowMs + Math.round(paceMs * (0.9 + rng.next() / 10)))
}

/** Tells others what changed since they were told: by a heartbeat that comes early, by a passport. */
export function tellIfChanged(state: MeshState, ctx: StepContext): void {
  beatIfChanged(state, ctx.nowMs)
  tellCordonIfChanged(state, ctx)
}

/** The shown state changed since the last beat: the next comes at once, unless the mesh is large or one just did. */
function beatIfChanged(state: MeshState, nowMs: number): void {
  if (state.toldState === undefined || state.phase === 'leaving' || shownState(state) === state.toldState) return
  state.deadlines.setEarlier('beat', Math.max(nowMs, state.lastBeatMs + leastBeatGapMs(state.toldIntervalMs)))
}

/**
 * The knobs are others. The next beat comes soon: it names its interval, and whoever waits by the old one must hear of
 * a longer one before that has passed.
 */
export function takeKnobs(state: MeshState, { nowMs, config, rng }: StepContext): void {
  if (state.toldState === undefined || state.phase === 'leaving') return
  state.deadlines.setEarlier('beat', Math.max(nowMs, state.lastBeatMs + leastBeatGapMs(state.toldIntervalMs)))
  state.deadlines.set('sync', nowMs + Math.round(config.syncMs * (0.75 + rng.next() / 2)))
}

/** Takes the new set of own passports and publishes what changed; all of them when `force`. */
export function setPassports(
  state: MeshState,
  { nowMs, config, rng, out }: StepContext,
  passports: readonly Passport[],
): void {
  const before = new Map(state.passports)
  state.passports.clear()
  for (const passport of passports) state.passports.set(passportName(passport), passport)
  if (state.epoch === 0 || state.phase === 'joining') return
  for (const [name, passport] of state.passports) {
    if (JSON.stringify(before.get(name)) !== JSON.stringify(passport))
      publishPassport(state, config, name, passport, out)
  }
  planRenewal(state, config, nowMs, rng)
}

/** Publishes every own passport (again): at the start, at a third of their lifetime, under a new epoch. */
export function publishPassports(state: MeshState, { nowMs, config, rng, out }: StepContext): void {
  for (const [name, passport] of state.passports) publishPassport(state, config, name, passport, out)
  planRenewal(state, config, nowMs, rng)
}

function planRenewal(state: MeshState, config: MeshConfig, nowMs: number, rng: Rng): void {
  state.deadlines.set('renew-passports', nowMs + renewalMs(config, livingMembers(state), rng))
}

/** Publishes the machine's passport when the last one told something else of its cordon. */
function tellCordonIfChanged(state: MeshState, { config, out }: StepContext): void {
  const { cordon } = state.negotiation
  if (state.phase !== 'ready' || cordon === state.toldCordon) return
  const told = state.toldCordon && viewOfCordon(state.toldCordon)
  state.toldCordon = cordon
  // Asked for again it is another, and tells nothing new.
  if (JSON.stringify(told) === JSON.stringify(ownCordon(state))) return
  for (const [name, passport] of state.passports)
    if (passport.spec.node) publishPassport(state, config, name, passport, out)
}

function publishPassport(state: MeshState, config: MeshConfig, name: string, passport: Passport, out: MeshEffect[]) {
  const seq = nextSeq(state, 'passport')
  state.newestPassport = { epoch: state.epoch, seq }
  if (passport.spec.node) state.toldCordon = state.negotiation.cordon
  out.push({
    type: 'publish',
    topic: 'records',
    ...everywhere(state),
    kind: 'passport',
    name,
    epoch: state.epoch,
    seq,
    ttlMs: passportTtlMs(config, livingMembers(state)),
    body: withCordon(passport, ownCordon(state)),
  })
}

/** Only the machine's own passport tells of it. */
function withCordon(passport: Passport, cordon: CordonView | undefined): Passport {
  if (!passport.spec.node || cordon === undefined) return passport
  const { metadata } = passport
  return {
    ...passport,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotationsOfCordon(cordon) } },
  }
}
