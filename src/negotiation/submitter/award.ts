/**
 * From a bid to a contract: granting slots, repeating unanswered awards, releasing what is not needed.
 *
 * An award without an answer is *in doubt*: it may have been carried out. It is repeated, the same
 * attempts under the same numbers, until it is answered or the executor is lost; never is another
 * attempt opened merely because nothing came back.
 */
import { ATTEMPTS_PER_MESSAGE, type Contract } from '../../model/negotiation.ts'
import { note, noted } from '../notes.ts'
import { rank, type Rank } from '../rank.ts'
import { attemptRefOf, currentAttempt, moveTask, persistTask, runIdOf, send, tell, touchTask } from '../state.ts'
import { clearDoubt, endIfSuperseded, onAttemptOver, openTask } from './attempt.ts'
import type { StoryEntry } from '../story.ts'
import { spreadOf, type Spread } from './spread.ts'
import type { Context, Grantable, Job, NegotiationState, NodeId, Task } from '../types.ts'

/**
 * Grants waiting tasks to the slots bidders hold, best first, and sends one award per bid.
 * @returns how many tasks were granted
 */
export function awardFreeSlots(state: NegotiationState, ctx: Context, job: Job): number {
  const grants = new Map<Grantable, string[]>()
  const slots = slotsInTurn(state, ctx, job, [...job.grantable.values()], ATTEMPTS_PER_MESSAGE)
  let placed = 0
  while (job.queue.length > 0) {
    const task = state.tasks.get(job.queue[0]!)
    if (task?.state === 'queued') {
      const { value: best } = slots.next()
      if (best === undefined) break
      placed++
      grants.set(best, [...(grants.get(best) ?? []), grant(state, ctx, best, task)])
    }
    job.queue.shift()
  }
  for (const [slot, runs] of grants) sendAward(state, ctx, job, slot, runs)
  return placed
}

/** How many tasks of a job could be granted, in however many messages; nothing is. */
export function countAwardable(state: NegotiationState, ctx: Context, job: Job): number {
  const copies = [...job.grantable.values()].map((slot) => ({ ...slot }))
  const slots = slotsInTurn(state, ctx, job, copies, Infinity)
  let count = 0
  while (count < job.queue.length && slots.next().done === false) count++
  return count
}

/** The bids whose slots are to be granted, one after the other, best first; `most`: of one bid. Each slot is taken. */
function* slotsInTurn(
  state: NegotiationState,
  ctx: Context,
  job: Job,
  bids: readonly Grantable[],
  most: number,
): Generator<Grantable, undefined> {
  const usable = bids.filter((slot) => slot.free > 0 && slot.expiresAtMs > ctx.nowMs)
  const ranks = new Map(usable.map((slot) => [slot.bidId, bidRank(ctx, job, slot)]))
  const spread = spreadOf(state, ctx, job)
  const taken = new Map<Grantable, number>()
  for (;;) {
    const best = bestSlot(usable, ranks, { taken, most }, spread)
    if (!best) return
    best.free--
    spread?.take(best.node)
    taken.set(best, (taken.get(best) ?? 0) + 1)
    yield best
  }
}

/** The highest rank wins; among equals the bid with the larger share of its slots left, so that work spreads. */
function bestSlot(
  usable: readonly Grantable[],
  ranks: ReadonlyMap<string, Rank>,
  { taken, most }: { readonly taken: ReadonlyMap<Grantable, number>; readonly most: number },
  spread: Spread | undefined,
): Grantable | undefined {
  let best: Grantable | undefined
  let bestScore = -1
  for (const slot of usable) {
    const before = taken.get(slot) ?? 0
    if (slot.free <= 0 || before >= most || spread?.refusal(slot.node) !== undefined) continue
    const score = (ranks.get(slot.bidId)?.score ?? 0) * (slot.free / (slot.free + before))
    if (score > bestScore) {
      best = slot
      bestScore = score
    }
  }
  return best
}

/** Tells the story why slots that are held were not granted though tasks wait. */
export function tellHeldBack(state: NegotiationState, ctx: Context, job: Job): void {
  const spread = spreadOf(state, ctx, job)
  if (spread === undefined) return
  for (const { node, free, offerId } of job.grantable.values()) {
    const reason = free > 0 ? spread.refusal(node) : undefined
    if (reason !== undefined) tell(state, ctx, job, { kind: 'not-awarded', atMs: ctx.nowMs, offerId, node, reason })
  }
}

function bidRank(ctx: Context, job: Job, slot: Grantable): Rank {
  const told = job.story.find((e): e is StoryEntry & { kind: 'bid' } => e.kind === 'bid' && e.bidId === slot.bidId)
  if (told) return told.rank
  // The story was cut: any constant keeps the choice fair.
  return rank(
    {
      capacity: job.spec.resources,
      freeAfter: job.spec.resources,
      cpuRatio: 0,
      running: 0,
      warm: false,
      distanceMs: undefined,
      local: false,
    },
    ctx.config.weights,
  )
}

/** Opens the task's next attempt on a slot. Stored before the award leaves (persist before send). */
function grant(state: NegotiationState, ctx: Context, slot: Grantable, task: Task): string {
  const attempt = (currentAttempt(task)?.attempt ?? 0) + 1
  task.attempts.push({ attempt, node: slot.node, offerId: slot.offerId, bidId: slot.bidId, awardedAtMs: ctx.nowMs })
  moveTask(ctx, task, 'awarded')
  persistTask(ctx, task)
  const { node: peer, offerId, bidId } = slot
  note(ctx, { type: 'award.sent', taskId: task.taskId, attempt, offerId, bidId, peer })
  const runId = runIdOf(ctx.self, task.taskId, attempt)
  const runs = state.byExecutor.get(slot.node)
  if (runs) runs.add(runId)
  else {
    state.byExecutor.set(slot.node, new Set([runId]))
    // Silence is counted from the first award at the earliest.
    state.heardMs.set(slot.node, ctx.nowMs)
  }
  state.deadlines.setEarlier('renew', ctx.nowMs + Math.floor(ctx.config.leaseMs / 3))
  return runId
}

function sendAward(state: NegotiationState, ctx: Context, job: Job, slot: Grantable, runs: readonly string[]): void {
  const { bidId, offerId, node } = slot
  tell(state, ctx, job, { kind: 'awarded', atMs: ctx.nowMs, offerId, node, bidId, slots: runs.length })
  const doubt = state.inDoubt.get(bidId) ?? {
    node,
    jobId: job.jobId,
    offerId,
    runs: new Set(),
    waitMs: ctx.config.awardRetryMs,
  }
  for (const runId of runs) doubt.runs.add(runId)
  state.inDoubt.set(bidId, doubt)
  state.deadlines.setEarlier(`award:${bidId}`, ctx.nowMs + doubt.waitMs)
  send(ctx, node, { t: 'award', body: { offerId, bidId, grants: runs.map(attemptRefOf), leaseMs: ctx.config.leaseMs } })
}

/** Repeats what is still unanswered of an award. */
export function repeatAward(state: NegotiationState, ctx: Context, bidId: string): void {
  const doubt = state.inDoubt.get(bidId)
  if (!doubt || doubt.runs.size === 0) return
  doubt.waitMs = Math.min(ctx.config.retryMaxMs, doubt.waitMs * 2)
  state.deadlines.set(`award:${bidId}`, ctx.nowMs + doubt.waitMs)
  const grants = [...doubt.runs].slice(0, ATTEMPTS_PER_MESSAGE).map(attemptRefOf)
  send(ctx, doubt.node, { t: 'award', body: { offerId: doubt.offerId, bidId, grants, leaseMs: ctx.config.leaseMs } })
}

/** The executor's signed answer to an award. */
export function onContract(state: NegotiationState, ctx: Context, from: NodeId, contract: Contract): void {
  const doubt = state.inDoubt.get(contract.bidId)
  if (doubt && doubt.node !== from) return
  for (const { taskId, attempt } of contract.accepted) {
    const task = openTask(state, from, taskId, attempt)
    clearDoubt(state, contract.bidId, runIdOf(ctx.self, taskId, attempt))
    if (!task) {
      endIfSuperseded(state, ctx, from, taskId, attempt)
      continue
    }
    const current = currentAttempt(task)!
    if (current.contractedAtMs !== undefined) continue
    current.contractedAtMs = ctx.nowMs
    note(ctx, { type: 'contract.received', taskId, attempt, bidId: contract.bidId, peer: from })
    touchTask(state, ctx, task)
  }
  for (const { taskId, attempt, reason } of contract.refused) {
    clearDoubt(state, contract.bidId, runIdOf(ctx.self, taskId, attempt))
    const task = openTask(state, from, taskId, attempt)
    if (task) {
      const { bidId } = contract
      note(ctx, { type: 'refusal.received', taskId, attempt, bidId, peer: from, reason: noted(reason) })
      onAttemptOver(state, ctx, task, 'refused', reason)
    }
    // The hold behind a refusal is gone: its slots must not be granted again.
    if (task) state.jobs.get(task.jobId)?.grantable.delete(contract.bidId)
  }
}

/** Gives back every slot that no waiting task can use. */
export function releaseIdle(state: NegotiationState, ctx: Context, job: Job): void {
  for (const slot of job.grantable.values()) {
    job.grantable.delete(slot.bidId)
    if (slot.expiresAtMs <= ctx.nowMs && slot.free === 0) continue
    send(ctx, slot.node, { t: 'release', body: { bidId: slot.bidId } })
    if (slot.free > 0)
      tell(state, ctx, job, {
        kind: 'released',
        atMs: ctx.nowMs,
        offerId: slot.offerId,
        node: slot.node,
        bidId: slot.bidId,
      })
  }
}
