/**
 * One attempt of a task, as its submitter keeps it: which one is open, how it closes, and what follows.
 *
 * Another attempt opens for three reasons only: the executor refused by a signed contract, the executor
 * is lost (promise `many`: at least once), or the attempt ended badly and retries are left.
 */
import { isEnded, TASK_LIMITS, type TaskExit, type TaskState } from '../../model/task.ts'
import { note, noted } from '../notes.ts'
import { currentAttempt, moveTask, persistTask, runIdOf, send } from '../state.ts'
import type { Attempt, Context, Job, NegotiationState, NodeId, Task } from '../types.ts'

/** Wait before a failed task is tried again: 1 s, doubling to a minute. */
const RETRY_BASE_MS = 1_000
const RETRY_MAX_MS = 60_000

/** The task, when `attempt` is its current one, runs with `from` and is open. */
export function openTask(state: NegotiationState, from: NodeId, taskId: string, attempt: number): Task | undefined {
  const task = state.tasks.get(taskId)
  if (!task || isEnded(task.state) || task.state === 'queued') return undefined
  const current = currentAttempt(task)
  return current?.attempt === attempt && current.node === from && current.outcome === undefined ? task : undefined
}

/** An attempt is no longer in doubt, whatever became of it. */
export function clearDoubt(state: NegotiationState, bidId: string, runId: string): void {
  const doubt = state.inDoubt.get(bidId)
  if (!doubt?.runs.delete(runId) || doubt.runs.size > 0) return
  state.inDoubt.delete(bidId)
  state.deadlines.cancel(`award:${bidId}`)
}

/**
 * Tells an executor to end an attempt that works for nobody any more, so that its capacity returns.
 * An attempt that is still its task's current one, here with this node, is left alone: it has ended already.
 */
export function endIfSuperseded(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  taskId: string,
  attempt: number,
): void {
  const task = state.tasks.get(taskId)
  const current = task && currentAttempt(task)
  if (current?.attempt === attempt && current.node === from && current.outcome === 'ended') return
  send(ctx, from, { t: 'cancel', body: { attempts: [{ taskId, attempt }], why: 'lost' } })
}

/** Ends the current attempt and either queues the task for another or, when none is left, fails it. */
export function onAttemptOver(
  state: NegotiationState,
  ctx: Context,
  task: Task,
  outcome: 'refused' | 'lost' | 'ended',
  reason: string,
): void {
  const attempt = currentAttempt(task)!
  const job = state.jobs.get(task.jobId)!
  attempt.reason = reason
  if (outcome === 'lost') {
    const { taskId } = task
    note(ctx, { type: 'attempt.lost', taskId, attempt: attempt.attempt, peer: attempt.node, reason: noted(reason) })
  }
  closeAttempt(state, ctx, task, outcome)
  if (task.cancelRequested)
    finish(ctx, task, 'cancelled', {
      exitCode: 143,
      killedFor: 'cancelled',
      startedAtMs: ctx.nowMs,
      endedAtMs: ctx.nowMs,
    })
  else if (attempt.attempt >= TASK_LIMITS.attempts) {
    const startError = `gave up after ${attempt.attempt} attempts; the last: ${reason}`
    finish(ctx, task, 'failed', { exitCode: 125, startError, startedAtMs: ctx.nowMs, endedAtMs: ctx.nowMs })
  } else {
    moveTask(ctx, task, 'queued')
    const waitMs = retryWaitMs(task, outcome)
    // Its time limit starts anew, and not before its wait is over.
    task.queuedAtMs = ctx.nowMs + waitMs
    requeue(state, ctx, job, task, waitMs)
    state.deadlines.setEarlier(`place:${job.jobId}`, task.queuedAtMs + (job.placeByMs - job.submittedAtMs))
  }
  persistTask(ctx, task)
}

/**
 * How long a task waits for its next attempt: longer after each that failed, and after each that was lost but the
 * first, which says nothing of the task; one that ends every shim would else use up its attempts within a second.
 */
function retryWaitMs({ attempts, retries }: Task, outcome: NonNullable<Attempt['outcome']>): number {
  const lost = attempts.filter((attempt) => attempt.outcome === 'lost').length
  const before = outcome === 'ended' ? retries - 1 : outcome === 'lost' ? lost - 2 : -1
  return before < 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** before)
}

/** Puts a task back into its job's queue, to be placed again after `waitMs`. */
export function requeue(state: NegotiationState, ctx: Context, job: Job, task: Task, waitMs: number): void {
  job.queue.push(task.taskId)
  if (!job.round) state.deadlines.setEarlier(`offer:${job.jobId}`, ctx.nowMs + waitMs)
}

/** Ends a task without an attempt to report it. */
export function finish(ctx: Context, task: Task, state: TaskState, exit: TaskExit): void {
  task.exit = exit
  task.endedAtMs = ctx.nowMs
  moveTask(ctx, task, state)
}

/** Closes the current attempt: it is no longer in doubt, nor renewed. */
export function closeAttempt(
  state: NegotiationState,
  ctx: Context,
  task: Task,
  outcome: NonNullable<Attempt['outcome']>,
): void {
  const attempt = currentAttempt(task)!
  attempt.outcome = outcome
  attempt.endedAtMs ??= ctx.nowMs
  const runId = runIdOf(ctx.self, task.taskId, attempt.attempt)
  clearDoubt(state, attempt.bidId, runId)
  const runs = state.byExecutor.get(attempt.node)
  runs?.delete(runId)
  if (runs?.size === 0) {
    state.byExecutor.delete(attempt.node)
    state.heardMs.delete(attempt.node)
    state.missed.delete(attempt.node)
    state.deadlines.cancel(`lost:${attempt.node}`)
  }
}
