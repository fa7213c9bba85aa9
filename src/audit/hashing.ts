/**
 * The hashes of a Merkle tree as RFC 6962, section 2.1, and RFC 9162, section 2.1.1, define them. The prefix byte keeps
 * a leaf from being taken for an inner node, and so a short log for a long one.
 */
import { sha256 } from '../util/sha256.ts'

/** Bytes of a hash. */
export const HASH_BYTES = 32

const LEAF_PREFIX = 0
const NODE_PREFIX = 1

/** The root of a tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array())

/** SHA-256(0x00 || entry). */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + entry.length)
  input[0] = LEAF_PREFIX
  input.set(entry, 1)
  return sha256(input)
}

/** Used anew by every call: nothing else runs while it is filled and hashed. */
const pair = new Uint8Array(1 + 2 * HASH_BYTES)
pair[0] = NODE_PREFIX

/** SHA-256(0x01 || left || right). @throws RangeError unless both are hashes */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('not the hashes of two nodes')
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return sha256(pair)
}

/** True for the same bytes. Roots and proofs are public: the time it takes tells nobody anything. */
export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
