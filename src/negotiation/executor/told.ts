/** What is on this node, for whoever is to know what a drain waits for. */
import { MAX_TOLD_TASKS, type ToldTask } from '../../model/operation.ts'
import type { NegotiationState } from '../types.ts'

/** What has not ended, the longest here first. */
export function tasksHere(state: NegotiationState): { readonly tasks: ToldTask[]; readonly leftOut: number } {
  const here = [...state.contracts.values()].filter(({ phase }) => phase !== 'ended')
  const tasks = here
    .toSorted((a, b) => a.acceptedAtMs - b.acceptedAtMs)
    .slice(0, MAX_TOLD_TASKS)
    .map(({ taskId, attempt, submitter, startedAtMs }) => ({
      taskId,
      attempt,
      submitter,
      ...(startedAtMs !== undefined && { startedAtMs }),
    }))
  return { tasks, leftOut: here.length - tasks.length }
}
