/** What can be asked of nodes beside tasks, by those who may use the API of this one. */
import { ownCordon } from '../mesh/heartbeat.ts'
import type { Operated, OperationRequest, OperationView } from '../model/operation.ts'
import { tasksHere } from '../negotiation/executor/told.ts'
import type { DaemonParts } from './daemon-state.ts'
import { nodeOf } from './find-node.ts'
import { OperationError } from './operations.ts'
import { namesOf } from './views.ts'

/** Does it, unless it is only to be tried, and tells how the node stands then. @throws OperationError */
export async function operate(parts: DaemonParts, request: OperationRequest): Promise<OperationView> {
  const { mesh, name: ownName, remoteOperations } = parts
  const { operation, dryRun, node } = request
  const asked = node === undefined ? { peerId: mesh.self, name: ownName } : nodeOf(parts, node)
  const { peerId, name } = asked
  const isOwn = peerId === mesh.self
  const stands = isOwn ? here(parts, request) : await remoteOperations.ask(peerId, name, operation, dryRun)
  return viewOf(parts, asked, stands)
}

type Stands = Pick<Operated, 'cordon' | 'tasks' | 'leftOut'>

function here({ mesh, loop }: DaemonParts, { operation, by, dryRun }: OperationRequest): Stands {
  if (!dryRun) loop.input({ type: 'operate', operation, by })
  // It holds, and is stored once the disk takes it; whoever switches the machine off before that has to know.
  if (!dryRun && loop.blockedBy !== undefined)
    throw new OperationError('full', `${operation.name} holds, and is not stored yet: ${loop.blockedBy}`, {
      fix: 'make room on the disk of the data directory, or do not restart the daemon meanwhile',
    })
  return { cordon: ownCordon(mesh), ...tasksHere(mesh.negotiation) }
}

function viewOf(
  { mesh, clock }: DaemonParts,
  { peerId: node, name }: { readonly peerId: string; readonly name: string },
  { cordon, tasks, leftOut }: Stands,
): OperationView {
  const nameOf = namesOf(mesh, clock.nowMs())
  return {
    node,
    name,
    ...(cordon && { cordon }),
    tasks: tasks.map((task) => ({ ...task, submitterName: nameOf(task.submitter) })),
    leftOut,
  }
}
