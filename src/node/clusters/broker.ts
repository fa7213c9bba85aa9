/**
 * One machine, several clusters: what one of them has reserved is not there for the others. Each mesh reserves by its
 * own books; before a step it asks here what the others have, and no two of them step at once, so that together they
 * never reserve more than there is. What a mesh had reserved when it was stopped goes on to count, since its tasks run
 * on, until it is there again with its books, or is gone for good.
 */
import type { MeshInput, MeshState } from '../../mesh/types.ts'
import { addResources, NO_RESOURCES, type Resources } from '../../model/resources.ts'
import { usageOfAll } from '../../negotiation/executor/usage.ts'
import type { Usage } from '../../policy/types.ts'
import { addUsage } from '../../policy/usage.ts'

/** A mesh that shares this machine with others. */
export interface Sharer {
  /** The same after a restart. */
  readonly key: string
  readonly mesh: Pick<MeshState, 'negotiation'>
  /** Runs an input soon, not within the step under way. */
  readonly post: (input: MeshInput & { readonly type: 'taken-elsewhere' }) => void
}

export class Broker {
  readonly #sharers = new Set<Sharer>()
  /** What runs on of meshes that have not read their books yet, or are stopped. */
  readonly #expected = new Map<string, Resources>()

  /** What a mesh that is still to come had reserved. */
  expect(key: string, reserved: Resources): void {
    this.#expected.set(key, reserved)
  }

  /** What was expected of it counts no more: it has read its books, or will not come again. */
  settled(key: string): void {
    if (this.#expected.delete(key)) this.#tell((sharer) => sharer.key !== key)
  }

  /** @returns what takes it out again; what it has reserved by then is expected from then on */
  join(sharer: Sharer): () => void {
    this.#sharers.add(sharer)
    return () => {
      if (this.#sharers.delete(sharer)) this.#expected.set(sharer.key, sharer.mesh.negotiation.reserved)
    }
  }

  /** What all others have reserved now. */
  takenBesides({ key }: Pick<Sharer, 'key'>): Resources {
    let taken = NO_RESOURCES
    for (const other of this.#sharers) {
      if (other.key !== key) taken = addResources(taken, other.mesh.negotiation.reserved)
    }
    for (const [other, reserved] of this.#expected) if (other !== key) taken = addResources(taken, reserved)
    return taken
  }

  /**
   * What all others do now, as quotas count it; undefined where there are none. Of those that have not read their books
   * yet, or are stopped, nothing is known.
   */
  usageBesides({ key }: Pick<Sharer, 'key'>, nowMs: number): Usage | undefined {
    let used: Usage | undefined
    for (const { key: other, mesh } of this.#sharers) {
      if (other === key) continue
      const more = usageOfAll(mesh.negotiation, nowMs)
      used = used === undefined ? more : addUsage(used, more)
    }
    return used
  }

  /** Takes a step of a mesh, and tells the others when it reserves less after it. */
  around<Outcome>(sharer: Sharer, step: () => Outcome): Outcome {
    const before = sharer.mesh.negotiation.reserved
    const outcome = step()
    const { cpuMilli, memoryBytes } = sharer.mesh.negotiation.reserved
    if (cpuMilli < before.cpuMilli || memoryBytes < before.memoryBytes) this.#tell((other) => other !== sharer)
    return outcome
  }

  #tell(whom: (sharer: Sharer) => boolean): void {
    for (const sharer of this.#sharers) if (whom(sharer)) sharer.post({ type: 'taken-elsewhere' })
  }
}
