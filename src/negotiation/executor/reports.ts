/**
 * Reports to the submitter. They are coalesced: the first goes out at once, those of the next few
 * milliseconds together. An `ended` one is repeated with growing waits until the submitter settles it.
 */
import { ATTEMPTS_PER_MESSAGE, type AttemptRef, type Report } from '../../model/negotiation.ts'
import { noteContract } from '../notes.ts'
import { moveContract, runIdOf, send } from '../state.ts'
import type { Context, ContractState, NegotiationState, NodeId, PendingReport } from '../types.ts'
import { tombstoneKey } from './contracts.ts'
import { announceCapacity } from './holds.ts'

/** Reports within this time of the last go together. */
const COALESCE_MS = 4
const REPEAT_MIN_MS = 1_000
const REPEAT_MAX_MS = 60_000

/** Queues news of a contract for its submitter. */
export function report(
  state: NegotiationState,
  ctx: Context,
  contract: ContractState,
  phase: PendingReport['phase'],
  slotKept: boolean,
): void {
  const { submitter, runId } = contract
  const pending = state.reports.get(submitter) ?? new Map()
  pending.set(runId, { phase, slotKept })
  state.reports.set(submitter, pending)
  const last = state.reportedMs.get(submitter) ?? -Infinity
  if (ctx.nowMs - last >= COALESCE_MS) flushReports(state, ctx, submitter)
  else state.deadlines.setEarlier(`report:${submitter}`, last + COALESCE_MS)
}

/** Sends all waiting reports of one submitter. */
export function flushReports(state: NegotiationState, ctx: Context, submitter: NodeId): void {
  const pending = state.reports.get(submitter)
  if (!pending) return
  state.reports.delete(submitter)
  // Deleted first, so that the map stays ordered by recency and its cap drops the quietest.
  state.reportedMs.delete(submitter)
  state.reportedMs.set(submitter, ctx.nowMs)
  if (state.reportedMs.size > 1_000) state.reportedMs.delete(state.reportedMs.keys().next().value!)
  const reports: Report['reports'] = []
  for (const [runId, { phase, slotKept }] of pending) {
    const contract = state.contracts.get(runId)
    if (!contract) continue
    reports.push(reportOf(contract, phase, slotKept))
    if (phase === 'ended') awaitSettlement(state, ctx, contract)
  }
  sendReports(ctx, submitter, reports)
}

/** One line of a report. */
export function reportOf(
  contract: ContractState,
  phase: PendingReport['phase'],
  slotKept: boolean,
): Report['reports'][number] {
  const { taskId, attempt, fetchedBytes, startedAtMs, exit } = contract
  return {
    taskId,
    attempt,
    phase,
    ...(phase === 'fetching' && fetchedBytes !== undefined ? { fetchedBytes } : {}),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(phase === 'ended' && exit ? { exit } : {}),
    ...(slotKept ? { slotKept } : {}),
  }
}

/** Sends any number of report lines, a message at a time. */
export function sendReports(ctx: Context, submitter: NodeId, reports: Report['reports']): void {
  for (let i = 0; i < reports.length; i += ATTEMPTS_PER_MESSAGE) {
    send(ctx, submitter, { t: 'report', body: { reports: reports.slice(i, i + ATTEMPTS_PER_MESSAGE) } })
  }
}

/** Repeats an ended report until its submitter settles it. */
export function awaitSettlement(state: NegotiationState, ctx: Context, contract: ContractState): void {
  const { submitter, runId } = contract
  const waiting = state.unsettled.get(submitter) ?? { runs: new Set<string>(), waitMs: REPEAT_MIN_MS }
  waiting.runs.add(runId)
  waiting.waitMs = REPEAT_MIN_MS
  state.unsettled.set(submitter, waiting)
  state.deadlines.setEarlier(`settle:${submitter}`, ctx.nowMs + waiting.waitMs)
  state.deadlines.setEarlier('sweep', keptUntilMs(state, ctx, contract))
  boundUnsettled(state, ctx)
}

/**
 * Ended contracts beyond the cap: the oldest of whoever left most of them goes (longest queue drop), so that a
 * submitter that is away for less than `keepEndedMs` loses none of its results as long as it left fewer than the
 * cap divided by the number of those that left some. Contracts that have not ended are never touched.
 */
function boundUnsettled(state: NegotiationState, ctx: Context): void {
  for (;;) {
    let total = 0
    let most = new Set<string>()
    for (const { runs } of state.unsettled.values()) {
      total += runs.size
      if (runs.size > most.size) most = runs
    }
    if (total <= ctx.config.unsettled) return
    // In the order in which they ended; `restore` keeps to it.
    const [oldest] = most
    settle(state, ctx, state.contracts.get(oldest!)!)
  }
}

/** Repeats the ended reports a submitter has not settled. */
export function repeatEnded(state: NegotiationState, ctx: Context, submitter: NodeId): void {
  const waiting = state.unsettled.get(submitter)
  if (!waiting || waiting.runs.size === 0) return
  const reports: Report['reports'] = []
  for (const runId of waiting.runs) {
    const contract = state.contracts.get(runId)
    // No slot is offered again in a repetition: its hold may be long gone.
    if (contract) reports.push(reportOf(contract, 'ended', false))
  }
  sendReports(ctx, submitter, reports)
  waiting.waitMs = Math.min(REPEAT_MAX_MS, waiting.waitMs * 2)
  state.deadlines.set(`settle:${submitter}`, ctx.nowMs + waiting.waitMs)
}

/** The submitter has the result: the contract closes; log and output stay for a while for who asks. */
export function onSettle(state: NegotiationState, ctx: Context, from: NodeId, attempts: readonly AttemptRef[]): void {
  for (const { taskId, attempt } of attempts) {
    const runId = runIdOf(from, taskId, attempt)
    const contract = state.contracts.get(runId)
    if (!contract || contract.submitter !== from || contract.phase !== 'ended') continue
    noteContract(ctx, 'settlement.received', contract)
    settle(state, ctx, contract)
  }
}

function settle(state: NegotiationState, ctx: Context, contract: ContractState): void {
  const { submitter, runId } = contract
  const waiting = state.unsettled.get(submitter)
  waiting?.runs.delete(runId)
  if (waiting?.runs.size === 0) {
    state.unsettled.delete(submitter)
    state.deadlines.cancel(`settle:${submitter}`)
  }
  moveContract(ctx, contract, 'settled')
  state.contracts.delete(runId)
  state.tombstones.set(tombstoneKey(submitter, runId), 'this attempt has ended and was settled')
  ctx.out.push({ type: 'persist', collection: 'contract', key: runId, doc: null })
  ctx.out.push({ type: 'forget', contract })
  // What it had not settled may have kept it from getting more.
  if (state.waiters.has(submitter)) announceCapacity(state, ctx)
}

/**
 * Until when a result waits for its submitter. Counted from its end, not from now: a daemon that is restarted every
 * day gives up on the vanished all the same.
 */
function keptUntilMs(state: NegotiationState, ctx: Context, { endedAtMs = ctx.nowMs }: ContractState): number {
  return Math.max(state.keepUntilMs, endedAtMs + ctx.config.keepEndedMs)
}

/** Gives up on submitters that never came back for a result. */
export function sweepEnded(state: NegotiationState, ctx: Context): void {
  for (const contract of [...state.contracts.values()]) {
    if (contract.phase !== 'ended') continue
    const dueMs = keptUntilMs(state, ctx, contract)
    if (dueMs <= ctx.nowMs) settle(state, ctx, contract)
    else state.deadlines.setEarlier('sweep', dueMs)
  }
}
