/** What simulated nodes do with their audit logs beside what the core does. */
import { hashLeaf, hashNode } from '../../src/audit/hashing.ts'
import { consistencyProof } from '../../src/audit/proofs.ts'
import type { AuditEvent } from '../../src/model/audit.ts'

const encoder = new TextEncoder()

/** Events as bytes. The real codec takes longer than a step, and has its own tests. */
export function encodeEvent(event: AuditEvent): Uint8Array {
  return encoder.encode(JSON.stringify(event))
}

/** The root over some leaves, by the definition of RFC 6962, section 2.1, alone. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return hashNode(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

/** Proofs that a log, when it had each of these sizes, began with what it was at the one before. */
export function stepsOf(events: readonly Uint8Array[], sizes: readonly number[]): Uint8Array[][] {
  const leaves = events.map(hashLeaf)
  const subtree = (level: number, index: number) => rootOf(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  return sizes.slice(1).map((second, at) => consistencyProof(sizes[at]!, second, subtree))
}
