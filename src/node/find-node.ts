/** Which node somebody means. */
import type { NodeView } from '../model/api.ts'
import type { DaemonParts } from './daemon-state.ts'
import { OperationError } from './operations.ts'
import { someOf } from './task-list.ts'
import { nodeViews } from './views.ts'

/** Characters of a name or an id that are taken for a part of it. */
const LEAST_PART = 4

/**
 * By peer id, by name, or by a unique part of either.
 * @throws OperationError `not-found`, or `conflict` when there are several
 */
export function nodeOf(parts: DaemonParts, idOrName: string): NodeView {
  const all = nodeViews(parts.mesh, parts.clock.nowMs(), { all: true, guests: true })
  const exact = all.filter((node) => node.peerId === idOrName || node.name === idOrName)
  const isPart = ({ name, peerId }: NodeView) =>
    name.startsWith(idOrName) || peerId.startsWith(idOrName) || peerId.endsWith(idOrName)
  const found = exact.length > 0 || idOrName.length < LEAST_PART ? exact : all.filter(isPart)
  if (found.length === 1) return found[0]!
  if (found.length > 1)
    throw new OperationError(
      'conflict',
      `${idOrName} names ${found.length} nodes: ${someOf(found.map(({ name, peerId }) => `${name} ${peerId}`))}`,
      { fix: 'give the peer id, or more of it' },
    )
  const least = idOrName.length < LEAST_PART ? ` (its beginning needs ${LEAST_PART} characters)` : ''
  throw new OperationError('not-found', `no node ${idOrName} is known${least}`, {
    fix: '`althing nodes --all` lists them',
  })
}
