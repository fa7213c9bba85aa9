/**
 * Rules 7, 10 and 12, seen from the user: every job that was acknowledged is placed and ends, with the
 * result its process really had; states follow the table; what is cancelled stops.
 */
import type { AttemptRef } from '../../../src/model/negotiation.ts'
import type { TaskExit, TaskSpec, TaskState } from '../../../src/model/task.ts'
import type { Attempt, ContractState, Task } from '../../../src/negotiation/types.ts'
import {
  attemptName,
  Violation,
  type Checker,
  type MeshEffect,
  type NodeView,
  type StepSeen,
  type SubmittedJob,
} from '../checker.ts'
import type { DiskView } from '../disk.ts'

/** Written down once more, apart from the core: a wrong edge there must show here. */
const EDGES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  queued: ['awarded', 'cancelled', 'failed'],
  awarded: ['running', 'queued', 'succeeded', 'failed', 'cancelled', 'timed-out'],
  running: ['queued', 'succeeded', 'failed', 'cancelled', 'timed-out'],
  succeeded: [],
  failed: [],
  cancelled: [],
  'timed-out': [],
}

export class TasksChecker implements Checker {
  readonly name = 'tasks'
  readonly #jobs: SubmittedJob[] = []
  readonly #specs = new Map<string, TaskSpec>()
  readonly #states = new Map<string, TaskState>()
  readonly #queuedMs = new Map<string, number>()
  /** When tasks came to a queue that their users have not been told of yet, oldest first; by node and task. */
  readonly #untoldMs = new Map<string, Map<string, number[]>>()
  readonly #cancelled = new Set<string>()
  /** Also those whose user got no answer, because the daemon died or its disk was full. */
  readonly #asked = new Set<string>()
  /** Run ids whose end a node has reported since it started. */
  readonly #told = new Map<string, Set<string>>()
  /** What really became of every process, by run id. */
  readonly #exits = new Map<string, TaskExit>()

  boot(node: string): void {
    this.#told.set(node, new Set())
    this.#untoldMs.set(node, new Map())
  }

  submitted(job: SubmittedJob): void {
    this.#jobs.push(job)
    for (const taskId of job.taskIds) this.#specs.set(taskId, job.spec)
  }

  cancelled(_node: string, taskId: string): void {
    this.#cancelled.add(taskId)
  }

  launched(node: string, { taskId, spec }: ContractState): void {
    const wanted = this.#specs.get(taskId)
    const same =
      wanted === undefined ||
      JSON.stringify([wanted.command, wanted.resources]) === JSON.stringify([spec.command, spec.resources])
    if (!same)
      throw new Violation(
        this.name,
        `${node} started ${taskId} as ${spec.command.join(' ')}; submitted was ${wanted.command.join(' ')}`,
      )
  }

  ended(_node: string, contract: ContractState, exit: TaskExit): void {
    // One that could not be started leaves nothing behind: a later daemon may try, or cancel it.
    if (exit.startError === undefined) this.#exits.set(attemptName(contract), exit)
  }

  step({ node, input, effects, nowMs }: StepSeen): void {
    if (input.type === 'cancel') this.#asked.add(input.taskId)
    for (const effect of effects) {
      if (effect.type !== 'emit' || effect.event.type !== 'task' || effect.event.state !== 'queued') continue
      const untold = this.#untoldMs.get(node)!
      untold.set(effect.event.taskId, [...(untold.get(effect.event.taskId) ?? []), nowMs])
    }
    if (input.type !== 'restore') return
    // What was written and never told, because the daemon died in between, happened all the same.
    for (const doc of input.stored.tasks) {
      const { taskId, state } = doc as Task
      if (this.#states.get(taskId) !== state) this.#queuedMs.delete(taskId)
      this.#states.set(taskId, state)
    }
  }

  carried(node: string, effect: MeshEffect, nowMs: number, disk: DiskView): void {
    if (effect.type === 'emit' && effect.event.type === 'task') {
      const { taskId, state } = effect.event
      const before = this.#states.get(taskId)
      const repeated = before === state && EDGES[state].length === 0
      if (before !== undefined && !repeated && !EDGES[before].includes(state)) {
        throw new Violation('transitions', `${node}: ${taskId} went from ${before} to ${state}`)
      }
      if (before === undefined && state !== 'queued')
        throw new Violation('transitions', `${node}: ${taskId} began as ${state}`)
      // It waits from when it was decided: with a full disk its user is told much later.
      if (state === 'queued') this.#queuedMs.set(taskId, this.#untoldMs.get(node)!.get(taskId)?.shift() ?? nowMs)
      this.#states.set(taskId, state)
    } else if (effect.type === 'send' && effect.message.t === 'report') {
      for (const { taskId, attempt, exit } of effect.message.body.reports) {
        if (exit) this.#onReported(node, effect.to, { taskId, attempt }, exit, disk)
      }
    }
  }

  /**
   * A report is true, and no daemon contradicts itself. One that was restarted after it had settled and
   * forgotten a run may say, when it is told to end it, that the run is over: by then nobody listens.
   */
  #onReported(node: string, to: string, ref: AttemptRef, exit: TaskExit, disk: DiskView): void {
    const told = this.#told.get(node)!
    const runId = attemptName(ref)
    const known = disk.contractOf(to, ref.taskId, ref.attempt) !== undefined || told.has(runId)
    told.add(runId)
    const real = this.#exits.get(runId)
    if (!known || !real) return
    if (real.exitCode === exit.exitCode && real.killedFor === exit.killedFor && real.endedAtMs === exit.endedAtMs)
      return
    const [says, was] = [JSON.stringify(exit), JSON.stringify(real)]
    throw new Violation(this.name, `${node} reports ${says} for ${runId}, which ended as ${was}`)
  }

  pending(nodes: readonly NodeView[]): string | undefined {
    for (const {
      id,
      state: { negotiation },
    } of nodes) {
      const { contracts, inDoubt, byExecutor, heardMs, reports, unsettled } = negotiation
      for (const { runId, phase } of contracts.values()) return `${id} keeps the contract of ${runId} (${phase})`
      for (const map of [inDoubt, byExecutor, heardMs, reports, unsettled] as const) {
        for (const key of map.keys()) return `${id} still has something open with ${key}`
      }
    }
    for (const job of this.#jobs) {
      const home = nodes.find(({ id }) => id === job.node)!
      for (const taskId of job.taskIds) {
        const task = home.state.negotiation.tasks.get(taskId)
        if (!task) throw new Violation(this.name, `${job.node} forgot ${taskId}, whose submission it had acknowledged`)
        if (EDGES[task.state].length > 0) return `${taskId} of ${job.node} is ${task.state}`
        if (task.output === 'fetching') return `the output of ${taskId} is still on its way`
        this.#judge(job, task)
      }
    }
    return undefined
  }

  /** An ended task: is the end the right one? */
  #judge(job: SubmittedJob, task: Task): void {
    const { taskId, exit, state } = task
    const fail = (what: string): never => {
      throw new Violation(this.name, `${taskId} (${state}, ${JSON.stringify(exit)}): ${what}`)
    }
    if (!exit) return fail('ended without a result')
    const last = task.attempts.at(-1)
    const unplaced = exit.startError?.startsWith('NoCapableNodes') ?? false
    if (unplaced) {
      if (job.placed === 'always') fail('should have been placed: a node could run it and it had the time')
      const waitedMs = task.endedAtMs! - (this.#queuedMs.get(taskId) ?? 0)
      if (waitedMs < job.placeTimeoutMs)
        fail(`gave up after ${waitedMs} ms in the queue; its time limit is ${job.placeTimeoutMs} ms`)
    } else if (job.placed === 'never' && !this.#asked.has(taskId)) fail('no node could run it')
    if (exit.startError?.startsWith('gave up')) fail('ran out of attempts')
    if (exit.killedFor === 'policy') fail('was ended for good by the policy of one node')
    const tries = task.attempts.filter(({ outcome }) => outcome === 'ended').length
    if (tries > job.spec.retries + 1) fail(`was tried ${tries} times; ${job.spec.retries} retries were asked for`)
    const bad = last?.outcome === 'ended' && last.exit?.exitCode !== 0 && last.exit?.killedFor === undefined
    if (bad && tries <= job.spec.retries && !unplaced && !this.#asked.has(taskId)) fail('was not tried again')
    if (last?.outcome === 'ended') this.#judgeResult(task, last, bad && tries <= job.spec.retries, fail)
    if (this.#cancelled.has(taskId) && state !== 'cancelled') {
      if (unplaced || exit.killedFor === 'lost' || last?.outcome !== 'ended')
        fail('was cancelled before it came to this end')
    } else if (!this.#asked.has(taskId) && (state === 'cancelled' || exit.killedFor === 'cancelled'))
      fail('nobody cancelled it')
  }

  /** `isRetried`: another attempt was due after this one, its last. */
  #judgeResult(task: Task, attempt: Attempt, isRetried: boolean, fail: (what: string) => never): void {
    const runId = attemptName({ taskId: task.taskId, attempt: attempt.attempt })
    const real = this.#exits.get(runId)
    const { exit } = attempt
    if (!real) {
      // Never ran: it could not be started, or was cancelled before that.
      if (exit?.killedFor !== 'cancelled' && exit?.startError === undefined) fail(`${runId} never ended anywhere`)
      return
    }
    if (
      real.exitCode !== exit?.exitCode ||
      real.endedAtMs !== exit.endedAtMs ||
      real.outputSha256 !== exit.outputSha256
    ) {
      fail(`its process ended as ${JSON.stringify(real)}`)
    }
    // Ended while it waited for another attempt: cancelled, or not placed again in time.
    if (isRetried && (task.state === 'cancelled' || task.exit?.exitCode === 125)) return
    const wanted =
      real.killedFor === 'cancelled'
        ? 'cancelled'
        : real.killedFor === 'timeout'
          ? 'timed-out'
          : real.exitCode === 0
            ? 'succeeded'
            : 'failed'
    if (task.state !== wanted) fail(`its process ended as ${wanted}`)
    if (task.exit?.endedAtMs !== real.endedAtMs) fail(`its process ended as ${JSON.stringify(real)}`)
  }
}
