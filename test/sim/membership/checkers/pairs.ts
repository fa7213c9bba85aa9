/**
 * What a member has signed is never taken back, and nobody comes back but by its own word: a higher pair against
 * evidence, a heartbeat where only those had run out.
 */
import type { Pair, TopologyEffect, TopologyInput } from '../../../../src/topology/types.ts'
import { isNewLife, Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

interface Seen {
  epoch: number
  incarnation: number
  /** Its pair when it was last held offline. */
  offline: Pair | undefined
}

function isHigher(a: Pair, b: Pair): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.incarnation > b.incarnation)
}

export class PairsChecker implements Checker {
  readonly name = 'pairs'
  #seen: Map<string, Seen>[] = []
  #own = new Map<number, Pair>()

  changed(world: WorldView, index: number): void {
    if (isNewLife(world, index)) this.#seen[index] = new Map()
  }

  step(world: WorldView, node: Truth, input: TopologyInput, effects: readonly TopologyEffect[]): void {
    const seen = this.#seen[node.index]!
    if (input.type === 'member') this.#member(node, input.id, seen)
    for (const effect of effects) {
      if (effect.type === 'refute') this.#refute(node, effect.own)
      if (effect.type !== 'verdict') continue
      const member = node.state.members.get(effect.id)
      const known = this.#known(seen, effect.id)
      if (effect.verdict === 'alive' && known.offline && member && !isHigher(member.pair, known.offline)) {
        throw new Violation(this.name, `${node.index} takes ${world.indexOf(effect.id)} back without its word`)
      }
      const byEvidence = effect.verdict === 'offline' && input.type !== 'member-lapsed'
      known.offline = byEvidence ? { ...member!.pair } : undefined
    }
  }

  #known(seen: Map<string, Seen>, id: string): Seen {
    const known = seen.get(id) ?? { epoch: 0, incarnation: 0, offline: undefined }
    seen.set(id, known)
    return known
  }

  #member(node: Truth, id: string, seen: Map<string, Seen>): void {
    const member = node.state.members.get(id)
    if (member === undefined) return
    const known = this.#known(seen, id)
    if (isHigher(known, member.pair)) {
      throw new Violation(this.name, `${node.index} has lowered the pair of ${id} to ${JSON.stringify(member.pair)}`)
    }
    known.epoch = member.pair.epoch
    known.incarnation = member.pair.incarnation
  }

  #refute(node: Truth, own: Pair): void {
    const before = this.#own.get(node.index)
    if (before !== undefined && !isHigher(own, before)) {
      throw new Violation(this.name, `${node.index} refutes with ${JSON.stringify(own)}, which it has signed before`)
    }
    this.#own.set(node.index, { ...own })
  }
}
