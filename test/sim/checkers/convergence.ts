/**
 * Rule 9: after the healing all registries hold the same passports and know each other alive; and no
 * registry ever takes a record that is not newer than what it took before.
 */
import { verdictOf } from '../../../src/topology/state.ts'
import { isLiar } from '../liar.ts'
import { Violation, type Checker, type MeshEffect, type NodeView, type StepSeen } from '../checker.ts'

export class ConvergenceChecker implements Checker {
  readonly name = 'convergence'
  /** The highest number taken, by node, then by author, kind and name. */
  readonly #taken = new Map<string, Map<string, readonly [epoch: number, seq: number]>>()

  boot(node: string): void {
    this.#taken.set(node, new Map())
  }

  step({ node, input, effects }: StepSeen): void {
    if (input.type !== 'record') return
    // The fate of a record is told first of all.
    const [fate] = effects
    if (fate?.type !== 'fate') throw new Violation(this.name, `${node} took a record and did not tell its fate`)
    // Testimony is not kept as a record; what counts of it is numbered by its body.
    if (fate.fate !== 'accept' || input.record.kind === 'testimony') return
    const { author, kind, name, epoch, seq } = input.record
    if (isLiar(author)) return
    const taken = this.#taken.get(node)!
    const key = `${author}/${kind}/${name}`
    const before = taken.get(key)
    if (before && (epoch < before[0] || (epoch === before[0] && seq <= before[1]))) {
      throw new Violation('newest-wins', `${node} took ${key} (${epoch}, ${seq}) after (${before.join(', ')})`)
    }
    taken.set(key, [epoch, seq])
  }

  carried(node: string, effect: MeshEffect): void {
    if (effect.type !== 'node-event' || isLiar(effect.peer)) return
    if (effect.what === 'quarantined' || effect.what === 'own-key-copied') {
      throw new Violation(
        'honest-authors',
        `${node} accuses ${effect.peer}: ${effect.what}, but every author here is honest`,
      )
    }
  }

  pending(nodes: readonly NodeView[], nowMs: number): string | undefined {
    const [first, ...others] = nodes.map((node) => ({ id: node.id, passports: passportsOf(node) }))
    for (const { id, passports } of others) {
      for (const [key, hash] of passports)
        if (first!.passports.get(key) !== hash) return `${first!.id} and ${id} differ about ${key}`
      if (passports.size !== first!.passports.size)
        return `${first!.id} knows ${first!.passports.size} passports, ${id} ${passports.size}`
    }
    for (const node of nodes) {
      for (const other of nodes) {
        const beat = node.state.registry.authors.get(other.id)?.beat
        const alive = beat && nowMs - beat.bornMs < 3 * beat.body.intervalMs && beat.body.state !== 'offline'
        if (!alive) return `${node.id} does not see ${other.id} alive`
        const verdict = verdictOf(node.state.topology, other.id)
        if (verdict !== 'alive') return `${node.id} holds ${other.id} to be ${verdict ?? 'unknown'}`
      }
    }
    return undefined
  }
}

function passportsOf({ state }: NodeView): Map<string, string> {
  const passports = new Map<string, string>()
  for (const [key, { kind, record }] of state.registry.records) if (kind === 'passport') passports.set(key, record.hash)
  return passports
}
