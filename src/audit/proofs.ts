/**
 * Makes proofs, RFC 6962, sections 2.1.1 and 2.1.2. A proof is a list of roots of subtrees; whoever keeps the log says
 * how it comes by those that are complete, and everything else follows.
 */
import { peakLevels } from './frontier.ts'
import { hashNode } from './hashing.ts'

/** The root of the `index`-th complete subtree of 2^level leaves. Throws when it cannot be had any more. */
export type SubtreeHash = (level: number, index: number) => Uint8Array

/**
 * The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf up.
 * @throws RangeError when there is no such leaf; whatever `subtree` throws
 */
export function inclusionProof(index: number, size: number, subtree: SubtreeHash): Uint8Array[] {
  if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`)
  const path: Uint8Array[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      path.push(rangeHash(middle, end, subtree))
      end = middle
    } else {
      path.push(rangeHash(start, middle, subtree))
      start = middle
    }
  }
  return path.toReversed()
}

/**
 * Proves that the tree of the first `first` leaves is the beginning of that of the first `second`.
 * @throws RangeError unless 0 < first <= second; whatever `subtree` throws
 */
export function consistencyProof(first: number, second: number, subtree: SubtreeHash): Uint8Array[] {
  if (!(first > 0 && first <= second)) throw new RangeError(`a tree of ${first} is no beginning of one of ${second}`)
  const path: Uint8Array[] = []
  let [start, end] = [0, second]
  // Whoever checks knows the old root; it is left out for as long as it is a subtree of the new tree.
  let isWhole = true
  while (first < end) {
    const middle = start + splitOf(end - start)
    if (first <= middle) {
      path.push(rangeHash(middle, end, subtree))
      end = middle
    } else {
      path.push(rangeHash(start, middle, subtree))
      start = middle
      isWhole = false
    }
  }
  if (!isWhole) path.push(rangeHash(start, end, subtree))
  return path.toReversed()
}

/** The frontier's hashes when the tree had `size` leaves. @throws whatever `subtree` throws */
export function peaksOf(size: number, subtree: SubtreeHash): Uint8Array[] {
  let start = 0
  return peakLevels(size).map((level) => {
    const width = 2 ** level
    const peak = subtree(level, start / width)
    start += width
    return peak
  })
}

/** The root of the leaves from `start` to before `end`, where `start` is where a subtree of that many begins. */
function rangeHash(start: number, end: number, subtree: SubtreeHash): Uint8Array {
  const width = end - start
  const level = Math.round(Math.log2(width))
  if (2 ** level === width) return subtree(level, start / width)
  const middle = start + splitOf(width)
  return hashNode(rangeHash(start, middle, subtree), rangeHash(middle, end, subtree))
}

/** The largest power of two below `width`, which is at least 2. */
function splitOf(width: number): number {
  const [largest] = peakLevels(width - 1)
  return 2 ** largest!
}
