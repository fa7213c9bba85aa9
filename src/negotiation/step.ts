/**
 * Bargaining's one door: every input goes through `negotiationStep`, which changes the state and
 * leaves in `ctx.out` what the world is asked to do.
 */
import type { ControlMessage } from '../model/control.ts'
import type { Operation } from '../model/operation.ts'
import type { TaskExit, TaskSpec } from '../model/task.ts'
import type { ElsewhereStory } from '../model/why-view.ts'
import { onOffer } from './executor/bids.ts'
import { onAward } from './executor/contracts.ts'
import { endWhatRuns, operate } from './executor/cordon.ts'
import { announceCapacity, onHoldExpired, onRelease, tellWaiters } from './executor/holds.ts'
import { enforcePolicies } from './executor/policy.ts'
import { flushReports, onSettle, repeatEnded, sweepEnded } from './executor/reports.ts'
import { checkLeases, onCancel, onEnded, onFetching, onRenew, onStarted } from './executor/runs.ts'
import { onOperate } from './executor/operators.ts'
import { onRunStarting } from './executor/starting.ts'
import { onAdopted, restore, type StoredNegotiation } from './restore.ts'
import { flushStories } from './state.ts'
import { onContract, repeatAward } from './submitter/award.ts'
import { onCapacity, reofferSoon } from './submitter/reoffers.ts'
import { cancelTask, onRenewed, renewAll } from './submitter/leases.ts'
import { giveUp, onNodeBack, onNodeLost, onReconnected } from './submitter/losses.ts'
import { onOutputFetched, onReport } from './submitter/reports.ts'
import {
  onBid,
  onDecline,
  onPlaceTimeout,
  onUnreachable,
  onWindowClosed,
  quote,
  startRound,
  submit,
} from './submitter/rounds.ts'
import type { Context, NegotiationState, NodeId } from './types.ts'

/** What can happen to somebody who bargains. */
export type NegotiationInput =
  | {
      readonly type: 'submit'
      readonly jobId: string
      readonly spec: TaskSpec
      readonly count: number
      readonly placeTimeoutMs: number
      /** See `Job.tenant`. */
      readonly tenant?: string
      /** See `Job.elsewhere`. */
      readonly elsewhere?: readonly ElsewhereStory[]
    }
  /** Asks who would take such a job, and runs nothing: comes back as `quoted`. */
  | { readonly type: 'quote'; readonly jobId: string; readonly spec: TaskSpec; readonly count: number }
  | { readonly type: 'cancel'; readonly taskId: string }
  /**
   * A message from a peer; `proof` is the envelope it was signed in, for the types that are, and `rttMs` the round trip
   * of an answer to a probe, where it was measured more finely than by the times of steps.
   */
  | {
      readonly type: 'message'
      readonly from: NodeId
      readonly message: ControlMessage
      readonly proof?: Uint8Array
      readonly rttMs?: number
    }
  /** A frame to this peer could not be delivered. */
  | { readonly type: 'unreachable'; readonly node: NodeId; readonly reason: string }
  /** A sign of life that is no message, such as a heartbeat, given at `atMs`. @default now */
  | { readonly type: 'heard'; readonly node: NodeId; readonly atMs?: number }
  /** Its watchers find a node gone. Its tasks may run on: its daemon has `adoptGraceMs` to come back to them. */
  | { readonly type: 'node-lost'; readonly node: NodeId; readonly why: string }
  /** It is there again. */
  | { readonly type: 'node-back'; readonly node: NodeId }
  /** `Context.cutOff` holds no longer. */
  | { readonly type: 'reconnected' }
  /** A node appeared or changed: waiting jobs may fit now. */
  | { readonly type: 'candidates-changed' }
  /** Another cluster of this machine has given back what it had reserved of it. */
  | { readonly type: 'taken-elsewhere' }
  /** So many bytes of a run's input are here. */
  | { readonly type: 'run-fetching'; readonly runId: string; readonly fetchedBytes: number }
  /** The process of a run is about to be made: whether it may, and whether isolated, is asked once more. */
  | { readonly type: 'run-starting'; readonly runId: string }
  | { readonly type: 'run-started'; readonly runId: string; readonly startedAtMs: number }
  | { readonly type: 'run-ended'; readonly runId: string; readonly exit: TaskExit }
  | { readonly type: 'output-fetched'; readonly taskId: string; readonly ok: boolean }
  | { readonly type: 'restore'; readonly stored: StoredNegotiation }
  /** After `restore`: the runs the driver found, whether going on or ended. */
  | { readonly type: 'adopted'; readonly runIds: ReadonlySet<string> }
  /** Somebody with the API of this node, who may, asks something of it. */
  | { readonly type: 'operate'; readonly operation: Operation; readonly by: string }
  /** `Context.policies` are others than before. */
  | { readonly type: 'policies-changed' }
  /** Some deadline is due. */
  | { readonly type: 'wake' }

const NO_PROOF = new Uint8Array()

/** Takes one input. @throws SubmitError for a `submit` or `quote` beyond a cap; no other input throws */
export function negotiationStep(state: NegotiationState, input: NegotiationInput, ctx: Context): void {
  switch (input.type) {
    case 'submit':
      submit(state, ctx, input)
      break
    case 'quote':
      quote(state, ctx, input)
      break
    case 'cancel':
      cancelTask(state, ctx, input.taskId)
      break
    case 'message':
      if (state.heardMs.has(input.from)) state.heardMs.set(input.from, ctx.nowMs)
      onMessage(state, ctx, input.from, input.message, input.proof ?? NO_PROOF)
      break
    case 'unreachable':
      onUnreachable(state, ctx, input.node, input.reason)
      break
    case 'heard': {
      const known = state.heardMs.get(input.node)
      if (known !== undefined) state.heardMs.set(input.node, Math.max(known, input.atMs ?? ctx.nowMs))
      break
    }
    case 'node-lost':
      onNodeLost(state, ctx, input.node, input.why)
      break
    case 'node-back':
      onNodeBack(state, input.node)
      break
    case 'reconnected':
      onReconnected(state, ctx)
      break
    case 'candidates-changed':
      reofferSoon(state, ctx)
      break
    case 'taken-elsewhere':
      announceCapacity(state, ctx)
      break
    case 'run-fetching':
      onFetching(state, ctx, input.runId, input.fetchedBytes)
      break
    case 'run-starting':
      onRunStarting(state, ctx, input.runId)
      break
    case 'operate':
      operate(state, ctx, input.operation, { by: input.by, own: true })
      break
    case 'policies-changed':
      enforcePolicies(state, ctx)
      break
    case 'run-started':
      onStarted(state, ctx, input.runId, input.startedAtMs)
      break
    case 'run-ended':
      onEnded(state, ctx, input.runId, input.exit)
      break
    case 'output-fetched':
      onOutputFetched(state, ctx, input.taskId, input.ok)
      break
    case 'restore':
      restore(state, ctx, input.stored)
      break
    case 'adopted':
      onAdopted(state, ctx, input.runIds)
      break
    case 'wake':
      break
  }
  runDue(state, ctx)
}

function onMessage(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  message: ControlMessage,
  proof: Uint8Array,
): void {
  switch (message.t) {
    case 'offer':
      return onOffer(state, ctx, from, message.body)
    case 'bid':
      return onBid(state, ctx, from, message.body, proof)
    case 'decline':
      return onDecline(state, ctx, from, message.body, proof)
    case 'award':
      return onAward(state, ctx, from, message.body)
    case 'contract':
      return onContract(state, ctx, from, message.body)
    case 'release':
      return onRelease(state, ctx, from, message.body.bidId)
    case 'renew':
      return onRenew(state, ctx, from, message.body.attempts, message.body.leaseMs)
    case 'renewed':
      return onRenewed(state, ctx, from, message.body.unknown)
    case 'report':
      return onReport(state, ctx, from, message.body)
    case 'settle':
      return onSettle(state, ctx, from, message.body.attempts)
    case 'cancel':
      return onCancel(state, ctx, from, message.body.attempts, message.body.why)
    case 'capacity':
      return onCapacity(state, ctx, from)
    case 'operate':
      return onOperate(state, ctx, from, message.body)
    default:
      // Hello and sync belong to the mesh, not to bargaining.
      return undefined
  }
}

type Timer = (state: NegotiationState, ctx: Context, id: string) => void

/** What each kind of deadline does; a key is `<kind>` or `<kind>:<id>`. */
const TIMERS: Readonly<Record<string, Timer>> = {
  offer: (state, ctx, jobId) => {
    const job = state.jobs.get(jobId)
    if (job) startRound(state, ctx, job)
  },
  window: onWindowClosed,
  place: onPlaceTimeout,
  award: repeatAward,
  renew: renewAll,
  lost: giveUp,
  hold: onHoldExpired,
  announce: tellWaiters,
  report: flushReports,
  settle: repeatEnded,
  leases: checkLeases,
  stories: flushStories,
  drain: endWhatRuns,
  sweep: sweepEnded,
}

function runDue(state: NegotiationState, ctx: Context): void {
  for (let key = state.deadlines.takeDue(ctx.nowMs); key !== undefined; key = state.deadlines.takeDue(ctx.nowMs)) {
    const colon = key.indexOf(':')
    const kind = colon < 0 ? key : key.slice(0, colon)
    TIMERS[kind]?.(state, ctx, colon < 0 ? '' : key.slice(colon + 1))
  }
}
