/**
 * No submitter has more of a node's holds and contracts than half of what the others leave, so that there is
 * always a place for one more. Reckoned here from the state that the core shows, apart from its own counting.
 */
import { Violation, type Checker, type MeshConfig, type StepSeen } from '../checker.ts'

export class SharesChecker implements Checker {
  readonly name = 'shares'
  readonly #holds: number
  readonly #contracts: number

  constructor({ negotiation }: MeshConfig) {
    this.#holds = negotiation.holds
    this.#contracts = negotiation.contracts
  }

  step({ node, effects, state }: StepSeen): void {
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.t !== 'bid') continue
      const { holds, contracts } = state.negotiation
      const own = { holds: 0, contracts: 0 }
      const others = { holds: 0, contracts: 0 }
      for (const { submitter, slots } of holds.values()) {
        const whose = submitter === effect.to ? own : others
        whose.holds++
        whose.contracts += slots
      }
      for (const { submitter, phase } of contracts.values()) {
        if (submitter === effect.to) own.contracts++
        else if (phase !== 'ended') others.contracts++
      }
      this.#atMost(`${node}: holds of ${effect.to}`, own.holds, this.#holds - others.holds)
      this.#atMost(`${node}: contracts of ${effect.to}`, own.contracts, this.#contracts - others.contracts)
    }
  }

  #atMost(what: string, own: number, left: number): void {
    if (2 * own > left + 1) throw new Violation(this.name, `${what}: ${own}, while the others leave ${left}`)
  }
}
