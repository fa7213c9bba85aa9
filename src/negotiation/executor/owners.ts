/**
 * Whose nodes count as one here: in a cluster with a roster all those of an owner, else each for itself. What is
 * counted at every offer, over what may be thousands of contracts, asks `ofOwner`; a key is made for what is kept.
 */
import type { LocalNode } from '../nodes.ts'
import type { NodeId } from '../types.ts'

type Owned = Pick<LocalNode, 'roster'>

/** Tells of a submitter whether it counts as one with `node`: it is that node, or another of its owner. */
export function ofOwner({ roster }: Owned, node: NodeId): (submitter: NodeId) => boolean {
  const owner = roster?.owners.get(node)
  if (owner === undefined) return (submitter) => submitter === node
  return (submitter) => roster!.owners.get(submitter) === owner
}

/** The key of what is kept of all nodes of a submitter's owner: itself, where the roster names none. */
export function ownerKey({ roster }: Owned, submitter: NodeId): string {
  const owner = roster?.owners.get(submitter)
  return owner === undefined ? submitter : `owner/${owner}`
}
