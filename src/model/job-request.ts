/** What is asked of a daemon that is to place tasks. */
import * as z from 'zod'
import { DEFAULT_TASK, TASK_LIMITS, TaskSpec } from './task.ts'

/** `POST /v1/jobs`: what `althing run` sends. */
export const JobRequest = z.strictObject({
  spec: TaskSpec,
  count: z.int().min(1).max(TASK_LIMITS.tasksPerJob).default(1),
  /** Queued tasks fail with `NoCapableNodes` after this. Default: a day. */
  placeTimeoutMs: z
    .int()
    .min(1, 'expected at least 1 millisecond')
    .max(TASK_LIMITS.placeTimeoutMs, 'expected milliseconds, at most 30 days')
    .default(DEFAULT_TASK.placeTimeoutMs),
})
export type JobRequest = z.infer<typeof JobRequest>
