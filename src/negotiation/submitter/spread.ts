/**
 * Spread of a job's tasks over failure domains: hosts, zones or regions.
 *
 * The rule is that of Kubernetes' `topologySpreadConstraints` with `DoNotSchedule`: no domain has more than `maxSkew`
 * tasks more than the one with the fewest. Domains are those of the nodes that could take the task at all, and only
 * tasks that run now, or are awarded, count. A task for which no domain may take one waits in the queue, and
 * a bidder whose domain is no longer one of them gets none.
 */
import type { TaskSpec } from '../../model/task.ts'
import { notAskable } from '../constraints.ts'
import { attemptRefOf } from '../state.ts'
import type { Context, Job, NegotiationState, NodeId } from '../types.ts'

/** What may be spread over. */
type Over = NonNullable<TaskSpec['spread']>['over']

/** The count for one job at one moment, kept while slots are granted. */
export class Spread {
  readonly #over: Over
  readonly #maxSkew: number
  readonly #domainOf: (node: NodeId) => string | undefined
  /** Tasks by domain; those of nodes that could take one are all here. */
  readonly #counts = new Map<string, number>()

  constructor(
    over: Over,
    maxSkew: number,
    domainOf: (node: NodeId) => string | undefined,
    eligible: readonly NodeId[],
  ) {
    this.#over = over
    this.#maxSkew = maxSkew
    this.#domainOf = domainOf
    for (const node of eligible) this.#add(node, 0)
  }

  #add(node: NodeId, tasks: number): void {
    const domain = this.#domainOf(node)
    if (domain !== undefined) this.#counts.set(domain, (this.#counts.get(domain) ?? 0) + tasks)
  }

  /** One more of the job's tasks is on this node. In a domain that could take none it changes no minimum. */
  take(node: NodeId): void {
    const domain = this.#domainOf(node)
    if (domain !== undefined && this.#counts.has(domain)) this.#add(node, 1)
  }

  /** The domain a node is in, as far as it is known. */
  domainOf(node: NodeId): string | undefined {
    return this.#domainOf(node)
  }

  /** The job's tasks in a domain. */
  tasksIn(domain: string): number {
    return this.#counts.get(domain) ?? 0
  }

  /** Why this node may not take one more task now; undefined when it may. */
  refusal(node: NodeId): string | undefined {
    const domain = this.#domainOf(node)
    if (domain === undefined) return `is in no known ${this.#over}, and the tasks are spread over ${this.#over}s`
    const here = this.#counts.get(domain)
    // Its bid is older than what is known now: it said goodbye since, or is held offline. Nothing bounds what it gets.
    if (here === undefined) return `is in ${this.#over} ${domain}, where no node can take the task now`
    const [least, fewest] = this.#fewest()
    if (here + 1 - fewest <= this.#maxSkew) return undefined
    return (
      `${this.#over} ${domain} has ${here} of the job's tasks and ${this.#over} ${least} ${fewest}: ` +
      `at most ${this.#maxSkew} more are allowed`
    )
  }

  #fewest(): [domain: string, tasks: number] {
    let least: [string, number] = ['', Infinity]
    for (const [domain, tasks] of this.#counts) if (tasks < least[1]) least = [domain, tasks]
    return least
  }
}

/** Where a job's tasks are now; undefined when it does not ask for spread. */
export function spreadOf(state: NegotiationState, ctx: Context, job: Job): Spread | undefined {
  const { spread } = job.spec
  if (spread === undefined) return undefined
  const eligible = ctx.candidates().filter((node) => notAskable(job.spec, node) === undefined)
  const domainOf = (node: NodeId) => ctx.domainOf(node, spread.over)
  const found = new Spread(
    spread.over,
    spread.maxSkew,
    domainOf,
    eligible.map(({ id }) => id),
  )
  for (const [node, runs] of state.byExecutor) {
    for (const runId of runs) {
      if (state.tasks.get(attemptRefOf(runId).taskId)?.jobId === job.jobId) found.take(node)
    }
  }
  return found
}
