/**
 * The submitter's half, up to the award: jobs, offer rounds, bids.
 *
 * One round at a time per job: the best few candidates are asked for as many slots as tasks wait;
 * when all have answered, or the bid window closes, the bids are ranked and awarded. What is left
 * over is offered again after a growing wait, or at once when someone says capacity freed.
 */
import { NEGOTIATION_LIMITS } from '../config.ts'
import type { Bid, Decline } from '../../model/negotiation.ts'
import { isEnded, type TaskSpec } from '../../model/task.ts'
import { AlthingError } from '../../util/errors.ts'
import { awardFreeSlots, countAwardable, releaseIdle, tellHeldBack } from './award.ts'
import { note, notedReasons, noteOffer } from '../notes.ts'
import { rank } from '../rank.ts'
import { jobDoc, moveTask, persistTask, send, tell } from '../state.ts'
import { lastReasons } from '../story.ts'
import { chooseCandidates } from './candidates.ts'
import { scheduleReoffer } from './reoffers.ts'
import { pruneEnded, unfinishedWork } from './retention.ts'
import { type Context, type Job, type NegotiationState, type NodeId, type Task } from '../types.ts'

/** Never-asked nodes named one by one in a story; a large mesh would drown it otherwise. */
const NOT_ASKED_NAMED = 16

/** A job that this node cannot take. Nothing was changed. */
export class SubmitError extends AlthingError<'too-many-jobs' | 'too-many-tasks' | 'id-in-use'> {}

/**
 * Takes a job of `count` identical tasks and offers it.
 * @throws SubmitError when a cap is reached; nothing was changed then
 */
export function submit(
  state: NegotiationState,
  ctx: Context,
  input: Wanted & Pick<Job, 'tenant' | 'elsewhere'> & { placeTimeoutMs: number },
): Job {
  const { tenant, elsewhere, placeTimeoutMs } = input
  const told = { ...(tenant !== undefined && { tenant }), ...(elsewhere && { elsewhere }) }
  const job = openJob(state, ctx, input, { ...told, placeByMs: ctx.nowMs + placeTimeoutMs })
  const { taskIds } = job
  // At once, unlike later lines of its story: an acknowledged job must not be forgotten by a crash.
  ctx.out.push({ type: 'persist', collection: 'job', key: job.jobId, doc: jobDoc(job) })
  note(ctx, { type: 'job.submitted', jobId: job.jobId, tasks: taskIds.length })
  for (const taskId of taskIds) {
    const task: Task = {
      taskId,
      jobId: job.jobId,
      state: 'queued',
      queuedAtMs: ctx.nowMs,
      attempts: [],
      cancelRequested: false,
      retries: 0,
    }
    state.tasks.set(taskId, task)
    persistTask(ctx, task)
    ctx.out.push({ type: 'emit', event: { type: 'task', taskId, state: 'queued' } })
  }
  state.deadlines.set(`place:${job.jobId}`, job.placeByMs)
  startRound(state, ctx, job)
  return job
}

/**
 * Asks who would take a job, in one round as for a job that is to run, and gives every bid back: comes out as `quoted`,
 * after the bid window at the latest. Nothing of it is stored.
 * @throws SubmitError when a cap is reached; nothing was changed then
 */
export function quote(state: NegotiationState, ctx: Context, wanted: Wanted): void {
  startRound(state, ctx, openJob(state, ctx, wanted, { quote: true, placeByMs: ctx.nowMs }))
}

function endQuote(state: NegotiationState, ctx: Context, job: Job): void {
  const slots = countAwardable(state, ctx, job)
  releaseIdle(state, ctx, job)
  state.jobs.delete(job.jobId)
  const scores = job.story.flatMap((entry) => (entry.kind === 'bid' ? [entry.rank.score] : []))
  const bestScore = Math.max(0, ...scores)
  ctx.out.push({ type: 'quoted', jobId: job.jobId, slots, bestScore, story: job.story })
}

/** What somebody wants to run. */
interface Wanted {
  readonly jobId: string
  readonly spec: TaskSpec
  readonly count: number
}

/** @throws SubmitError when a cap is reached, or the id is in use; nothing was changed then */
function openJob(
  state: NegotiationState,
  ctx: Context,
  { jobId, spec, count }: Wanted,
  more: Pick<Job, 'tenant' | 'elsewhere' | 'quote' | 'placeByMs'>,
): Job {
  if (state.jobs.has(jobId)) throw new SubmitError('id-in-use', `job ${jobId} exists already`)
  refuseBeyondCaps(state, count)
  pruneEnded(state, ctx, count)
  const taskIds = count === 1 ? [jobId] : Array.from({ length: count }, (_, i) => `${jobId}-${i}`)
  const job: Job = {
    jobId,
    spec,
    ...more,
    taskIds,
    submittedAtMs: ctx.nowMs,
    queue: [...taskIds],
    grantable: new Map(),
    reofferMs: ctx.config.reofferMinMs,
    offeredMs: -Infinity,
    hopes: new Set(),
    unwilling: new Set(),
    story: [],
    storyDropped: 0,
  }
  state.jobs.set(jobId, job)
  return job
}

/** @throws SubmitError when the caps leave no room for another job of `count` tasks, ended ones not counted */
function refuseBeyondCaps(state: NegotiationState, count: number): void {
  const { jobs, tasks } = NEGOTIATION_LIMITS
  // With the ended ones it fits already: the common case, and they need not be counted.
  if (state.jobs.size < jobs && state.tasks.size + count <= tasks) return
  const unfinished = unfinishedWork(state)
  const fix = 'wait for some to end, or cancel them'
  if (unfinished.jobs >= jobs)
    throw new SubmitError('too-many-jobs', `${unfinished.jobs} jobs are unfinished, the most this node keeps`, { fix })
  if (unfinished.tasks + count > tasks)
    throw new SubmitError('too-many-tasks', `this node keeps ${tasks} tasks at most`, { fix })
}

/** Asks the best candidates, unless a round is under way or nothing waits. */
export function startRound(state: NegotiationState, ctx: Context, job: Job): void {
  if (job.round || job.queue.length === 0) return
  const offerId = `${job.jobId}-${ctx.rng.id(8)}`
  job.offeredMs = ctx.nowMs
  const { ask, pass } = chooseCandidates(state, ctx, job)
  for (const { node, reason } of pass.slice(0, NOT_ASKED_NAMED)) {
    tell(state, ctx, job, { kind: 'not-asked', atMs: ctx.nowMs, offerId, node, reason })
  }
  if (ask.length === 0) return job.quote ? endQuote(state, ctx, job) : scheduleReoffer(state, ctx, job)
  const slots = job.queue.length
  job.round = { offerId, slots, waiting: new Set(ask), bids: new Map() }
  tell(state, ctx, job, { kind: 'offered', atMs: ctx.nowMs, offerId, slots, asked: ask })
  // One and the same message to all: it is sealed once.
  const offer = { t: 'offer' as const, body: { offerId, jobId: job.jobId, slots, spec: job.spec } }
  noteOffer(ctx, offer.body, ask)
  for (const node of ask) send(ctx, node, offer)
  state.deadlines.set(`window:${job.jobId}`, ctx.nowMs + ctx.config.bidWindowMs)
}

/** A bid came in. One that no round waits for is released at once, so that it holds nothing. */
export function onBid(state: NegotiationState, ctx: Context, from: NodeId, bid: Bid, proof: Uint8Array): void {
  const job = jobOfOffer(state, bid.offerId)
  const round = job?.round
  if (!job || !round || !round.waiting.delete(from)) {
    const known = job?.grantable.get(bid.bidId)
    if (!known && !round?.bids.has(from)) send(ctx, from, { t: 'release', body: { bidId: bid.bidId } })
    return
  }
  if (bid.slots < round.slots) job.hopes.add(from)
  job.unwilling.delete(from)
  round.bids.set(from, { bid, expiresAtMs: ctx.nowMs + bid.holdMs })
  note(ctx, { type: 'bid.received', offerId: bid.offerId, bidId: bid.bidId, slots: bid.slots, peer: from })
  const facts = { ...bid.terms, distanceMs: ctx.distanceMs(from), local: from === ctx.self }
  tell(state, ctx, job, {
    kind: 'bid',
    atMs: ctx.nowMs,
    offerId: bid.offerId,
    node: from,
    bidId: bid.bidId,
    slots: bid.slots,
    terms: bid.terms,
    rank: rank(facts, ctx.config.weights),
    proof,
  })
  closeRoundIfDone(state, ctx, job)
}

/** A signed "no". */
export function onDecline(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  decline: Decline,
  proof: Uint8Array,
): void {
  const job = jobOfOffer(state, decline.offerId)
  if (!job?.round?.waiting.delete(from)) return
  const { offerId, reasons, wouldFit } = decline
  if (reasons.every(({ temporary }) => temporary)) job.hopes.add(from)
  else job.unwilling.add(from)
  note(ctx, { type: 'decline.received', offerId, peer: from, reasons: notedReasons(reasons) })
  tell(state, ctx, job, { kind: 'declined', atMs: ctx.nowMs, offerId, node: from, reasons, wouldFit, proof })
  closeRoundIfDone(state, ctx, job)
}

/** An offer could not be handed over. */
export function onUnreachable(state: NegotiationState, ctx: Context, node: NodeId, reason: string): void {
  for (const job of state.jobs.values()) {
    if (!job.round?.waiting.delete(node)) continue
    tell(state, ctx, job, { kind: 'unreachable', atMs: ctx.nowMs, offerId: job.round.offerId, node, reason })
    closeRoundIfDone(state, ctx, job)
  }
}

/** The bid window closed: whoever has not answered counts as unreachable. */
export function onWindowClosed(state: NegotiationState, ctx: Context, jobId: string): void {
  const job = state.jobs.get(jobId)
  const round = job?.round
  if (!job || !round) return
  for (const node of round.waiting) {
    const reason = `no answer within ${ctx.config.bidWindowMs} ms`
    tell(state, ctx, job, { kind: 'unreachable', atMs: ctx.nowMs, offerId: round.offerId, node, reason })
  }
  round.waiting.clear()
  closeRoundIfDone(state, ctx, job)
}

function closeRoundIfDone(state: NegotiationState, ctx: Context, job: Job): void {
  const round = job.round
  if (!round || round.waiting.size > 0) return
  delete job.round
  state.deadlines.cancel(`window:${job.jobId}`)
  for (const [node, { bid, expiresAtMs }] of round.bids) {
    job.grantable.set(bid.bidId, { bidId: bid.bidId, offerId: round.offerId, node, free: bid.slots, expiresAtMs })
  }
  if (job.quote) return endQuote(state, ctx, job)
  const placed = awardFreeSlots(state, ctx, job)
  if (job.queue.length === 0) return releaseIdle(state, ctx, job)
  tellHeldBack(state, ctx, job)
  if (placed > 0) job.reofferMs = ctx.config.reofferMinMs
  scheduleReoffer(state, ctx, job)
}

/** What has waited for a place as long as it may fails. */
export function onPlaceTimeout(state: NegotiationState, ctx: Context, jobId: string): void {
  const job = state.jobs.get(jobId)
  if (!job) return
  const limitMs = job.placeByMs - job.submittedAtMs
  const names = new Map(ctx.candidates().map(({ id, name }) => [id, name]))
  const why = lastReasons(job.story, (node) => names.get(node) ?? node)
    .slice(0, 5)
    .join('; ')
  const reason = `NoCapableNodes: not placed within ${Math.round(limitMs / 1000)} s${why === '' ? '' : `: ${why}`}`
  for (const taskId of job.queue.splice(0)) {
    const task = state.tasks.get(taskId)
    if (!task || isEnded(task.state)) continue
    if (task.queuedAtMs + limitMs > ctx.nowMs) {
      // It came back to the queue later than the others; its time runs from then.
      job.queue.push(taskId)
      state.deadlines.setEarlier(`place:${jobId}`, task.queuedAtMs + limitMs)
      continue
    }
    task.endedAtMs = ctx.nowMs
    task.exit = { exitCode: 125, startError: reason.slice(0, 4096), startedAtMs: ctx.nowMs, endedAtMs: ctx.nowMs }
    moveTask(ctx, task, 'failed')
    persistTask(ctx, task)
  }
  if (job.queue.length === 0) releaseIdle(state, ctx, job)
}

/** The job that this very offer is out for: an offer's id begins with its job's. */
function jobOfOffer(state: NegotiationState, offerId: string): Job | undefined {
  const job = state.jobs.get(offerId.slice(0, Math.max(0, offerId.lastIndexOf('-'))))
  return job?.round?.offerId === offerId ? job : undefined
}
