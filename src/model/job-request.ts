/** What is asked of a daemon that is to place tasks. */
import * as z from 'zod'
import { TASK_LIMITS, TaskSpec } from './task.ts'

const { timeoutMs, logCapBytes } = TaskSpec.shape

/** `POST /v1/jobs`: what `althing run` sends. What is left out here is by the settings of the daemon. */
export const JobRequest = z.strictObject({
  spec: TaskSpec.extend({
    timeoutMs: timeoutMs.unwrap().optional(),
    logCapBytes: logCapBytes.unwrap().optional(),
    /** A name or peer id, or a unique part of either, of at least four characters. */
    node: z.string().min(1).max(253).optional(),
  }),
  count: z.int().min(1).max(TASK_LIMITS.tasksPerJob).default(1),
  /** Queued tasks fail with `NoCapableNodes` after this. */
  placeTimeoutMs: z
    .int()
    .min(1, 'expected at least 1 millisecond')
    .max(TASK_LIMITS.placeTimeoutMs, 'expected milliseconds, at most 30 days')
    .optional(),
  /**
   * Clusters of the daemon to place it in: in the one with the best bid, and of equals in the one named first.
   * @default the one that is asked
   */
  clusters: z.array(z.string().max(63)).min(1).max(16).optional(),
})
export type JobRequest = z.infer<typeof JobRequest>
