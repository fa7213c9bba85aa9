/**
 * Rule 10: whoever holds two records of one number has nothing to do with their author any more, whatever dies in
 * between; and after the healing nobody lists it whom anybody has found out.
 */
import { isLiar } from '../liar.ts'
import { Violation, type Checker, type MeshEffect, type NodeView, type StepSeen } from '../checker.ts'

export class EquivocationChecker implements Checker {
  readonly name = 'equivocation'
  /** By node: the liars it has found out, as far as that was carried out. */
  readonly #found = new Map<string, Set<string>>()
  /** By node and author: hashes it took, while it lived. */
  readonly #taken = new Map<string, Map<string, Set<string>>>()

  boot(node: string): void {
    this.#taken.set(node, new Map())
  }

  step({ node, input, state }: StepSeen): void {
    if (input.type !== 'record' || !isLiar(input.record.author)) return
    const { author, hash } = input.record
    const taken = this.#taken.get(node)!
    const hashes = (taken.get(author) ?? new Set<string>()).add(hash)
    taken.set(author, hashes)
    if (hashes.size > 1 && !state.registry.quarantined.has(author))
      throw new Violation(this.name, `${node} has seen two records of one number and goes on with their author`)
    if (
      this.#found.get(node)?.has(author) === true &&
      state.registry.records.has(`${author}/passport/${input.record.name}`)
    )
      throw new Violation(this.name, `${node} had found ${author} out, and believes it again`)
  }

  carried(node: string, effect: MeshEffect): void {
    if (effect.type !== 'node-event' || effect.what !== 'quarantined') return
    this.#found.set(node, (this.#found.get(node) ?? new Set()).add(effect.peer))
  }

  pending(nodes: readonly NodeView[]): string | undefined {
    const found = new Set([...this.#found.values()].flatMap((authors) => [...authors]))
    for (const { id, state } of nodes) {
      for (const author of this.#found.get(id) ?? [])
        if (!state.registry.quarantined.has(author)) return `${id} has forgotten that ${author} lied`
      for (const { record } of state.registry.records.values())
        if (found.has(record.author)) return `${id} lists ${record.author}, which others have found out`
    }
    return undefined
  }
}
