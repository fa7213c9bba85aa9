/**
 * When an unplaced job is offered again: after a growing wait, or sooner when there is reason to hope.
 *
 * Nobody can hurry a job beyond its shortest wait: news of capacity is heeded from nodes that had too little of
 * it when this very job was offered, once, and a node that changes its mind often only costs itself.
 */
import type { Context, Job, NegotiationState, NodeId } from '../types.ts'

/** Plans the next round after one that left tasks over. */
export function scheduleReoffer(state: NegotiationState, ctx: Context, job: Job): void {
  // A quarter of jitter: declined submitters must not come back in step.
  const waitMs = Math.round(job.reofferMs * (0.75 + ctx.rng.next() / 2))
  state.deadlines.set(`offer:${job.jobId}`, ctx.nowMs + waitMs)
  job.reofferMs = Math.min(ctx.config.reofferMaxMs, job.reofferMs * 2)
}

/** A node appeared or changed: waiting jobs are offered as soon as their shortest wait is over. */
export function reofferSoon(state: NegotiationState, ctx: Context): void {
  for (const job of state.jobs.values()) hurry(state, ctx, job)
}

/** A node that had no room has some now. */
export function onCapacity(state: NegotiationState, ctx: Context, from: NodeId): void {
  for (const job of state.jobs.values()) {
    if (!job.hopes.delete(from)) continue
    job.reofferMs = ctx.config.reofferMinMs
    hurry(state, ctx, job)
  }
}

function hurry(state: NegotiationState, ctx: Context, job: Job): void {
  if (job.queue.length === 0 || job.round) return
  state.deadlines.setEarlier(`offer:${job.jobId}`, Math.max(ctx.nowMs, job.offeredMs + ctx.config.reofferMinMs))
}
