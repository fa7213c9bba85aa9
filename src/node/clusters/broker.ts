/**
 * One machine, several clusters: what one of them has reserved is not there for the others. Each mesh reserves by its
 * own books; before a step it asks here what the others have, and no two of them step at once, so that together they
 * never reserve more than there is.
 */
import type { MeshInput, MeshState } from '../../mesh/types.ts'
import { addResources, NO_RESOURCES, type Resources } from '../../model/resources.ts'

/** A mesh that shares this machine with others. */
export interface Sharer {
  readonly mesh: Pick<MeshState, 'negotiation'>
  /** Runs an input soon, not within the step under way. */
  readonly post: (input: MeshInput & { readonly type: 'taken-elsewhere' }) => void
}

export class Broker {
  readonly #sharers = new Set<Sharer>()

  /** @returns what takes it out again */
  join(sharer: Sharer): () => void {
    this.#sharers.add(sharer)
    return () => {
      this.#sharers.delete(sharer)
      this.#tellOthers(sharer)
    }
  }

  /** What all others have reserved now. */
  takenBesides(sharer: Sharer): Resources {
    let taken = NO_RESOURCES
    for (const other of this.#sharers) {
      if (other !== sharer) taken = addResources(taken, other.mesh.negotiation.reserved)
    }
    return taken
  }

  /** Takes a step of a mesh, and tells the others when it reserves more or less after it. */
  around<Outcome>(sharer: Sharer, step: () => Outcome): Outcome {
    const before = sharer.mesh.negotiation.reserved
    const outcome = step()
    if (sharer.mesh.negotiation.reserved !== before) this.#tellOthers(sharer)
    return outcome
  }

  #tellOthers(sharer: Sharer): void {
    for (const other of this.#sharers) if (other !== sharer) other.post({ type: 'taken-elsewhere' })
  }
}
