/**
 * Denied work never runs: no process comes to be that the rules of its machine forbid at that moment; what they forbid
 * later, and are to stop, is stopped; and nobody is declined by rules that permit it. The rules are judged by the
 * simulator's own code, not by the core's.
 */
import type { HouseRules } from '../house-rules.ts'
import { attemptName, Violation, type Checker, type ContractState, type NodeView, type StepSeen } from '../checker.ts'

/** Beside the grace a task has: time for signals, and for a daemon to find its runs. */
const SLACK_MS = 1_500

interface Running {
  readonly node: string
  readonly contract: ContractState
  /** When it must be gone; absent while it is permitted. */
  byMs?: number
}

export class PolicyChecker implements Checker {
  readonly name = 'policy'
  readonly #rulesOf: (node: string) => HouseRules
  readonly #running = new Map<string, Running>()

  constructor(rulesOf: (node: string) => HouseRules) {
    this.#rulesOf = rulesOf
  }

  launched(node: string, contract: ContractState): void {
    const { submitter, spec } = contract
    const { permits, says, atOnce } = this.#rulesOf(node)
    const runId = attemptName(contract)
    if (!permits(submitter, spec))
      throw new Violation(this.name, `${node} started ${runId}, which its rules forbid: ${says}`)
    this.#running.set(runId, { node, contract })
    const running = this.#of(node, submitter).length
    // What ran before the rules came may be more.
    if (
      running > atOnce &&
      this.#of(node, submitter).every(({ contract: { acceptedAtMs } }) => acceptedAtMs > this.#sinceMs(node))
    )
      throw new Violation(this.name, `${node} runs ${running} tasks of ${submitter} at once; its rules: ${says}`)
  }

  readonly #since = new Map<string, number>()

  #sinceMs(node: string): number {
    return this.#since.get(node) ?? 0
  }

  #of(node: string, submitter: string): Running[] {
    return [...this.#running.values()].filter((one) => one.node === node && one.contract.submitter === submitter)
  }

  step({ node, input, effects, nowMs }: StepSeen): void {
    if (input.type === 'policies') this.#since.set(node, nowMs)
    const { permits, atOnce, says } = this.#rulesOf(node)
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.t !== 'decline') continue
      if (!effect.message.body.reasons.some(({ constraint }) => constraint === 'policy')) continue
      if (input.type !== 'message' || input.message.t !== 'offer')
        throw new Violation(this.name, `${node} declines something that was not offered`)
      if (permits(effect.to, input.message.body.spec) && atOnce === Infinity)
        throw new Violation(this.name, `${node} declined what its rules permit: ${says}`)
    }
  }

  ended(_node: string, contract: ContractState): void {
    this.#running.delete(attemptName(contract))
  }

  tick(nodes: readonly NodeView[], nowMs: number): void {
    for (const [runId, run] of this.#running) {
      const { submitter, spec } = run.contract
      const { permits, stops } = this.#rulesOf(run.node)
      const node = nodes.find(({ id }) => id === run.node)!
      if (!stops || permits(submitter, spec)) delete run.byMs
      // A daemon that is away, or cannot write, stops it once it can.
      else if (run.byMs === undefined || !node.up || node.blocked) run.byMs = nowMs + spec.graceMs + SLACK_MS
      else if (nowMs > run.byMs)
        throw new Violation(this.name, `${run.node} goes on with ${runId}, which its rules forbid`)
    }
  }
}
