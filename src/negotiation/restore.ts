/**
 * After a restart: what was stored becomes state again, and what was under way is taken up where it stood.
 *
 * Rounds and holds are not stored. A bidder whose daemon died forgets its hold, and a repeated award
 * is then refused by a signed contract, which opens the next attempt: no grant is ever carried out twice.
 */
import type { Cordon } from '../model/cordon.ts'
import { addResources } from '../model/resources.ts'
import type { OfferRecord, UsageRecord } from './records.ts'
import { takeUpDrain } from './executor/cordon.ts'
import { enforcePolicies } from './executor/policy.ts'
import { awaitSettlement } from './executor/reports.ts'
import { onEnded } from './executor/runs.ts'
import { currentAttempt, runIdOf } from './state.ts'
import type { Context, ContractState, Job, NegotiationState, Task } from './types.ts'

/** What the store holds of bargaining. Documents are this daemon's own and are taken as they are. */
export interface StoredNegotiation {
  readonly jobs: Iterable<unknown>
  readonly tasks: Iterable<unknown>
  readonly contracts: Iterable<unknown>
  /** By submitter and job; see `executor/offers.ts`. */
  readonly offers: Iterable<readonly [string, unknown]>
  /** By submitter; see `executor/usage.ts`. */
  readonly usage: Iterable<readonly [string, unknown]>
  /** Undefined where none stands. */
  readonly cordon: unknown
}

/**
 * After a restart no result is given up for so long, however old: this machine was away itself, and its submitters
 * are to hear what became of their tasks.
 */
const RETURN_MS = 3_600_000

/** Fills an empty state from the store. Call before any other input. */
export function restore(state: NegotiationState, ctx: Context, stored: StoredNegotiation): void {
  state.keepUntilMs = ctx.nowMs + RETURN_MS
  state.cordon = stored.cordon as Cordon | undefined
  for (const doc of stored.jobs) restoreJob(state, ctx, doc as Job)
  for (const doc of stored.tasks) restoreTask(state, ctx, doc as Task)
  // The oldest first, as they ended: that is the order in which results are given up when there are too many.
  const contracts = [...stored.contracts] as ContractState[]
  contracts.sort((a, b) => (a.endedAtMs ?? 0) - (b.endedAtMs ?? 0))
  for (const contract of contracts) restoreContract(state, ctx, contract)
  const offers = [...stored.offers] as [string, OfferRecord][]
  for (const [key, record] of offers.toSorted(([, a], [, b]) => a.atMs - b.atMs)) state.offers.set(key, record)
  for (const [key, record] of stored.usage) state.usage.set(key, record as UsageRecord)
  if (state.byExecutor.size > 0) state.deadlines.set('renew', ctx.nowMs)
}

function restoreJob(state: NegotiationState, ctx: Context, doc: Job): void {
  const fresh = {
    queue: [],
    grantable: new Map(),
    hopes: new Set<string>(),
    unwilling: new Set<string>(),
    offeredMs: -Infinity,
  }
  state.jobs.set(doc.jobId, { ...doc, ...fresh, reofferMs: ctx.config.reofferMinMs })
}

function restoreTask(state: NegotiationState, ctx: Context, task: Task): void {
  const job = state.jobs.get(task.jobId)
  // A crash between a task's write and its job's leaves an orphan nobody was told of.
  if (!job) return void ctx.out.push({ type: 'persist', collection: 'task', key: task.taskId, doc: null })
  state.tasks.set(task.taskId, task)
  const attempt = currentAttempt(task)
  if (task.state === 'queued') {
    job.queue.push(task.taskId)
    state.deadlines.setEarlier(`offer:${job.jobId}`, ctx.nowMs + ctx.config.reofferMinMs)
    state.deadlines.setEarlier(
      `place:${job.jobId}`,
      Math.max(ctx.nowMs, task.queuedAtMs + (job.placeByMs - job.submittedAtMs)),
    )
  } else if (attempt && (task.state === 'awarded' || task.state === 'running')) {
    const runId = runIdOf(ctx.self, task.taskId, attempt.attempt)
    const runs = state.byExecutor.get(attempt.node) ?? new Set()
    state.byExecutor.set(attempt.node, runs.add(runId))
    state.heardMs.set(attempt.node, ctx.nowMs)
    if (task.state === 'awarded' && attempt.contractedAtMs === undefined) restoreDoubt(state, ctx, job, attempt, runId)
  } else if (attempt && task.output === 'fetching' && task.exit?.outputSha256 !== undefined) {
    const { outputSha256: sha256, outputBytes: sizeBytes = 0 } = task.exit
    const runId = runIdOf(ctx.self, task.taskId, attempt.attempt)
    ctx.out.push({ type: 'fetch-output', taskId: task.taskId, node: attempt.node, runId, sha256, sizeBytes })
  }
}

function restoreDoubt(
  state: NegotiationState,
  ctx: Context,
  job: Job,
  attempt: { node: string; bidId: string; offerId: string },
  runId: string,
): void {
  const { node, bidId, offerId } = attempt
  const doubt = state.inDoubt.get(bidId) ?? {
    node,
    jobId: job.jobId,
    offerId,
    runs: new Set(),
    waitMs: ctx.config.awardRetryMs,
  }
  doubt.runs.add(runId)
  state.inDoubt.set(bidId, doubt)
  state.deadlines.setEarlier(`award:${bidId}`, ctx.nowMs + doubt.waitMs)
}

function restoreContract(state: NegotiationState, ctx: Context, contract: ContractState): void {
  state.contracts.set(contract.runId, contract)
  if (contract.phase === 'ended') return awaitSettlement(state, ctx, contract)
  state.reserved = addResources(state.reserved, contract.spec.resources)
  state.deadlines.setEarlier('leases', Math.max(ctx.nowMs, contract.leaseUntilMs))
}

/**
 * The driver has said what it found. A contract that never started is started now (it was stored before
 * anything ran); one that ran and is gone without a trace is reported lost.
 */
export function onAdopted(state: NegotiationState, ctx: Context, found: ReadonlySet<string>): void {
  // The old daemon may have died between storing a policy and acting on it.
  enforcePolicies(state, ctx)
  for (const contract of [...state.contracts.values()]) {
    const { runId, phase, stopWhy: why } = contract
    if (phase === 'ended') continue
    if (found.has(runId)) {
      // The old daemon may have died between noting that a run must end and sending it the signal.
      if (why && phase === 'running') ctx.out.push({ type: 'stop', runId, why, graceMs: contract.spec.graceMs })
    } else if (phase === 'accepted' && !why) ctx.out.push({ type: 'start', contract })
    else {
      const killedFor = why ?? 'lost'
      const exit = {
        exitCode: 137,
        killedFor,
        startedAtMs: contract.startedAtMs ?? contract.acceptedAtMs,
        endedAtMs: ctx.nowMs,
      }
      onEnded(state, ctx, runId, exit)
    }
  }
  takeUpDrain(state, ctx)
}
