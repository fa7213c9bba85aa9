/**
 * What the submitter does with an executor's reports: state changes, results, settlement.
 */
import type { Report } from '../../model/negotiation.ts'
import type { TaskExit, TaskState } from '../../model/task.ts'
import { note } from '../notes.ts'
import { currentAttempt, moveTask, persistTask, runIdOf, send, touchTask } from '../state.ts'
import type { Attempt, Context, Job, NegotiationState, NodeId, Task } from '../types.ts'
import { clearDoubt, closeAttempt, endIfSuperseded, onAttemptOver, openTask } from './attempt.ts'
import { awardFreeSlots, releaseIdle } from './award.ts'

/** News from an executor. Every `ended` is answered by a settlement, or it would be repeated for ever. */
export function onReport(state: NegotiationState, ctx: Context, from: NodeId, report: Report): void {
  const settled: { taskId: string; attempt: number }[] = []
  const touched = new Set<Job>()
  for (const news of report.reports) {
    const { taskId, attempt } = news
    const task = openTask(state, from, taskId, attempt)
    const job = task && state.jobs.get(task.jobId)
    if (!task || !job) {
      if (news.phase !== 'ended') endIfSuperseded(state, ctx, from, taskId, attempt)
      else if (!isFetching(state, taskId, attempt)) settled.push({ taskId, attempt })
      continue
    }
    clearDoubt(state, currentAttempt(task)!.bidId, runIdOf(ctx.self, taskId, attempt))
    if (news.phase === 'fetching') onFetching(ctx, task, news.fetchedBytes)
    else if (news.phase === 'started') onStarted(state, ctx, task, news.startedAtMs)
    else if (news.exit) {
      if (news.slotKept === true) returnSlot(ctx, job, currentAttempt(task)!)
      if (onEnded(state, ctx, task, news.exit)) {
        note(ctx, { type: 'settlement.sent', taskId, attempt, peer: from })
        settled.push({ taskId, attempt })
      }
      touched.add(job)
    }
  }
  for (const job of touched) {
    if (job.queue.length > 0) awardFreeSlots(state, ctx, job)
    if (job.queue.length === 0) releaseIdle(state, ctx, job)
  }
  if (settled.length > 0) send(ctx, from, { t: 'settle', body: { attempts: settled } })
}

/** Settling now would let the executor drop the output that is on its way; `onOutputFetched` settles then. */
function isFetching(state: NegotiationState, taskId: string, attempt: number): boolean {
  const task = state.tasks.get(taskId)
  return task?.output === 'fetching' && currentAttempt(task)?.attempt === attempt
}

/** For people only: it is not stored, and comes again. */
function onFetching(ctx: Context, task: Task, fetchedBytes: number | undefined): void {
  const attempt = currentAttempt(task)!
  if (task.state !== 'awarded' || fetchedBytes === undefined) return
  attempt.fetchedBytes = fetchedBytes
  ctx.out.push({ type: 'emit', event: { type: 'fetching', taskId: task.taskId, node: attempt.node } })
}

function onStarted(state: NegotiationState, ctx: Context, task: Task, startedAtMs: number | undefined): void {
  const attempt = currentAttempt(task)!
  if (task.state === 'running') return
  attempt.startedAtMs = startedAtMs ?? ctx.nowMs
  delete attempt.fetchedBytes
  moveTask(ctx, task, 'running')
  touchTask(state, ctx, task)
}

/** The bidder put the slot back into its hold: the next task of the job can have it without a new offer. */
function returnSlot(ctx: Context, job: Job, attempt: Attempt): void {
  const slot = job.grantable.get(attempt.bidId)
  if (!slot) return
  slot.free++
  slot.expiresAtMs = ctx.nowMs + ctx.config.holdMs
}

const STATE_OF_KILL: Record<NonNullable<TaskExit['killedFor']>, TaskState> = {
  cancelled: 'cancelled',
  timeout: 'timed-out',
  memory: 'failed',
  lost: 'failed',
  policy: 'failed',
}

/** @returns true when the result may be settled now; false while its output is still to be fetched */
function onEnded(state: NegotiationState, ctx: Context, task: Task, exit: TaskExit): boolean {
  const attempt = currentAttempt(task)!
  const job = state.jobs.get(task.jobId)!
  attempt.endedAtMs = ctx.nowMs
  attempt.exit = exit
  const failed = exit.exitCode !== 0 && exit.killedFor !== 'cancelled' && exit.killedFor !== 'timeout'
  const lost = exit.killedFor === 'lost'
  // No fault of the task either: another node may allow it.
  if (exit.killedFor === 'policy') {
    onAttemptOver(state, ctx, task, 'refused', exit.refusedBy ?? 'policy: its node forbids it')
    return true
  }
  // A run that vanished with its daemon is a loss, and loss is tried again, or ends as cancelled when that
  // was asked for; a bad exit is tried again while retries last.
  if (failed && (lost || (!task.cancelRequested && task.retries < job.spec.retries))) {
    if (!lost) task.retries++
    onAttemptOver(state, ctx, task, lost ? 'lost' : 'ended', `exit code ${exit.exitCode}`)
    return true
  }
  closeAttempt(state, ctx, task, 'ended')
  task.exit = exit
  task.endedAtMs = ctx.nowMs
  // Nothing is fetched that was not asked for.
  const sha256 = job.spec.output ? exit.outputSha256 : undefined
  const sizeBytes = exit.outputBytes ?? 0
  if (sha256 !== undefined) {
    task.output = 'fetching'
    ctx.out.push({
      type: 'fetch-output',
      taskId: task.taskId,
      node: attempt.node,
      runId: runIdOf(ctx.self, task.taskId, attempt.attempt),
      sha256,
      sizeBytes,
    })
  }
  moveTask(ctx, task, endState(exit))
  persistTask(ctx, task)
  return sha256 === undefined
}

function endState(exit: TaskExit): TaskState {
  if (exit.killedFor) return STATE_OF_KILL[exit.killedFor]
  return exit.exitCode === 0 ? 'succeeded' : 'failed'
}

/** The output bundle arrived, or cannot be had: only then may the executor drop its copy. */
export function onOutputFetched(state: NegotiationState, ctx: Context, taskId: string, ok: boolean): void {
  const task = state.tasks.get(taskId)
  const attempt = task && currentAttempt(task)
  if (!task || !attempt || task.output !== 'fetching') return
  task.output = ok ? 'here' : 'failed'
  persistTask(ctx, task)
  note(ctx, { type: 'settlement.sent', taskId, attempt: attempt.attempt, peer: attempt.node })
  send(ctx, attempt.node, { t: 'settle', body: { attempts: [{ taskId, attempt: attempt.attempt }] } })
  ctx.out.push({ type: 'emit', event: { type: 'task', taskId, state: task.state, node: attempt.node } })
}
