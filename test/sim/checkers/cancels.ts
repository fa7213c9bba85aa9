/** Rule 12, seen from the executor: what it was told to end ends, and nothing starts after it was reported ended. */
import type { ContractState } from '../../../src/negotiation/types.ts'
import { attemptName, Violation, type Checker, type MeshEffect, type NodeView, type StepSeen } from '../checker.ts'

/** Beside the grace a task has: time for signals and for a driver to find its runs. */
const SLACK_MS = 1_500

interface Doomed {
  readonly node: string
  readonly graceMs: number
  /** When its process must be gone; put off while its daemon is away, its disk is full, or it has no process. */
  byMs: number
}

export class CancelsChecker implements Checker {
  readonly name = 'cancels'
  /** Running processes, by run id. */
  readonly #running = new Map<string, ContractState>()
  readonly #doomed = new Map<string, Doomed>()
  readonly #reported = new Set<string>()

  step({ node, input, state, nowMs }: StepSeen): void {
    if (input.type === 'restore') return this.#restore(node, [...input.stored.contracts] as ContractState[], nowMs)
    if (input.type !== 'message' || input.message.t !== 'cancel') return
    for (const { taskId, attempt } of input.message.body.attempts) {
      const contract = [...state.negotiation.contracts.values()].find(
        (one) => one.taskId === taskId && one.attempt === attempt,
      )
      if (
        !contract ||
        contract.submitter !== input.from ||
        contract.phase === 'ended' ||
        this.#doomed.has(attemptName(contract))
      )
        continue
      this.#doomed.set(attemptName(contract), {
        node,
        graceMs: contract.spec.graceMs,
        byMs: nowMs + contract.spec.graceMs + SLACK_MS,
      })
    }
  }

  carried(_node: string, effect: MeshEffect): void {
    if (effect.type !== 'send' || effect.message.t !== 'report') return
    for (const { taskId, attempt, phase } of effect.message.body.reports) {
      if (phase === 'ended') this.#reported.add(attemptName({ taskId, attempt }))
    }
  }

  launched(node: string, contract: ContractState, nowMs: number): void {
    const runId = attemptName(contract)
    if (this.#reported.has(runId))
      throw new Violation(this.name, `${node} started ${runId} after it had reported its end`)
    this.#running.set(runId, contract)
    const doomed = this.#doomed.get(runId)
    if (doomed) doomed.byMs = nowMs + doomed.graceMs + SLACK_MS
  }

  ended(_node: string, contract: ContractState): void {
    const runId = attemptName(contract)
    this.#running.delete(runId)
    this.#doomed.delete(runId)
  }

  /** What was noted before a crash must still be done after it; what was not is repeated by the submitter. */
  #restore(node: string, contracts: readonly ContractState[], nowMs: number): void {
    for (const [runId, doomed] of this.#doomed) if (doomed.node === node) this.#doomed.delete(runId)
    for (const contract of contracts) {
      const { phase, stopWhy, spec } = contract
      if (!stopWhy || phase === 'ended') continue
      this.#doomed.set(attemptName(contract), { node, graceMs: spec.graceMs, byMs: nowMs + spec.graceMs + SLACK_MS })
    }
  }

  tick(nodes: readonly NodeView[], nowMs: number): void {
    for (const [runId, doomed] of this.#doomed) {
      const node = nodes.find(({ id }) => id === doomed.node)!
      if (!node.up || node.blocked || !this.#running.has(runId)) doomed.byMs = nowMs + doomed.graceMs + SLACK_MS
      else if (nowMs > doomed.byMs)
        throw new Violation(this.name, `${doomed.node} was told to end ${runId} and did not`)
    }
  }
}
