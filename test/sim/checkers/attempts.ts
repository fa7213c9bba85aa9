/**
 * Rules 3 and 4: an attempt has one contract, on one node, and is started at most once; another attempt
 * opens only after a signed refusal, an end by the policy of its node, a loss, or a bad exit with retries
 * left, and the submitter must have seen the evidence for it.
 */
import type { TaskSpec } from '../../../src/model/task.ts'
import type { Attempt, ContractState, Task } from '../../../src/negotiation/types.ts'
import {
  attemptName,
  Violation,
  type Checker,
  type MeshConfig,
  type MeshEffect,
  type MeshInput,
  type StepSeen,
} from '../checker.ts'

interface Submitter {
  bootMs: number
  /** When each node was last heard of, by message or heartbeat. */
  readonly heardMs: Map<string, number>
  /** How each known attempt was closed, by run id; absent while open. */
  readonly closed: Map<string, Attempt['outcome']>
  /** Attempts known, by task. */
  readonly attempts: Map<string, number>
  /** Run ids whose executor has answered for them: it knew of them. */
  readonly answered: Set<string>
  readonly retries: Map<string, number>
}

/** Beyond its timeout and grace; see `OVERDUE_SLACK_MS` of the core. */
const OVERDUE_MS = 120_000

export class AttemptsChecker implements Checker {
  readonly name = 'attempts'
  readonly #lostAfterMs: number
  readonly #adoptGraceMs: number
  readonly #submitters = new Map<string, Submitter>()
  /** Where each attempt was awarded, by run id. */
  readonly #awarded = new Map<string, string>()
  /** Highest attempt ever awarded, by task: what was sent must be remembered through crashes. */
  readonly #highest = new Map<string, number>()
  readonly #contracted = new Map<string, string>()
  readonly #refused = new Set<string>()
  readonly #launched = new Set<string>()
  readonly #settled = new Set<string>()

  constructor(config: MeshConfig) {
    this.#lostAfterMs = config.negotiation.lostAfterMs
    this.#adoptGraceMs = config.negotiation.adoptGraceMs
  }

  boot(node: string, nowMs: number): void {
    const none = {
      heardMs: new Map(),
      closed: new Map(),
      attempts: new Map(),
      answered: new Set<string>(),
      retries: new Map(),
    }
    this.#submitters.set(node, { bootMs: nowMs, ...none })
  }

  step({ node, input, effects, state, nowMs }: StepSeen): void {
    const seen = this.#submitters.get(node)!
    if (input.type === 'restore') return this.#restore(node, seen, input)
    // Evidence of silence is what was known before this input.
    for (const effect of effects) {
      if (effect.type === 'persist' && effect.collection === 'task' && effect.doc !== null) {
        const task = effect.doc as Task
        this.#onTask(node, seen, task, input, nowMs, state)
      }
    }
    if (input.type === 'message') {
      seen.heardMs.set(input.from, nowMs)
      const { message } = input
      if (message.t === 'contract') for (const ref of message.body.accepted) seen.answered.add(attemptName(ref))
      if (message.t === 'report') for (const ref of message.body.reports) seen.answered.add(attemptName(ref))
    } else if (input.type === 'record' && input.record.kind === 'heartbeat' && isNews(effects)) {
      // A heartbeat that comes late, as it says itself or through sync, is a sign of the life its author had when
      // it sent it.
      const { author } = input.record
      const sentMs = nowMs - Math.max(input.ageMs, input.statedAgeMs ?? 0)
      seen.heardMs.set(author, Math.max(sentMs, seen.heardMs.get(author) ?? 0))
    }
  }

  #restore(node: string, seen: Submitter, input: MeshInput & { type: 'restore' }): void {
    for (const doc of input.stored.tasks) {
      const { taskId, attempts, retries } = doc as Task
      const highest = this.#highest.get(taskId) ?? 0
      if (attempts.length < highest) {
        throw new Violation(
          this.name,
          `${node} forgot attempt ${highest} of ${taskId}, which it had awarded before it crashed`,
        )
      }
      seen.attempts.set(taskId, attempts.length)
      seen.retries.set(taskId, retries)
      for (const attempt of attempts) {
        const runId = attemptName({ taskId, attempt: attempt.attempt })
        if (attempt.outcome) seen.closed.set(runId, attempt.outcome)
        if (attempt.contractedAtMs !== undefined || attempt.startedAtMs !== undefined) seen.answered.add(runId)
      }
    }
  }

  #onTask(node: string, seen: Submitter, task: Task, input: MeshInput, nowMs: number, state: StepSeen['state']): void {
    const spec = state.negotiation.jobs.get(task.jobId)?.spec
    const { taskId, attempts } = task
    const known = seen.attempts.get(taskId) ?? 0
    if (attempts.length < known) throw new Violation(this.name, `${node}: ${taskId} lost an attempt`)
    attempts.forEach((attempt, index) => {
      const runId = attemptName({ taskId, attempt: attempt.attempt })
      if (attempt.attempt !== index + 1)
        throw new Violation(this.name, `${node}: attempt ${index + 1} of ${taskId} is numbered ${attempt.attempt}`)
      if (index >= known && index > 0) this.#mayOpen(node, seen, task, attempts[index - 1]!, attempt)
      if (attempt.outcome && !seen.closed.has(runId)) {
        const isMissed = isHeldLost(state, attempt.node, nowMs - this.#adoptGraceMs)
        if (!isOverdue(task, attempt, spec, nowMs) && !(attempt.outcome === 'lost' && isMissed))
          this.#mayClose(node, seen, attempt, runId, input, nowMs)
        seen.closed.set(runId, attempt.outcome)
      }
    })
    seen.attempts.set(taskId, attempts.length)
  }

  /** The attempt before must have been closed, and in a way that allows another. */
  #mayOpen(node: string, seen: Submitter, task: Task, before: Attempt, next: Attempt): void {
    const runId = attemptName({ taskId: task.taskId, attempt: before.attempt })
    const outcome = before.outcome ?? seen.closed.get(runId)
    if (outcome === undefined)
      throw new Violation(
        this.name,
        `${node} opened attempt ${next.attempt} of ${task.taskId} while ${before.attempt} is open`,
      )
    if (outcome !== 'ended') return
    const { exit } = before
    const bad = exit && exit.exitCode !== 0 && exit.killedFor !== 'cancelled' && exit.killedFor !== 'timeout'
    if (!bad)
      throw new Violation(this.name, `${node} tries ${task.taskId} again though attempt ${before.attempt} ended well`)
  }

  #mayClose(node: string, seen: Submitter, attempt: Attempt, runId: string, input: MeshInput, nowMs: number): void {
    const message = input.type === 'message' && input.from === attempt.node ? input.message : undefined
    const isThis = (ref: { taskId: string; attempt: number }): boolean => attemptName(ref) === runId
    const report =
      message?.t === 'report' ? message.body.reports.find((line) => isThis(line) && line.phase === 'ended') : undefined
    if (attempt.outcome === 'refused') {
      if (message?.t === 'contract' && message.body.refused.some(isThis)) return
      // Taken, and forbidden by the policy of its node later.
      if (report?.exit?.killedFor === 'policy') return
    } else if (attempt.outcome === 'ended') {
      if (report) return
    } else if (report?.exit?.killedFor === 'lost') return
    else if (message?.t === 'renewed' && message.body.unknown.some(isThis)) {
      if (seen.answered.has(runId)) return
      throw new Violation(
        this.name,
        `${node} gave ${runId} up as unknown, though its award was never answered and may still arrive`,
      )
    } else {
      const heardMs = Math.max(seen.bootMs, attempt.awardedAtMs, seen.heardMs.get(attempt.node) ?? 0)
      if (nowMs - heardMs >= this.#lostAfterMs) return
      throw new Violation(
        this.name,
        `${node} gave ${runId} up after ${nowMs - heardMs} ms of silence; it must wait ${this.#lostAfterMs} ms`,
      )
    }
    throw new Violation(
      this.name,
      `${node} closed ${runId} as ${attempt.outcome} without evidence (input ${input.type} ${message?.t ?? ''})`,
    )
  }

  carried(node: string, effect: MeshEffect): void {
    if (effect.type !== 'send') return
    const { to, message } = effect
    if (message.t === 'settle')
      for (const { taskId, attempt } of message.body.attempts) this.#settled.add(attemptName({ taskId, attempt }))
    else if (message.t === 'award') {
      for (const { taskId, attempt } of message.body.grants) {
        const runId = attemptName({ taskId, attempt })
        const before = this.#awarded.get(runId)
        if (before !== undefined && before !== to)
          throw new Violation(this.name, `${runId} was awarded to ${before} and to ${to}`)
        this.#awarded.set(runId, to)
        this.#highest.set(taskId, Math.max(attempt, this.#highest.get(taskId) ?? 0))
      }
    } else if (message.t === 'contract') {
      for (const { taskId, attempt } of message.body.accepted) {
        const runId = attemptName({ taskId, attempt })
        const before = this.#contracted.get(runId)
        if (before !== undefined && before !== node)
          throw new Violation(this.name, `${runId} is contracted on ${before} and on ${node}`)
        if (this.#refused.has(runId))
          throw new Violation(this.name, `${node} accepted ${runId} after it had refused it`)
        this.#contracted.set(runId, node)
      }
      for (const { taskId, attempt } of message.body.refused) {
        const runId = attemptName({ taskId, attempt })
        if (this.#contracted.get(runId) !== node) this.#refused.add(runId)
        else if (!this.#settled.has(runId))
          throw new Violation(this.name, `${node} refused ${runId} after it had accepted it`)
      }
    }
  }

  launched(node: string, contract: ContractState): void {
    const runId = attemptName(contract)
    if (this.#launched.has(runId)) throw new Violation('one-start', `${runId} was started a second time, on ${node}`)
    this.#launched.add(runId)
    const awarded = this.#awarded.get(runId)
    if (awarded !== node)
      throw new Violation('one-start', `${runId} started on ${node}, but was awarded to ${awarded ?? 'nobody'}`)
  }
}

/** A task whose time is long over is ended by its submitter, without another attempt. */
function isOverdue(task: Task, attempt: Attempt, spec: TaskSpec | undefined, nowMs: number): boolean {
  if (spec === undefined || task.endedAtMs !== nowMs || attempt !== task.attempts.at(-1)) return false
  const longMs = spec.graceMs + OVERDUE_MS + (task.cancelRequested ? 0 : spec.timeoutMs)
  return nowMs - attempt.awardedAtMs >= longMs
}

/** Its watchers have found the node gone for so long that a daemon would have come back to its tasks. */
function isHeldLost({ topology }: StepSeen['state'], node: string, sinceMs: number): boolean {
  const member = topology.members.get(node)
  return member?.verdict === 'offline' && member.sinceMs <= sinceMs && topology.brake === undefined
}

function isNews(effects: readonly MeshEffect[]): boolean {
  return effects.some((effect) => effect.type === 'fate' && effect.fate === 'accept')
}
