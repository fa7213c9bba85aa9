/**
 * Checks proofs, by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2. None throws: what does not fit proves
 * nothing.
 */
import { HASH_BYTES, hashNode, isSameHash } from './hashing.ts'

/** The size and root of a log at one moment. */
export interface TreeHead {
  /** Events so far. */
  readonly size: number
  readonly root: Uint8Array
}

const isOdd = (n: number): boolean => n % 2 === 1
const half = (n: number): number => Math.floor(n / 2)
const areHashes = (path: readonly Uint8Array[]): boolean => path.every(({ length }) => length === HASH_BYTES)

/** True when `path` proves that the leaf with this hash is the `index`-th of the tree with this head. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  { size, root }: TreeHead,
  path: readonly Uint8Array[],
): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || !areHashes(path)) return false
  let [fn, sn] = [index, size - 1]
  let hash = leaf
  for (const beside of path) {
    if (sn === 0) return false
    if (isOdd(fn) || fn === sn) {
      hash = hashNode(beside, hash)
      while (!isOdd(fn) && fn > 0) [fn, sn] = [half(fn), half(sn)]
    } else hash = hashNode(hash, beside)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && isSameHash(hash, root)
}

/**
 * True when `path` proves that the log with the head `first` is the beginning of that with the head `second`. Any log
 * begins with the empty one, and none that is shorter continues another.
 */
export function verifyConsistency(first: TreeHead, second: TreeHead, path: readonly Uint8Array[]): boolean {
  if (!areHashes(path) || first.size > second.size) return false
  if (first.size === second.size) return path.length === 0 && isSameHash(first.root, second.root)
  if (first.size === 0) return path.length === 0
  let [fn, sn] = [first.size - 1, second.size - 1]
  // An old tree that is itself a subtree of the new one is known by its root, and not sent.
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)]
  const [start, ...rest] = fn === 0 ? [first.root, ...path] : path
  if (start === undefined) return false
  let [firstHash, secondHash] = [start, start]
  for (const beside of rest) {
    if (sn === 0) return false
    if (isOdd(fn) || fn === sn) {
      firstHash = hashNode(beside, firstHash)
      secondHash = hashNode(beside, secondHash)
      while (!isOdd(fn) && fn > 0) [fn, sn] = [half(fn), half(sn)]
    } else secondHash = hashNode(secondHash, beside)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && isSameHash(firstHash, first.root) && isSameHash(secondHash, second.root)
}
