/**
 * A cordoned machine starts nothing that was awarded to it after that, whatever restarts come in between; and one that
 * says it is drained has nothing running. When it was cordoned is known from what its operators asked for and were told
 * is done, not from the core.
 */
import { attemptName, Violation, type Checker, type ContractState, type MeshEffect, type StepSeen } from '../checker.ts'

export class CordonChecker implements Checker {
  readonly name = 'cordon'
  /** Asked for, and not told yet that it is done. */
  readonly #asked = new Map<string, number>()
  readonly #sinceMs = new Map<string, number>()
  /** Attempts that run, by machine. */
  readonly #running = new Map<string, Set<string>>()

  step({ node, input, nowMs }: StepSeen): void {
    if (input.type !== 'operate') return
    if (input.operation.name === 'uncordon') {
      this.#asked.delete(node)
      this.#sinceMs.delete(node)
    } else if (!this.#sinceMs.has(node)) this.#asked.set(node, nowMs)
  }

  crash(node: string): void {
    this.#asked.delete(node)
  }

  carried(node: string, effect: MeshEffect): void {
    if (effect.type !== 'emit' || effect.event.type !== 'cordon') return
    const askedMs = this.#asked.get(node)
    if (askedMs !== undefined) this.#sinceMs.set(node, askedMs)
    this.#asked.delete(node)
    const left = this.#running.get(node)?.size ?? 0
    if (effect.event.what === 'drained' && left > 0)
      throw new Violation(this.name, `${node} says that it is drained, and ${left} of its processes run`)
  }

  launched(node: string, contract: ContractState): void {
    const sinceMs = this.#sinceMs.get(node)
    if (sinceMs !== undefined && contract.acceptedAtMs > sinceMs)
      throw new Violation(this.name, `${node} started ${attemptName(contract)}, awarded after it was cordoned`)
    const running = this.#running.get(node) ?? new Set()
    this.#running.set(node, running.add(attemptName(contract)))
  }

  ended(node: string, contract: ContractState): void {
    this.#running.get(node)?.delete(attemptName(contract))
  }
}
