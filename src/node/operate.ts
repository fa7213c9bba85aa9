/** What can be asked of this node beside tasks, by those who may use its API. */
import { ownCordon } from '../mesh/heartbeat.ts'
import type { OperationRequest, OperationView } from '../model/operation.ts'
import { tasksHere } from '../negotiation/executor/told.ts'
import type { DaemonParts } from './daemon-state.ts'
import { namesOf } from './views.ts'

/** Does it, unless it is only to be tried, and tells how this node stands then. */
export function operateHere(parts: DaemonParts, { operation, by, dryRun }: OperationRequest): OperationView {
  const { mesh, loop, clock, name } = parts
  if (!dryRun) loop.input({ type: 'operate', operation, by })
  const cordon = ownCordon(mesh)
  const nameOf = namesOf(mesh, clock.nowMs())
  const { tasks, leftOut } = tasksHere(mesh.negotiation)
  return {
    node: mesh.self,
    name,
    ...(cordon && { cordon }),
    tasks: tasks.map((task) => ({ ...task, submitterName: nameOf(task.submitter) })),
    leftOut,
  }
}
