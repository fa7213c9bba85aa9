/**
 * What happens to a contract once it stands: its run starts, ends, is renewed, cancelled, or outlives its lease.
 */
import type { AttemptRef, Report } from '../../model/negotiation.ts'
import type { TaskExit } from '../../model/task.ts'
import { note, noteContract } from '../notes.ts'
import { moveContract, persistContract, runIdOf, send, touchContract } from '../state.ts'
import type { Context, ContractState, NegotiationState, NodeId } from '../types.ts'
import { mayWorkFor, tombstoneKey } from './contracts.ts'
import { endDrainIfEmpty } from './cordon.ts'
import { returnReservation } from './holds.ts'
import { report, reportOf, sendReports } from './reports.ts'
import { countEnded } from './usage.ts'

/** Starts that the running mean of their duration looks back on, about. */
const START_MEAN_OF = 8

/** More of a run's input is here: its submitter is told, for people who wait for it. Nothing is stored. */
export function onFetching(state: NegotiationState, ctx: Context, runId: string, fetchedBytes: number): void {
  const contract = state.contracts.get(runId)
  if (!contract || contract.phase !== 'accepted') return
  contract.fetchedBytes = fetchedBytes
  report(state, ctx, contract, 'fetching', false)
}

/** The driver started a run. One whose end was asked for meanwhile is ended now. */
export function onStarted(state: NegotiationState, ctx: Context, runId: string, startedAtMs: number): void {
  const contract = state.contracts.get(runId)
  if (!contract || contract.phase !== 'accepted') return
  contract.startedAtMs = startedAtMs
  delete contract.fetchedBytes
  state.startMs += (ctx.nowMs - contract.acceptedAtMs - state.startMs) / START_MEAN_OF
  moveContract(ctx, contract, 'running')
  touchContract(state, ctx, contract)
  noteContract(ctx, 'run.started', contract)
  report(state, ctx, contract, 'started', false)
  if (contract.stopWhy) ctx.out.push({ type: 'stop', runId, why: contract.stopWhy, graceMs: contract.spec.graceMs })
}

/** A run ended, or never came to be (`exit.startError`). */
export function onEnded(state: NegotiationState, ctx: Context, runId: string, exit: TaskExit): void {
  const contract = state.contracts.get(runId)
  if (!contract || contract.phase === 'ended' || contract.phase === 'settled') return
  contract.exit = refusedOf(contract, exit)
  countEnded(state, ctx, contract)
  contract.endedAtMs = ctx.nowMs
  moveContract(ctx, contract, 'ended')
  persistContract(ctx, contract)
  const { taskId, attempt, submitter: peer } = contract
  const { exitCode, killedFor } = exit
  note(ctx, { type: 'run.ended', taskId, attempt, peer, exitCode, ...(killedFor && { killedFor }) })
  const slotKept = returnReservation(state, ctx, contract)
  report(state, ctx, contract, 'ended', slotKept)
  endDrainIfEmpty(state, ctx)
}

/** What its submitter is told of a run that the policy of this node has ended: by which rule, and why. */
function refusedOf({ stopNote }: ContractState, exit: TaskExit): TaskExit {
  return exit.killedFor === 'policy' && stopNote !== undefined ? { ...exit, refusedBy: stopNote } : exit
}

/** The submitter ends attempts. One this node never heard of is buried, so that its late award starts nothing. */
export function onCancel(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  attempts: readonly AttemptRef[],
  why: 'cancelled' | 'lost',
): void {
  const never: Report['reports'] = []
  for (const { taskId, attempt } of attempts) {
    const runId = runIdOf(from, taskId, attempt)
    const contract = state.contracts.get(runId)
    if (contract && contract.submitter === from) {
      if (contract.phase === 'ended' || contract.stopWhy) continue
      contract.stopWhy = why
      note(ctx, { type: 'cancel.received', taskId, attempt, peer: from, why })
      persistContract(ctx, contract)
      ctx.out.push({ type: 'stop', runId, why, graceMs: contract.spec.graceMs })
    } else if (!contract && mayWorkFor(ctx, from) && !state.tombstones.has(tombstoneKey(from, runId))) {
      note(ctx, { type: 'cancel.received', taskId, attempt, peer: from, why })
      state.tombstones.set(tombstoneKey(from, runId), 'cancelled by its submitter before it was awarded here')
      const exit = { exitCode: 143, killedFor: why, startedAtMs: ctx.nowMs, endedAtMs: ctx.nowMs }
      never.push({ taskId, attempt, phase: 'ended', exit })
    }
  }
  sendReports(ctx, from, never)
}

/** The submitter renews; in return it hears what is running and what is not known here. */
export function onRenew(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  attempts: readonly AttemptRef[],
  leaseMs: number,
): void {
  const unknown: AttemptRef[] = []
  const news: Report['reports'] = []
  for (const { taskId, attempt } of attempts) {
    const contract = state.contracts.get(runIdOf(from, taskId, attempt))
    if (!contract || contract.submitter !== from) unknown.push({ taskId, attempt })
    else {
      contract.leaseUntilMs = ctx.nowMs + leaseMs
      state.deadlines.setEarlier('leases', contract.leaseUntilMs)
      if (contract.phase === 'running') news.push(reportOf(contract, 'started', false))
      // It renews what has ended: it was away, and would wait up to a minute for the next repetition. A first
      // report that is about to leave says more: whether the slot was kept.
      else if (contract.phase === 'ended' && !state.reports.get(from)?.has(contract.runId))
        news.push(reportOf(contract, 'ended', false))
    }
  }
  send(ctx, from, { t: 'renewed', body: { unknown } })
  sendReports(ctx, from, news)
}

/** Says once of each lapsed lease that it lapsed. The task runs on to its timeout: custodians come later. */
export function checkLeases(state: NegotiationState, ctx: Context): void {
  let next = Infinity
  for (const contract of state.contracts.values()) {
    if (contract.phase === 'ended' || contract.leaseUntilMs === 0) continue
    if (contract.leaseUntilMs > ctx.nowMs) next = Math.min(next, contract.leaseUntilMs)
    else {
      contract.leaseUntilMs = 0
      const { runId, submitter } = contract
      ctx.out.push({ type: 'emit', event: { type: 'contract', runId, phase: 'lease-lapsed', submitter } })
    }
  }
  if (next < Infinity) state.deadlines.set('leases', next)
}
