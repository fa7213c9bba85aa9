/**
 * What keeps an attempt the submitter's own: renewing its lease, noticing its loss, ending it on request.
 */
import { ATTEMPTS_PER_MESSAGE, type AttemptRef } from '../../model/negotiation.ts'
import { isEnded } from '../../model/task.ts'
import { note } from '../notes.ts'
import { attemptRefOf, currentAttempt, persistTask, runIdOf, send } from '../state.ts'
import type { Context, NegotiationState, NodeId, Task } from '../types.ts'
import { closeAttempt, finish, onAttemptOver, openTask } from './attempt.ts'
import { releaseIdle } from './award.ts'
import { loseExecutor } from './losses.ts'

/** Renews every open attempt with its executor, and gives up those that were silent too long. */
export function renewAll(state: NegotiationState, ctx: Context): void {
  for (const [node, runs] of [...state.byExecutor]) {
    const silentMs = ctx.nowMs - (state.heardMs.get(node) ?? ctx.nowMs)
    // Those whose watchers miss them are given up at a time of their own.
    if (silentMs >= ctx.config.lostAfterMs && !ctx.cutOff && !state.missed.has(node))
      loseExecutor(state, ctx, node, `nothing heard of its node for ${Math.round(silentMs / 1000)} s`)
    else {
      const open = [...runs].map(attemptRefOf)
      for (let i = 0; i < open.length; i += ATTEMPTS_PER_MESSAGE) {
        const attempts = open.slice(i, i + ATTEMPTS_PER_MESSAGE)
        send(ctx, node, { t: 'renew', body: { attempts, leaseMs: ctx.config.leaseMs } })
        repeatCancels(state, ctx, node, attempts)
        endOverdue(state, ctx, node, attempts)
      }
    }
  }
  if (state.byExecutor.size > 0) state.deadlines.set('renew', ctx.nowMs + Math.floor(ctx.config.leaseMs / 3))
}

function repeatCancels(
  state: NegotiationState,
  ctx: Context,
  node: NodeId,
  attempts: readonly { taskId: string; attempt: number }[],
): void {
  const cancelled = attempts.filter(({ taskId }) => state.tasks.get(taskId)?.cancelRequested)
  if (cancelled.length > 0) send(ctx, node, { t: 'cancel', body: { attempts: cancelled, why: 'cancelled' } })
}

/** What an executor gets beyond the time that a task has, before the submitter ends the task by itself. */
const OVERDUE_SLACK_MS = 120_000

/** A task whose time is over, or whose cancel is not answered, ends here: no executor can hold it for ever. */
function endOverdue(state: NegotiationState, ctx: Context, node: NodeId, attempts: readonly AttemptRef[]): void {
  for (const { taskId, attempt } of attempts) {
    const task = openTask(state, node, taskId, attempt)
    const spec = task && state.jobs.get(task.jobId)?.spec
    if (!task || !spec) continue
    const { startedAtMs, awardedAtMs } = currentAttempt(task)!
    // The way of the input to the node has as long as the task itself, as the executor sees it too.
    const dueMs = (startedAtMs ?? awardedAtMs + spec.timeoutMs) + spec.timeoutMs + spec.graceMs + OVERDUE_SLACK_MS
    const cancelDueMs = (task.cancelledAtMs ?? Infinity) + spec.graceMs + OVERDUE_SLACK_MS
    if (ctx.nowMs < Math.min(dueMs, cancelDueMs)) continue
    send(ctx, node, { t: 'cancel', body: { attempts: [{ taskId, attempt }], why: 'lost' } })
    closeAttempt(state, ctx, task, 'lost')
    const why = ctx.nowMs >= cancelDueMs ? 'cancelled' : 'timeout'
    const exit = {
      exitCode: 143,
      killedFor: why,
      startedAtMs: startedAtMs ?? awardedAtMs,
      endedAtMs: ctx.nowMs,
    } as const
    finish(ctx, task, why === 'cancelled' ? 'cancelled' : 'timed-out', exit)
    persistTask(ctx, task)
  }
}

/** An executor answered a renewal: what it does not know is lost (its disk is, for one). */
export function onRenewed(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  unknown: readonly { taskId: string; attempt: number }[],
): void {
  for (const { taskId, attempt } of unknown) {
    const task = openTask(state, from, taskId, attempt)
    // One that is in doubt may simply not have been awarded yet: the repeated award decides.
    if (!task || isInDoubt(state, ctx, task)) continue
    onAttemptOver(state, ctx, task, 'lost', 'its node no longer knows of it')
  }
}

function isInDoubt(state: NegotiationState, ctx: Context, task: Task): boolean {
  const { bidId, attempt } = currentAttempt(task)!
  return state.inDoubt.get(bidId)?.runs.has(runIdOf(ctx.self, task.taskId, attempt)) ?? false
}

/** Ends a task wherever it is. Returns false when it is unknown or has ended. */
export function cancelTask(state: NegotiationState, ctx: Context, taskId: string): boolean {
  const task = state.tasks.get(taskId)
  if (!task || isEnded(task.state)) return false
  if (!task.cancelRequested) note(ctx, { type: 'cancel.asked', taskId })
  task.cancelRequested = true
  task.cancelledAtMs ??= ctx.nowMs
  const job = state.jobs.get(task.jobId)!
  if (task.state === 'queued') {
    const at = job.queue.indexOf(taskId)
    if (at >= 0) job.queue.splice(at, 1)
    finish(ctx, task, 'cancelled', {
      exitCode: 143,
      killedFor: 'cancelled',
      startedAtMs: ctx.nowMs,
      endedAtMs: ctx.nowMs,
    })
    if (job.queue.length === 0) releaseIdle(state, ctx, job)
  } else {
    const { attempt, node } = currentAttempt(task)!
    send(ctx, node, { t: 'cancel', body: { attempts: [{ taskId, attempt }], why: 'cancelled' } })
  }
  persistTask(ctx, task)
  return true
}
