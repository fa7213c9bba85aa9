/** Tasks as people see them: submitted here, run here for others, or kept after a run for others. */
import type { TaskView } from '../model/api.ts'
import type { Task } from '../negotiation/types.ts'
import type { DaemonParts } from './daemon-state.ts'
import { OperationError } from './operations.ts'
import { contractView, isListed, keptRunView, namesOf, submittedView } from './views.ts'

/** A task and, when this node submitted it, its state. */
export interface FoundTask {
  readonly view: TaskView
  readonly submitted?: Task
}

/** Newest first. */
export function listTasks(parts: DaemonParts, all: boolean): TaskView[] {
  const { mesh } = parts
  const name = namesOf(mesh, parts.clock.nowMs())
  const views = new Map<string, TaskView>()
  for (const run of parts.keptRuns.list())
    if (run.submitter !== mesh.self) views.set(run.taskId, keptRunView(mesh, run, name))
  for (const contract of mesh.negotiation.contracts.values()) {
    if (contract.submitter !== mesh.self) views.set(contract.taskId, contractView(mesh, contract, name))
  }
  for (const task of mesh.negotiation.tasks.values()) views.set(task.taskId, submittedView(mesh, task, name))
  const at = (view: TaskView) => view.submittedAtMs ?? view.startedAtMs ?? 0
  return [...views.values()].filter((view) => isListed(view, all)).toSorted((a, b) => at(b) - at(a))
}

/**
 * By id or unique prefix.
 * @param tenant whose it must be; absent: anybody's
 * @throws OperationError `not-found`, `conflict`; of what is not the tenant's they say no more than of what is not
 * there
 */
export function findTask(parts: DaemonParts, id: string, tenant?: string): FoundTask {
  const { mesh, clock } = parts
  if (tenant !== undefined) return findOwn(parts, id, tenant)
  const taskId = mesh.negotiation.tasks.has(id) ? id : resolvePrefix(parts, id)
  const submitted = mesh.negotiation.tasks.get(taskId)
  const name = namesOf(mesh, clock.nowMs())
  if (submitted) return { view: submittedView(mesh, submitted, name), submitted }
  const contract = [...mesh.negotiation.contracts.values()].findLast((known) => known.taskId === taskId)
  if (contract) return { view: contractView(mesh, contract, name) }
  const run = parts.keptRuns.list().findLast((kept) => kept.taskId === taskId)
  if (run) return { view: keptRunView(mesh, run, name) }
  throw notFound(id)
}

function notFound(id: string): OperationError {
  return new OperationError('not-found', `no task ${id} is known on this node`, {
    fix: '`althing ps --all` lists them',
  })
}

/** Whose a job or one of its tasks is; undefined for the node's own, and for what was not submitted here. */
export function tenantOf({ mesh: { negotiation } }: DaemonParts, id: string): string | undefined {
  return negotiation.jobs.get(negotiation.tasks.get(id)?.jobId ?? id)?.tenant
}

/** Others' tasks are not even counted in what a beginning could mean. */
function findOwn(parts: DaemonParts, id: string, tenant: string): FoundTask {
  const { tasks } = parts.mesh.negotiation
  const isOwn = (taskId: string): boolean => tasks.has(taskId) && tenantOf(parts, taskId) === tenant
  if (isOwn(id)) return findTask(parts, id)
  const ids = [...tasks.keys()].filter((taskId) => taskId.startsWith(id) && isOwn(taskId))
  if (ids.length === 0) throw notFound(id)
  if (ids.length > 1) throw ambiguous(id, ids)
  return findTask(parts, ids[0]!)
}

function resolvePrefix(parts: DaemonParts, prefix: string): string {
  const ids = new Set<string>()
  for (const taskId of parts.mesh.negotiation.tasks.keys()) if (taskId.startsWith(prefix)) ids.add(taskId)
  for (const { taskId } of parts.mesh.negotiation.contracts.values()) if (taskId.startsWith(prefix)) ids.add(taskId)
  for (const { taskId } of parts.keptRuns.list()) if (taskId.startsWith(prefix)) ids.add(taskId)
  if (ids.has(prefix) || ids.size === 0) return prefix
  if (ids.size > 1) throw ambiguous(prefix, [...ids])
  return [...ids][0]!
}

function ambiguous(prefix: string, ids: readonly string[]): OperationError {
  return new OperationError('conflict', `${prefix} is the beginning of ${ids.length} task ids: ${someOf(ids)}`, {
    fix: 'give more of the id',
  })
}

/** Most that an answer lists of what a beginning could mean. */
const MAX_LISTED = 10

/** What a beginning could mean, as a list for people. */
export function someOf(names: readonly string[]): string {
  const more = names.length - MAX_LISTED
  return names.toSorted().slice(0, MAX_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
