/**
 * Rules 8 and 11: what is said has been written. An accepted grant, an award, a settlement, the end of a run
 * and the end of a task stand on the disk of whoever says so; and the numbers of an author's records never fall.
 */
import type { TaskState } from '../../../src/model/task.ts'
import type { Task } from '../../../src/negotiation/types.ts'
import { Violation, type Checker, type MeshEffect } from '../checker.ts'
import type { DiskView } from '../disk.ts'

interface Ref {
  readonly taskId: string
  readonly attempt: number
}

/** States a task stays in: a user who was told of one may rely on it. */
const FINAL: ReadonlySet<TaskState> = new Set(['succeeded', 'failed', 'cancelled', 'timed-out'])

export class DurabilityChecker implements Checker {
  readonly name = 'persist-before-send'
  /** Highest (epoch, seq) published, by `<author>/<kind>`. */
  readonly #highest = new Map<string, readonly [epoch: number, seq: number]>()

  carried(node: string, effect: MeshEffect, _nowMs: number, disk: DiskView): void {
    if (effect.type === 'publish') this.#onPublish(node, effect)
    else if (effect.type === 'start') this.#contract(node, disk, effect.contract.submitter, effect.contract, 'started')
    else if (effect.type === 'emit') {
      const { event } = effect
      if (event.type === 'task' && FINAL.has(event.state)) this.#over(node, disk, event.taskId, event.state)
    } else if (effect.type === 'send') {
      const { message } = effect
      if (message.t === 'contract')
        for (const ref of message.body.accepted) this.#contract(node, disk, effect.to, ref, 'accepted')
      else if (message.t === 'award') for (const ref of message.body.grants) this.#award(node, disk, ref)
      else if (message.t === 'settle') for (const ref of message.body.attempts) this.#settle(node, disk, ref)
      else if (message.t === 'report') {
        for (const line of message.body.reports) if (line.phase === 'ended') this.#ended(node, disk, effect.to, line)
      }
    }
  }

  /** After a crash a task that is not over on the disk would be worked on again, and might end otherwise. */
  #over(node: string, disk: DiskView, taskId: string, state: TaskState): void {
    const task = disk.get('task', taskId) as Task | undefined
    if (task?.state === state && task.exit !== undefined && task.endedAtMs !== undefined) return
    const stored =
      task === undefined ? 'not there' : `${task.state}, ${task.exit === undefined ? 'without' : 'with'} exit`
    throw new Violation(
      'ends-are-stored',
      `${node} told its users that ${taskId} is ${state}; on its disk it is ${stored}`,
    )
  }

  #contract(node: string, disk: DiskView, submitter: string, { taskId, attempt }: Ref, what: string): void {
    if (disk.contractOf(submitter, taskId, attempt) === undefined) {
      throw new Violation(this.name, `${node} ${what} ${taskId}.${attempt} before it was on its disk`)
    }
  }

  #award(node: string, disk: DiskView, { taskId, attempt }: Ref): void {
    const task = disk.get('task', taskId) as Task | undefined
    if (!task?.attempts.some((stored) => stored.attempt === attempt)) {
      throw new Violation(this.name, `${node} awarded attempt ${attempt} of ${taskId} before it was on its disk`)
    }
    if (disk.get('job', task.jobId) === undefined) {
      throw new Violation(
        this.name,
        `${node} awarded ${taskId} before its job was on its disk: a crash now would forget it`,
      )
    }
  }

  /** Once settled the executor forgets: the result, and the output if there is one, must be safe. */
  #settle(node: string, disk: DiskView, { taskId, attempt }: Ref): void {
    const task = disk.get('task', taskId) as Task | undefined
    const stored = task?.attempts.find((one) => one.attempt === attempt)
    // An attempt this node knows nothing of any more: nobody waits for it.
    if (!task || !stored) return
    if (stored.outcome === undefined)
      throw new Violation(this.name, `${node} settled ${taskId}.${attempt}, which is open on its disk`)
    if (stored.outcome === 'ended' && task.attempts.at(-1) === stored && task.output === 'fetching') {
      throw new Violation(this.name, `${node} settled ${taskId}.${attempt} while its output is still being fetched`)
    }
  }

  #ended(node: string, disk: DiskView, submitter: string, { taskId, attempt }: Ref): void {
    const contract = disk.contractOf(submitter, taskId, attempt)
    // One that was cancelled before it was ever awarded has no contract.
    if (contract && contract.phase !== 'ended') {
      throw new Violation(
        this.name,
        `${node} reports the end of ${contract.runId}, which is ${contract.phase} on its disk`,
      )
    }
  }

  #onPublish(node: string, { kind, epoch, seq }: MeshEffect & { type: 'publish' }): void {
    const key = `${node}/${kind}`
    const highest = this.#highest.get(key)
    if (highest && (epoch < highest[0] || (epoch === highest[0] && seq <= highest[1]))) {
      throw new Violation('numbers-rise', `${node} published ${kind} (${epoch}, ${seq}) after (${highest.join(', ')})`)
    }
    this.#highest.set(key, [epoch, seq])
  }
}
