/**
 * Rule 12: audit heads stay consistent. What a node signs of its log is on its disk, is the root of just that, never
 * shrinks, and stays the root of the beginning of all that follows; and where all are honest, nobody is accused.
 */
import { hashLeaf, isSameHash } from '../../../src/audit/hashing.ts'
import type { TreeHead } from '../../../src/audit/verify.ts'
import type { Heartbeat } from '../../../src/model/heartbeat.ts'
import { rootOf } from '../audit.ts'
import { Violation, type Checker, type MeshEffect, type NodeView } from '../checker.ts'
import type { DiskView } from '../disk.ts'

/** Heads of each node that are held against its log in the end; hashing all of them would take longer than the seed. */
const KEPT = 12

export class AuditChecker implements Checker {
  readonly name = 'audit-heads'
  readonly #heads = new Map<string, TreeHead[]>()

  carried(node: string, effect: MeshEffect, _nowMs: number, disk: DiskView): void {
    if (effect.type === 'node-event' && effect.what === 'audit-alarm')
      throw new Violation('audit-alarms', `${node} accuses ${effect.peer}, which did nothing wrong`)
    if (effect.type !== 'publish' || effect.kind !== 'heartbeat') return
    const { audit } = effect.body as Heartbeat
    if (audit) this.#signed(node, audit, disk)
  }

  #signed(node: string, head: TreeHead, disk: DiskView): void {
    const heads = this.#heads.get(node) ?? []
    this.#heads.set(node, heads)
    const last = heads.at(-1)
    if (head.size > disk.audit.length)
      throw new Violation(this.name, `${node} signed ${head.size} events; on its disk are ${disk.audit.length}`)
    if (last && head.size < last.size)
      throw new Violation(this.name, `${node} signed ${head.size} events after it had signed ${last.size}`)
    if (last?.size === head.size) {
      if (isSameHash(last.root, head.root)) return
      throw new Violation(this.name, `${node} signed two roots for ${head.size} events`)
    }
    heads.push(head)
    // Those of the beginning and of the end say most.
    if (heads.length > KEPT) heads.splice(KEPT >> 1, 1)
  }

  pending(nodes: readonly NodeView[]): string | undefined {
    for (const { id, disk } of nodes) {
      const leaves = disk.audit.map(hashLeaf)
      for (const { size, root } of this.#heads.get(id) ?? []) {
        if (size === 0 || isSameHash(rootOf(leaves.slice(0, size)), root)) continue
        throw new Violation(this.name, `the log of ${id} no longer begins with the ${size} events that it signed`)
      }
    }
    return undefined
  }
}
