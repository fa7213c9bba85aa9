/**
 * What `--spread` promises, at every award: the domain of whoever gets a task has then at most `maxSkew` of the job's
 * tasks more than the one with the fewest, among the domains of nodes that could take the task by what the submitter
 * knows. Reckoned here from the registry and the tasks as they stand, apart from the core's own counting.
 */
import { matchesSelector, parseSelector } from '../../../src/model/selector.ts'
import type { TaskSpec } from '../../../src/model/task.ts'
import type { Job, Task } from '../../../src/negotiation/types.ts'
import { Violation, type Checker, type MeshConfig, type MeshState, type StepSeen } from '../checker.ts'

/** Of a node that says it takes nothing new. */
const CORDON = 'althing.dev/cordon'
const HOST = 'kubernetes.io/hostname'
/** Missed intervals until a node counts as offline. */
const LEASE_INTERVALS = 3

type Over = NonNullable<TaskSpec['spread']>['over']

export class SpreadChecker implements Checker {
  readonly name = 'spread'
  readonly #leaseMs: number

  constructor({ leaseMs }: MeshConfig) {
    this.#leaseMs = leaseMs
  }

  step(seen: StepSeen): void {
    const { effects, state, nowMs } = seen
    const granted = new Map<Job, Set<string>>()
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.t !== 'award') continue
      for (const { taskId, attempt } of effect.message.body.grants) {
        const task = state.negotiation.tasks.get(taskId)
        const job = task && state.negotiation.jobs.get(task.jobId)
        const opened = task?.attempts.find((one) => one.attempt === attempt)
        // What was granted earlier is only repeated.
        if (job?.spec.spread === undefined || opened?.awardedAtMs !== nowMs) continue
        granted.set(job, (granted.get(job) ?? new Set()).add(effect.to))
      }
    }
    for (const [job, nodes] of granted) this.#judge(job, nodes, seen)
  }

  #judge(job: Job, nodes: ReadonlySet<string>, seen: StepSeen): void {
    const { over, maxSkew } = job.spec.spread!
    const { state, nowMs } = seen
    const { now, most } = countTasks(job, over, seen)
    const domains = new Set(this.#able(state, job.spec, nowMs).map((id) => domainOf(state, id, over)))
    domains.delete(undefined)
    const fewest = Math.min(...[...domains].map((domain) => most.get(domain!) ?? 0))
    for (const id of nodes) {
      const domain = domainOf(state, id, over)
      const what = `${seen.node} awards ${job.jobId}, spread over ${over}s, to ${id}`
      if (domain === undefined) throw new Violation(this.name, `${what}, of which no ${over} is known`)
      const here = now.get(domain) ?? 0
      if (here - fewest > maxSkew)
        throw new Violation(this.name, `${what}: ${domain} has ${here} then, another ${fewest}; ${maxSkew} more may be`)
    }
  }

  /** Who is up and can take the task, by what this node knows. */
  #able(state: MeshState, spec: TaskSpec, nowMs: number): string[] {
    const { local, self, phase, registry, negotiation } = state
    const takes = phase === 'ready' && negotiation.cordon === undefined
    const able = takes && fits(spec, local) ? [self] : []
    for (const { id, beat, missed, passports } of registry.authors.values()) {
      if (id === self || beat === undefined || missed) continue
      const { state: shown, intervalMs } = beat.body
      const leaseMs = Math.max(this.#leaseMs, LEASE_INTERVALS * intervalMs)
      if ((shown !== 'ready' && shown !== 'busy') || nowMs >= beat.bornMs + leaseMs) continue
      const machine = [...passports.values()].find(({ body }) => body.spec.node !== undefined)?.body
      if (machine === undefined || CORDON in machine.metadata.annotations) continue
      if (machine.spec.node && fits(spec, { ...machine.spec.node, labels: machine.metadata.labels })) able.push(id)
    }
    return able
  }
}

function fits(
  spec: TaskSpec,
  { drivers, capacity, labels }: Pick<MeshState['local'], 'drivers' | 'capacity' | 'labels'>,
): boolean {
  return (
    drivers.includes(spec.driver) &&
    spec.resources.cpuMilli <= capacity.cpuMilli &&
    spec.resources.memoryBytes <= capacity.memoryBytes &&
    (spec.selector === undefined || matchesSelector(parseSelector(spec.selector), labels))
  )
}

/**
 * The job's tasks by domain: those that are awarded or run now, and the most there can have been at the moment of the
 * award. What ended by the report of this very step ended before it; what else ended may have ended after.
 */
function countTasks(job: Job, over: Over, { state, input, nowMs }: StepSeen) {
  const [now, most] = [new Map<string, number>(), new Map<string, number>()]
  const reported = new Set<string>()
  if (input.type === 'message' && input.message.t === 'report')
    for (const { taskId } of input.message.body.reports) reported.add(taskId)
  for (const taskId of job.taskIds) {
    const task = state.negotiation.tasks.get(taskId)
    const last = task?.attempts.at(-1)
    const domain = last && domainOf(state, last.node, over)
    if (task === undefined || domain === undefined) continue
    const isOpen = task.state === 'awarded' || task.state === 'running'
    if (isOpen) now.set(domain, (now.get(domain) ?? 0) + 1)
    if (isOpen || (closedAt(task, nowMs) && !reported.has(taskId))) most.set(domain, (most.get(domain) ?? 0) + 1)
  }
  return { now, most }
}

function closedAt(task: Task, nowMs: number): boolean {
  return task.endedAtMs === nowMs || (task.state === 'queued' && task.queuedAtMs >= nowMs)
}

function domainOf(state: MeshState, id: string, over: Over): string | undefined {
  if (over !== 'host') return state.zones.whereabouts.get(id)?.[over]?.name
  if (id === state.self) return state.local.labels[HOST]
  for (const { body } of state.registry.authors.get(id)?.passports.values() ?? [])
    if (body.spec.node !== undefined) return body.metadata.labels[HOST]
  return undefined
}
