/** How long a submitter remembers: ended jobs go, oldest first, when room is needed. */
import { NEGOTIATION_LIMITS } from '../config.ts'
import { isEnded } from '../../model/task.ts'
import { type Context, type Job, type NegotiationState } from '../types.ts'

/** Drops ended jobs, oldest first, until one more job of `incoming` tasks fits; unfinished ones stay. */
export function pruneEnded(state: NegotiationState, ctx: Context, incoming: number): void {
  for (const job of state.jobs.values()) {
    const room = state.jobs.size < NEGOTIATION_LIMITS.jobs && state.tasks.size + incoming <= NEGOTIATION_LIMITS.tasks
    if (room) return
    if (isOver(state, job)) dropJob(state, ctx, job)
  }
}

/** Jobs and tasks that cannot be dropped to make room. */
export function unfinishedWork(state: NegotiationState): { jobs: number; tasks: number } {
  const open = [...state.jobs.values()].filter((job) => !isOver(state, job))
  return { jobs: open.length, tasks: open.reduce((sum, job) => sum + job.taskIds.length, 0) }
}

function isOver(state: NegotiationState, job: Job): boolean {
  // A quote has no tasks; it goes with its round.
  if (job.quote) return false
  return job.taskIds.every((taskId) => {
    const task = state.tasks.get(taskId)
    return !task || (isEnded(task.state) && task.output !== 'fetching')
  })
}

function dropJob(state: NegotiationState, ctx: Context, job: Job): void {
  for (const taskId of job.taskIds) {
    state.tasks.delete(taskId)
    ctx.out.push({ type: 'persist', collection: 'task', key: taskId, doc: null })
  }
  state.jobs.delete(job.jobId)
  state.dirtyJobs.delete(job.jobId)
  state.deadlines.cancel(`place:${job.jobId}`)
  state.deadlines.cancel(`offer:${job.jobId}`)
  ctx.out.push({ type: 'persist', collection: 'job', key: job.jobId, doc: null })
}
