/** The daemon's state as the bodies of the local API (`model/api.ts`). Pure: state in, views out. */
import type { FoundView, NodeView, TaskView } from '../model/api.ts'
import { readCordon } from '../model/cordon.ts'
import { parseSelector } from '../model/selector.ts'
import { formatBytes } from '../model/quantity.ts'
import { isEnded, type TaskExit, type TaskSpec } from '../model/task.ts'
import { freeNow, ownCordon, shownState } from '../mesh/heartbeat.ts'
import type { MeshState } from '../mesh/types.ts'
import { runningCount } from '../negotiation/executor/bids.ts'
import { currentAttempt } from '../negotiation/state.ts'
import { lastReasons } from '../negotiation/story.ts'
import type { Attempt, ContractState, Job, Task } from '../negotiation/types.ts'
import { find, nodes, type KnownNode } from '../registry/registry.ts'
import { verdictOf } from '../topology/state.ts'
import { passportName, type Passport } from '../model/passport.ts'
import type { KeptRun } from './runs.ts'

/** Names of nodes by peer id; ids themselves where no passport says more. */
export function namesOf(state: MeshState, nowMs: number): (peerId: string) => string {
  const names = new Map(nodes(state.registry, nowMs, { includeDead: true }).map((node) => [node.peerId, node.name]))
  return (peerId) => names.get(peerId) ?? peerId
}

/**
 * Nodes for `GET /v1/nodes`; this one is shown from its own state, which is fresher than its last heartbeat.
 * @param query `guests`: members of other wards too, as far as they are known here
 */
export function nodeViews(
  state: MeshState,
  nowMs: number,
  query: { selector?: string; all?: boolean; guests?: boolean },
): NodeView[] {
  const selector = query.selector === undefined ? undefined : parseSelector(query.selector)
  const known = nodes(state.registry, nowMs, {
    includeDead: query.all === true,
    ...(selector === undefined ? {} : { selector }),
  })
  const { apart } = state.registry
  const shown = query.guests === true ? known : known.filter(({ peerId }) => !apart.has(peerId))
  return shown.map((node) => nodeView(state, node, nowMs))
}

function nodeView(state: MeshState, node: KnownNode, nowMs: number): NodeView {
  const self = node.peerId === state.self
  const spec = node.passport?.spec.node
  const { heartbeat } = node
  const cordon = self ? ownCordon(state) : readCordon(node.annotations)
  const alarm = state.audit.witness.alarms.get(node.peerId)
  const passports: Passport[] = [...(node.passport ? [node.passport] : []), ...node.services]
  return {
    peerId: node.peerId,
    name: node.name,
    self,
    state: self ? shownState(state) : node.state,
    ...(cordon && { cordon }),
    suspect: verdictOf(state.topology, node.peerId) === 'suspect',
    ...(alarm && { auditAlarm: alarm.what }),
    labels: { ...node.labels },
    annotations: { ...node.annotations },
    ...(spec
      ? {
          capacity: spec.capacity,
          version: spec.version,
          enforcement: spec.enforcement,
          hardware: spec.hardware,
          ...(spec.isolation !== undefined && { isolation: spec.isolation }),
        }
      : {}),
    ...(heartbeat && !self
      ? {
          free: heartbeat.free,
          cpuRatio: heartbeat.cpuRatio,
          memoryAvailableBytes: heartbeat.memoryAvailableBytes,
          tasks: heartbeat.tasks,
          uptimeMs: heartbeat.uptimeMs,
        }
      : {}),
    ...(heartbeat && { heartbeatIntervalMs: heartbeat.intervalMs }),
    ...(self ? ownFacts(state, nowMs) : {}),
    ...(self
      ? { heartbeatAgeMs: 0 }
      : node.heartbeatAgeMs === undefined
        ? {}
        : { heartbeatAgeMs: Math.round(node.heartbeatAgeMs) }),
    addresses: spec?.addresses ?? [],
    drivers: spec?.drivers ?? [],
    capabilities: [
      ...new Set(passports.flatMap((passport) => passport.spec.capabilities.map(({ name }) => name))),
    ].toSorted(),
    passports: passports.map(passportName),
    connected: self || state.peers.has(node.peerId),
  }
}

function ownFacts(state: MeshState, nowMs: number): Partial<NodeView> {
  return {
    free: freeNow(state),
    cpuRatio: state.sample.cpuRatio,
    memoryAvailableBytes: state.sample.memoryAvailableBytes,
    tasks: runningCount(state.negotiation),
    uptimeMs: Math.round(nowMs - state.startedAtMs),
  }
}

/** `GET /v1/capabilities/{name}`. */
export function foundView(
  state: MeshState,
  nowMs: number,
  capability: string,
  selectorText: string | undefined,
): FoundView {
  const selector = selectorText === undefined ? undefined : parseSelector(selectorText)
  const result = find(state.registry, capability, nowMs, selector === undefined ? {} : { selector })
  if (!result.ok) {
    const reasons = (result.error.meta['reasons'] as string[] | undefined) ?? []
    return { capability, matches: [], reasons: reasons.length > 0 ? reasons : [result.error.message] }
  }
  const matches = result.found.map(({ node, passport }) => ({
    peerId: node.peerId,
    node: node.name,
    state: node.state,
    ...(node.heartbeat ? { cpuRatio: node.heartbeat.cpuRatio } : {}),
    passport,
  }))
  return { capability, matches, reasons: [] }
}

/** A task this node submitted. */
export function submittedView(state: MeshState, task: Task, name: (peerId: string) => string): TaskView {
  const job = state.negotiation.jobs.get(task.jobId)!
  const attempt = currentAttempt(task)
  const placed = attempt && task.state !== 'queued' ? attempt : undefined
  return {
    taskId: task.taskId,
    jobId: task.jobId,
    name: nameOf(job.spec),
    command: job.spec.command,
    state: task.state,
    role: placed?.node === state.self ? 'both' : 'submitter',
    submitter: state.self,
    ...(job.tenant === undefined ? {} : { tenant: job.tenant }),
    attempt: attempt?.attempt ?? 0,
    ...(placed ? { node: placed.node, nodeName: name(placed.node) } : {}),
    submittedAtMs: Math.round(job.submittedAtMs),
    ...(attempt?.startedAtMs === undefined ? {} : { startedAtMs: Math.round(attempt.startedAtMs) }),
    ...endOf(task),
    ...(task.exit === undefined ? {} : { exit: task.exit }),
    ...outputOf(task, job),
    resources: job.spec.resources,
    ...(task.state === 'queued' ? { waiting: retryReason(attempt) + waitingReason(job, name) } : {}),
    ...(task.state === 'awarded' ? fetchingOf(attempt?.fetchedBytes, job.spec) : {}),
  }
}

/** When it ended, by the clock of where it ran; news of that may have come much later. */
export function endOf(what: { readonly endedAtMs?: number | undefined; readonly exit?: TaskExit | undefined }): {
  endedAtMs?: number
} {
  const endedAtMs = what.endedAtMs === undefined ? undefined : (what.exit?.endedAtMs ?? what.endedAtMs)
  return endedAtMs === undefined ? {} : { endedAtMs: Math.round(endedAtMs) }
}

/** How far the input of an awarded task has come, once its executor told. */
function fetchingOf(fetchedBytes: number | undefined, { input }: TaskSpec): Pick<TaskView, 'waiting'> {
  if (fetchedBytes === undefined || !input) return {}
  return { waiting: `fetching its input, ${formatBytes(fetchedBytes)} of ${formatBytes(input.sizeBytes)}` }
}

/** An output that was wanted of a run that took place, and of which nothing was reported, could not be packed. */
function outputOf({ output, state, exit }: Task, { spec }: Job): Pick<TaskView, 'output'> {
  if (output !== undefined) return { output }
  const ran = (state === 'succeeded' || state === 'failed' || state === 'timed-out') && exit?.startError === undefined
  const missing = ran && spec.output && exit?.killedFor !== 'lost' && exit?.outputSha256 === undefined
  return missing && exit !== undefined ? { output: 'failed' } : {}
}

/** A contract with another submitter that has not been settled. */
export function contractView(state: MeshState, contract: ContractState, name: (peerId: string) => string): TaskView {
  const { exit, phase } = contract
  return {
    ...executedView(contract, name),
    state:
      phase === 'accepted'
        ? 'awarded'
        : phase === 'running'
          ? 'running'
          : exit?.exitCode === 0
            ? 'succeeded'
            : 'failed',
    node: state.self,
    nodeName: name(state.self),
    ...endOf(contract),
    ...(phase === 'accepted' ? fetchingOf(contract.fetchedBytes, contract.spec) : {}),
  }
}

/** A run for another submitter that was settled and is still kept. */
export function keptRunView(state: MeshState, run: KeptRun, name: (peerId: string) => string): TaskView {
  const { exit } = run
  const ended =
    exit?.killedFor === 'cancelled'
      ? 'cancelled'
      : exit?.killedFor === 'timeout'
        ? 'timed-out'
        : exit?.exitCode === 0
          ? 'succeeded'
          : 'failed'
  return {
    ...executedView(run, name),
    state: ended,
    node: state.self,
    nodeName: name(state.self),
    ...endOf(run),
  }
}

function executedView(
  run: Pick<ContractState, 'taskId' | 'attempt' | 'submitter' | 'spec' | 'startedAtMs' | 'exit'>,
  _name: (peerId: string) => string,
) {
  const { taskId, spec } = run
  return {
    taskId,
    jobId: taskId.replace(/-\d+$/, ''),
    name: nameOf(spec),
    command: spec.command,
    role: 'executor' as const,
    submitter: run.submitter,
    attempt: run.attempt,
    ...(run.startedAtMs === undefined ? {} : { startedAtMs: Math.round(run.startedAtMs) }),
    ...(run.exit === undefined ? {} : { exit: run.exit }),
    resources: spec.resources,
  }
}

function nameOf(spec: { name?: string | undefined; command: readonly string[] }): string {
  return spec.name ?? spec.command[0] ?? ''
}

/** What became of the attempt before, of a task that waits for another. */
function retryReason(attempt: Attempt | undefined): string {
  if (attempt?.outcome === 'ended') return `attempt ${attempt.attempt} ended with exit code ${attempt.exit?.exitCode}; `
  if (attempt?.outcome === 'lost') return `attempt ${attempt.attempt} was lost (${attempt.reason}); `
  return ''
}

/** Why a job still waits, from the last round of its story. */
export function waitingReason(job: Job, name: (peerId: string) => string): string {
  if (job.round) return `asking ${job.round.waiting.size} of the nodes`
  if (job.story.length === 0) return 'no node is known yet'
  const reasons = lastReasons(job.story, name)
  return reasons.length === 0 ? 'waiting for capacity' : reasons.slice(0, 5).join('; ')
}

/** Tasks that `ps` shows without `--all`: what has not ended. */
export function isListed(view: TaskView, all: boolean): boolean {
  return all || !isEnded(view.state)
}
