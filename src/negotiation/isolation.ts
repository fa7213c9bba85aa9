/**
 * Whose tasks run isolated. Work of the node's own owner does not: it has the rights of the daemon's user anyway.
 * Whoever is in the trust list was put there by the owner, to run as if it were the owner's; and a node that is open
 * was opened to all in the same way.
 */
import type { IsolationKind, IsolationState } from '../model/isolation.ts'
import type { DeclineReason } from '../model/negotiation.ts'
import type { TaskSpec } from '../model/task.ts'
import type { LocalNode } from './nodes.ts'
import type { NodeId } from './types.ts'

/** A guest is a member of another owner: its tasks run here isolated, or not at all. */
export function isGuest(from: NodeId, { open, trusted, roster }: LocalNode): boolean {
  return !open && !trusted.has(from) && (roster?.guests.has(from) ?? false)
}

/** What a task is isolated by when it runs here; undefined: it is a plain process. */
export function isolationFor(spec: TaskSpec, from: NodeId, node: LocalNode): IsolationKind | undefined {
  return spec.isolation === 'bwrap' || isGuest(from, node) ? 'bwrap' : undefined
}

/** Why a task does not run here, isolated or not as it must be. */
export function isolationBroken(
  spec: TaskSpec,
  from: NodeId,
  node: LocalNode,
): Omit<DeclineReason, 'constraint'> | undefined {
  const guest = isGuest(from, node)
  if (guest && spec.isolation === 'none') {
    const measured = `work of another owner (${ownerOf(from, node)}) is isolated here`
    return { wanted: 'to run without isolation', measured, temporary: false }
  }
  if (isolationFor(spec, from, node) === undefined || node.isolation?.works === true) return undefined
  const state = node.isolation ?? NEVER
  return {
    wanted: guest ? `isolation, for work of another owner (${ownerOf(from, node)})` : 'isolation by bwrap',
    measured: state.works ? '' : `none: ${state.why}; what helps there: ${state.fix}`,
    temporary: !state.works && !state.examined,
  }
}

function ownerOf(from: NodeId, { roster }: LocalNode): string {
  return roster?.owners.get(from) ?? 'unknown'
}

const NEVER: IsolationState = {
  works: false,
  examined: true,
  why: 'this node isolates no tasks',
  fix: 'another node',
}
