/** Making, reading and guarding the negotiation state: what both sides of the table share. */
import type { ControlMessage } from '../model/control.ts'
import { NO_RESOURCES, subtractResources, type Resources } from '../model/resources.ts'
import { isEnded, TASK_TRANSITIONS, type TaskState } from '../model/task.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import { Deadlines } from '../util/deadlines.ts'
import { sha256Hex } from '../util/sha256.ts'
import { NEGOTIATION_LIMITS } from './config.ts'
import { note } from './notes.ts'
import type { StoryEntry } from './story.ts'
import {
  CONTRACT_TRANSITIONS,
  type Attempt,
  type Context,
  type ContractPhase,
  type ContractState,
  type Job,
  type NegotiationState,
  type NodeId,
  type Task,
} from './types.ts'

/** Said of a start before there was one. */
const FIRST_START_MS = 10

/** A table with nobody at it. */
export function createNegotiation(): NegotiationState {
  return {
    jobs: new Map(),
    tasks: new Map(),
    byExecutor: new Map(),
    heardMs: new Map(),
    missed: new Map(),
    inDoubt: new Map(),
    holds: new Map(),
    holdByOffer: new Map(),
    contracts: new Map(),
    tombstones: new BoundedMap(NEGOTIATION_LIMITS.tombstones, 'evict-oldest'),
    offers: new Map(),
    usage: new BoundedMap(NEGOTIATION_LIMITS.usage, 'evict-oldest'),
    waiters: new Map(),
    turns: new Map(),
    servedMs: new BoundedMap(NEGOTIATION_LIMITS.served, 'evict-oldest'),
    reserved: NO_RESOURCES,
    takenElsewhere: NO_RESOURCES,
    startMs: FIRST_START_MS,
    reports: new Map(),
    reportedMs: new Map(),
    unsettled: new Map(),
    cordon: undefined,
    keepUntilMs: 0,
    deadlines: new Deadlines(),
    dirtyJobs: new Set(),
    dirtyTasks: new Set(),
    dirtyContracts: new Set(),
  }
}

/** Bytes of the submitter's hash in a run id, as hex digits: enough that nobody meets another's by chance or search. */
const SUBMITTER_TAG = 20

/**
 * Names one attempt on every machine: `<tag of the submitter>.<task>.<attempt>`. Task ids are chosen by their
 * submitters and are no secret; with the submitter in the name nobody's run can be taken for another's.
 */
export function runIdOf(submitter: NodeId, taskId: string, attempt: number): string {
  return `${submitterTag(submitter)}.${taskId}.${attempt}`
}

/** Hashed once per submitter; a daemon works for few. */
const tags = new BoundedMap<NodeId, string>(1_000, 'evict-oldest')

function submitterTag(submitter: NodeId): string {
  let tag = tags.get(submitter)
  if (tag === undefined) {
    tag = sha256Hex(new TextEncoder().encode(submitter)).slice(0, SUBMITTER_TAG)
    tags.set(submitter, tag)
  }
  return tag
}

/** The attempt that a run id names; the inverse of `runIdOf` but for its submitter. */
export function attemptRefOf(runId: string): { taskId: string; attempt: number } {
  const [, taskId = '', attempt] = runId.split('.')
  return { taskId, attempt: Number(attempt) }
}

/** What this machine has not set aside, for this cluster or another. */
export function freeOf(state: NegotiationState, capacity: Resources): Resources {
  return subtractResources(subtractResources(capacity, state.reserved), state.takenElsewhere)
}

/** Asks for a message to be sent. */
export function send(ctx: Context, to: NodeId, message: ControlMessage): void {
  ctx.out.push({ type: 'send', to, message })
}

/** Asks for a task to be stored before anything else of this step happens. */
export function persistTask(ctx: Context, task: Task): void {
  ctx.out.push({ type: 'persist', collection: 'task', key: task.taskId, doc: task })
}

/** Asks for a contract to be stored before anything else of this step happens. */
export function persistContract(ctx: Context, contract: ContractState): void {
  ctx.out.push({ type: 'persist', collection: 'contract', key: contract.runId, doc: contract })
}

/** The attempt a task is at, if it ever got one. */
export function currentAttempt(task: Task): Attempt | undefined {
  return task.attempts.at(-1)
}

/** Moves a task along its table. @throws Error when the table has no such edge: a bug, never an input's doing */
export function moveTask(ctx: Context, task: Task, to: TaskState): void {
  if (!TASK_TRANSITIONS[task.state].includes(to))
    throw new Error(`task ${task.taskId}: ${task.state} → ${to} is no transition`)
  task.state = to
  if (isEnded(to))
    note(ctx, { type: 'task.ended', taskId: task.taskId, state: to, exitCode: task.exit?.exitCode ?? 125 })
  const node = currentAttempt(task)?.node
  ctx.out.push({
    type: 'emit',
    event: { type: 'task', taskId: task.taskId, state: to, ...(node === undefined ? {} : { node }) },
  })
}

/** Moves a contract along its table. @throws Error when the table has no such edge */
export function moveContract(ctx: Context, contract: ContractState, to: ContractPhase): void {
  const allowed: readonly string[] = CONTRACT_TRANSITIONS[contract.phase]
  if (!allowed.includes(to)) throw new Error(`contract ${contract.runId}: ${contract.phase} → ${to} is no transition`)
  contract.phase = to
  ctx.out.push({
    type: 'emit',
    event: { type: 'contract', runId: contract.runId, phase: to, submitter: contract.submitter },
  })
}

/**
 * Adds a line to a job's story. When it is full the middle goes: how a job began and how it stands
 * are what `why` is asked for. The job is stored soon, not at once: stories are written in bulk.
 */
export function tell(state: NegotiationState, ctx: Context, job: Job, entry: StoryEntry): void {
  job.story.push(entry)
  while (
    job.story.length > NEGOTIATION_LIMITS.storyEntries ||
    (job.story.length > 1 && storyBytes(job) > NEGOTIATION_LIMITS.storyBytes)
  ) {
    job.story.splice(job.story.length >> 1, 1)
    job.storyDropped++
  }
  if (job.quote) return
  touchJob(state, ctx, job)
  ctx.out.push({ type: 'emit', event: { type: 'job', jobId: job.jobId, what: entry.kind } })
}

/** What a line without a proof takes, about. */
const LINE_BYTES = 200

/** What a story takes in memory and on disk, about: what peers signed is most of it. */
function storyBytes(job: Job): number {
  return job.story.reduce((sum, line) => sum + LINE_BYTES + ('proof' in line ? 2 * line.proof.length : 0), 0)
}

/** How long a change that is only for people, or can be learned again, may wait for its write. */
const STORY_FLUSH_MS = 200

/** Notes that a job must be stored again before long. */
export function touchJob(state: NegotiationState, ctx: Context, job: Job): void {
  state.dirtyJobs.add(job.jobId)
  state.deadlines.setEarlier('stories', ctx.nowMs + STORY_FLUSH_MS)
}

/**
 * Notes that a task must be stored again before long: for what a crash may forget, because its executor says it
 * again (that it has taken the task on, that it runs).
 */
export function touchTask(state: NegotiationState, ctx: Context, task: Task): void {
  state.dirtyTasks.add(task.taskId)
  state.deadlines.setEarlier('stories', ctx.nowMs + STORY_FLUSH_MS)
}

/** As `touchTask`, for what the driver finds again after a crash: that a run was started, and when. */
export function touchContract(state: NegotiationState, ctx: Context, contract: ContractState): void {
  state.dirtyContracts.add(contract.runId)
  state.deadlines.setEarlier('stories', ctx.nowMs + STORY_FLUSH_MS)
}

/** The part of a job that is stored; rounds and holds do not outlive a restart. */
export function jobDoc(job: Job): unknown {
  const { jobId, spec, tenant, elsewhere, taskIds, submittedAtMs, placeByMs, story, storyDropped } = job
  const more = { ...(tenant !== undefined && { tenant }), ...(elsewhere && { elsewhere }) }
  return { jobId, spec, ...more, taskIds, submittedAtMs, placeByMs, story, storyDropped }
}

/** Stores every job whose story changed, and the tasks and contracts that were touched. */
export function flushStories(state: NegotiationState, ctx: Context): void {
  for (const jobId of state.dirtyJobs) {
    const job = state.jobs.get(jobId)
    if (job) ctx.out.push({ type: 'persist', collection: 'job', key: jobId, doc: jobDoc(job) })
  }
  state.dirtyJobs.clear()
  for (const taskId of state.dirtyTasks) {
    const task = state.tasks.get(taskId)
    // What has ended meanwhile was stored then.
    if (task && !isEnded(task.state)) persistTask(ctx, task)
  }
  state.dirtyTasks.clear()
  for (const runId of state.dirtyContracts) {
    const contract = state.contracts.get(runId)
    if (contract?.phase === 'running') persistContract(ctx, contract)
  }
  state.dirtyContracts.clear()
}
