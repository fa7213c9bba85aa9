/**
 * What is kept of a tree in order to append to it: the roots of its complete subtrees, at most one a level. An append
 * costs one hash and a carry, O(1) in the mean and O(log n) at most; the memory is O(log n), however long it grows.
 */
import { EMPTY_ROOT, HASH_BYTES, hashNode } from './hashing.ts'

/** Told of each subtree of 2^level leaves that an append completes: the `index`-th of its level, from the left. */
export type OnComplete = (level: number, index: number, hash: Uint8Array) => void

/** The right edge of a Merkle tree. */
export class Frontier {
  #size: number
  /** Roots of the complete subtrees from the left, each larger than the next: one for each bit that `size` has set. */
  readonly #peaks: Uint8Array[]

  /**
   * @param size leaves so far, up to 2^53 - 1
   * @throws RangeError when there is not one hash for each bit that is set in `size`
   */
  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    const isFitting = peaks.length === peakLevels(size).length && peaks.every(({ length }) => length === HASH_BYTES)
    if (!isFitting) throw new RangeError(`${peaks.length} hashes are no frontier of a tree of ${size}`)
    this.#size = size
    this.#peaks = [...peaks]
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size
  }

  get peaks(): readonly Uint8Array[] {
    return this.#peaks
  }

  /** Another one that grows on its own. */
  copy(): Frontier {
    return new Frontier(this.#size, this.#peaks)
  }

  /** Appends a leaf by its hash. */
  append(leaf: Uint8Array, onComplete?: OnComplete): void {
    let hash = leaf
    let level = 0
    let index = this.#size
    onComplete?.(level, index, hash)
    while (index % 2 === 1) {
      hash = hashNode(this.#peaks.pop()!, hash)
      level++
      index = (index - 1) / 2
      onComplete?.(level, index, hash)
    }
    this.#peaks.push(hash)
    this.#size++
  }

  /** The root of the whole tree: RFC 6962, section 2.1, folded from the smallest subtree up. */
  root(): Uint8Array {
    return (
      this.#peaks.reduceRight<Uint8Array | undefined>(
        (right, left) => (right === undefined ? left : hashNode(left, right)),
        undefined,
      ) ?? EMPTY_ROOT
    )
  }
}

/** The levels at which a tree of `size` leaves has complete subtrees that no larger one holds, the largest first. */
export function peakLevels(size: number): number[] {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`not the size of a tree: ${size}`)
  const levels: number[] = []
  for (let [rest, level] = [size, 0]; rest > 0; rest = Math.floor(rest / 2), level++) {
    if (rest % 2 === 1) levels.unshift(level)
  }
  return levels
}
