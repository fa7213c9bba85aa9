/** What can be asked about tasks, and ordered: the half of `Operations` that is about work. */
import type { Readable } from 'node:stream'
import type { JobAccepted, LogLine, MeshEvent, TaskView } from '../model/api.ts'
import type { JobRequest } from '../model/job-request.ts'
import type { ElsewhereStory, JobWhyView, QuoteView, WhyView } from '../model/why-view.ts'
import { TASK_LIMITS, isEnded, type TaskSpec } from '../model/task.ts'
import { attemptRefOf, currentAttempt, runIdOf } from '../negotiation/state.ts'
import { SubmitError } from '../negotiation/submitter/rounds.ts'
import { encode } from '../wire/codec.ts'
import type { BundleStore } from './bundle-store.ts'
import type { DaemonParts } from './daemon-state.ts'
import { OperationError } from './operations.ts'
import { untilRun } from './run-watch.ts'
import { checkSelector } from './selectors.ts'
import { findTask } from './task-list.ts'
import { taskLogs, type LogPlace, type LogQuery } from './task-logs.ts'
import { jobWhyView, storyLine, whyView } from './story-view.ts'
import { namesOf, submittedView } from './views.ts'
import { nodeAnywhere } from './ward-operations.ts'

/** Takes a job after checking what the core takes for granted. @param elsewhere see `Job.elsewhere` */
export async function submitJob(
  parts: DaemonParts,
  request: JobRequest,
  tenant?: string,
  elsewhere?: readonly ElsewhereStory[],
): Promise<JobAccepted> {
  const { loop, bundles, rng, settings } = parts
  const { count, placeTimeoutMs = settings.values['task.place-timeout'] } = request
  const spec = await specOf(parts, request)
  if (spec.input) checkInput(bundles, spec.input)
  const jobId = rng.id(10)
  const whose = { ...(tenant !== undefined && { tenant }), ...(elsewhere && { elsewhere }) }
  await orFull(() => loop.submit({ type: 'submit', jobId, spec, count, placeTimeoutMs, ...whose }))
  if (loop.blockedBy !== undefined) {
    // The disk filled up with this very job: it was not stored, so it is not taken.
    for (const taskId of parts.mesh.negotiation.jobs.get(jobId)?.taskIds ?? []) loop.input({ type: 'cancel', taskId })
    refuseWhileBlocked(parts)
  }
  return { jobId, taskIds: [...parts.mesh.negotiation.jobs.get(jobId)!.taskIds] }
}

/** Asks who would take a job. Its input need not be here yet. */
export async function quoteJob(parts: DaemonParts, request: JobRequest): Promise<QuoteView> {
  const spec = await specOf(parts, request)
  const { slots, bestScore, story } = await orFull(() => parts.quotes.ask(spec, request.count))
  const name = namesOf(parts.mesh, parts.clock.nowMs())
  return { slots, bestScore, story: story.map((entry) => storyLine(entry, name)) }
}

/**
 * The task that a request means.
 * @throws OperationError `invalid` for a spec that cannot be, `full` while no work is taken; as `nodeAnywhere` for its
 * node
 */
async function specOf(parts: DaemonParts, request: JobRequest): Promise<TaskSpec> {
  const { values } = parts.settings
  const { timeoutMs = values['task.timeout'], logCapBytes = values['task.log-cap'] } = request.spec
  refuseWhileBlocked(parts)
  const { node: named, ...asked } = request.spec
  const node = named === undefined ? undefined : (await nodeAnywhere(parts, named)).peerId
  const spec: TaskSpec = { ...asked, timeoutMs, logCapBytes, ...(node !== undefined && { node }) }
  checkSelector(spec.selector)
  if (encode(spec).length > TASK_LIMITS.specBytes) {
    throw new OperationError('invalid', `the task spec is larger than ${TASK_LIMITS.specBytes} bytes`, {
      fix: 'put large data into --input',
    })
  }
  return spec
}

/** What the core refuses because a cap is reached. @throws OperationError `full` */
async function orFull<Outcome>(act: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof SubmitError)) throw error
    const { message, fix } = error
    throw new OperationError('full', message, { cause: error, ...(fix !== undefined && { fix }) })
  }
}

/**
 * Executors take no more bytes of an input than the spec says: with a wrong size its tasks would fail on every node.
 * @throws OperationError `invalid` when the bundle is not here, or has another size
 */
function checkInput(bundles: BundleStore, { sha256, sizeBytes }: NonNullable<TaskSpec['input']>): void {
  const hereBytes = bundles.sizeOf(sha256)
  const named = `the input bundle ${sha256.slice(0, 12)}…`
  if (hereBytes === undefined) {
    throw new OperationError('invalid', `${named} is not on this node`, { fix: 'upload it first: POST /v1/bundles' })
  }
  if (hereBytes !== sizeBytes) {
    throw new OperationError('invalid', `${named} has ${hereBytes} bytes; the spec says ${sizeBytes}`, {
      fix: 'take input.sizeBytes from the answer of POST /v1/bundles',
    })
  }
}

/** @throws OperationError `full` while nothing can be stored: what is accepted must survive a crash */
function refuseWhileBlocked({ loop, mesh }: DaemonParts): void {
  if (mesh.phase === 'leaving') throw new OperationError('conflict', 'no work is taken: this node is leaving')
  if (loop.blockedBy === undefined) return
  throw new OperationError('full', `no work is taken: ${loop.blockedBy}`, {
    fix: 'free space below the data directory; work goes on by itself then',
  })
}

/** The story of a task; only its submitter has it. */
export function whyTask(parts: DaemonParts, id: string): WhyView {
  const { submitted, view } = findTask(parts, id)
  const job = submitted && parts.mesh.negotiation.jobs.get(submitted.jobId)
  if (!submitted || !job) {
    throw new OperationError(
      'not-found',
      `task ${view.taskId} was submitted elsewhere: only its submitter knows its story`,
      {
        fix: `ask on the node of ${view.submitter}`,
      },
    )
  }
  return whyView(job, submitted, namesOf(parts.mesh, parts.clock.nowMs()))
}

/** The story of a job, with all of its tasks. @param tenant whose it must be; absent: anybody's */
export function whyJob(parts: DaemonParts, jobId: string, tenant?: string): JobWhyView {
  const { jobs, tasks } = parts.mesh.negotiation
  const job = jobs.get(jobId)
  if (job === undefined || (tenant !== undefined && job.tenant !== tenant)) {
    throw new OperationError('not-found', `no job ${jobId} was submitted on this node`, {
      fix: '`althing ps --all` lists them',
    })
  }
  const known = job.taskIds.flatMap((taskId) => tasks.get(taskId) ?? [])
  return jobWhyView(job, known, namesOf(parts.mesh, parts.clock.nowMs()))
}

/** Ends a task wherever it runs. */
export function cancelTask(parts: DaemonParts, id: string): TaskView {
  const { submitted, view } = findTask(parts, id)
  if (!submitted) {
    throw new OperationError('conflict', `task ${view.taskId} was submitted elsewhere`, {
      fix: `cancel it on the node of ${view.submitter}`,
    })
  }
  if (isEnded(submitted.state))
    throw new OperationError('conflict', `task ${view.taskId} has ended already: ${submitted.state}`)
  parts.loop.input({ type: 'cancel', taskId: submitted.taskId })
  return submittedView(parts.mesh, submitted, namesOf(parts.mesh, parts.clock.nowMs()))
}

/** A submitter tells of the task itself, an executor of the contract of one attempt. */
function concerns({ type, subject }: MeshEvent, taskId: string): boolean {
  return type === 'task' ? subject === taskId : type === 'contract' && attemptRefOf(subject).taskId === taskId
}

/** Resolves at the next event that concerns the task. */
function taskChanged(parts: DaemonParts, taskId: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      unsubscribe()
      signal.removeEventListener('abort', settle)
      resolve()
    }
    const unsubscribe = parts.events.subscribe(undefined, (event: MeshEvent) => {
      if (concerns(event, taskId)) settle()
    })
    signal.addEventListener('abort', settle, { once: true })
    if (signal.aborted) settle()
  })
}

/** Resolves when the task has ended and its output is here, or the signal fires. */
export async function waitTask(parts: DaemonParts, id: string, signal: AbortSignal): Promise<TaskView> {
  const { taskId } = findTask(parts, id).view
  for (;;) {
    const { view } = findTask(parts, taskId)
    if ((isEnded(view.state) && view.output !== 'fetching') || signal.aborted) return view
    await taskChanged(parts, taskId, signal)
  }
}

function logSources(parts: DaemonParts) {
  return {
    self: parts.mesh.self,
    driver: parts.driver,
    openTaskStream: (peer: string, signal: AbortSignal) => parts.peer.openStream('task', peer, signal),
    untilRun: (runId: string, signal: AbortSignal) => untilRun(parts, runId, signal),
  }
}

/** Where the task stands now; its submitter follows its attempts, its executor knows the one it ran. */
function placeOf(parts: DaemonParts, taskId: string): LogPlace {
  const { submitted, view } = findTask(parts, taskId)
  if (!submitted) {
    const runId = runIdOf(view.submitter, view.taskId, view.attempt)
    const over = isEnded(view.state)
    return view.exit?.startError === undefined ? { run: { runId, node: parts.mesh.self }, over } : { over }
  }
  const attempt = currentAttempt(submitted)
  const over = isEnded(submitted.state)
  const neverRan =
    attempt === undefined ||
    attempt.outcome === 'refused' ||
    attempt.outcome === 'lost' ||
    attempt.exit?.startError !== undefined
  if (neverRan) return { over }
  return { over, run: { runId: runIdOf(parts.mesh.self, submitted.taskId, attempt.attempt), node: attempt.node } }
}

/** The output bundle of an ended task. */
export function taskOutput(parts: DaemonParts, id: string): Promise<Readable> {
  const { view } = findTask(parts, id)
  const sha256 = view.exit?.outputSha256
  if (sha256 === undefined && view.output === 'failed')
    throw new OperationError(
      'gone',
      `the output of task ${view.taskId} could not be packed on its executor${because(view.exit?.outputNote)}`,
    )
  if (sha256 === undefined) {
    throw new OperationError('not-found', `task ${view.taskId} has no output`, {
      fix: 'run it with --output, and write to $ALTHING_OUTPUT',
    })
  }
  if (!parts.bundles.has(sha256)) {
    const why = view.output === 'failed' ? 'could not be fetched' : 'is no longer on this node'
    throw new OperationError('gone', `the output of task ${view.taskId} ${why}`)
  }
  return Promise.resolve(parts.bundles.read(sha256))
}

function because(note: string | undefined): string {
  return note === undefined ? '' : `: ${note}`
}

/** A task's output, live or afterwards. */
export function logsOf(parts: DaemonParts, id: string, query: LogQuery): AsyncIterable<LogLine> {
  const { taskId } = findTask(parts, id).view
  const changed = (signal: AbortSignal) => taskChanged(parts, taskId, signal)
  return taskLogs({ ...logSources(parts), place: () => placeOf(parts, taskId), changed }, query)
}
