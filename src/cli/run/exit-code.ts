/**
 * What `althing run` exits with: the task's own code, and codes of its own where the task has none.
 * As `docker run` (125) and `timeout` (124) have them.
 */
import type { TaskView } from '../../model/api.ts'
import { commandIn } from '../command-in.ts'
import { EXIT } from '../errors.ts'
import { whyUnplaced } from '../views.ts'

export const TIMED_OUT = 124
/** 128 + SIGTERM: how a cancelled task that never ran would have ended. */
const TERMINATED = 143

/** The exit code for a task that has ended. */
export function exitCodeOf({ state, exit }: TaskView): number {
  if (state === 'succeeded') return EXIT.ok
  if (state === 'timed-out') return TIMED_OUT
  if (state === 'cancelled') return exit?.exitCode ?? TERMINATED
  if (exit === undefined) return EXIT.notRun
  // It never ran. 127: no such command, 126: it could not be started, 125: no node took it.
  if (exit.startError !== undefined) return exit.exitCode
  // A task that failed for another reason than its exit code must not look as if it had succeeded.
  return exit.exitCode === 0 ? EXIT.failure : exit.exitCode
}

/** What to say about a task of a cluster that did not simply exit; undefined when its code says it all. */
export function explainEnd(task: TaskView, cluster: string | undefined): string | undefined {
  const { taskId, state, exit, nodeName, waiting } = task
  const seeWhy = `see ${commandIn(cluster, 'why', taskId)}`
  const on = nodeName === undefined ? '' : ` on ${nodeName}`
  if (exit?.logTruncated === true)
    return `${taskId} wrote more output than the 16 MiB a stream that are kept: write large results to $ALTHING_OUTPUT`
  const unplaced = whyUnplaced(exit)
  if (unplaced !== undefined) return `${taskId}: ${unplaced}; ${seeWhy}`
  if (exit?.startError !== undefined) return `${taskId} could not be started${on}: ${exit.startError}`
  if (state === 'timed-out') return `${taskId} ran out of time${on}`
  if (state === 'cancelled') return `${taskId} was cancelled`
  if (exit?.killedFor === 'memory') return `${taskId} was killed${on}: it took more memory than its --memory allows`
  if (exit?.killedFor !== undefined) return `${taskId} was killed${on}: ${exit.killedFor}`
  if (exit?.signal !== undefined) return `${taskId} was ended by ${exit.signal}${on}`
  if (state === 'failed' && exit === undefined) {
    return `${taskId} could not be placed${waiting === undefined ? '' : `: ${waiting}`}; ${seeWhy}`
  }
  return undefined
}
