/** What can be asked of a node beside tasks: to take no new ones, to let go of those it has, to take them again. */
import * as z from 'zod'
import { CordonBy, CordonReason, CordonView } from './cordon.ts'
import { TASK_LIMITS } from './defaults.ts'
import { AttemptRef, Id } from './negotiation.ts'

/** One of these. */
export const Operation = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('cordon'), reason: CordonReason.optional() }),
  z.strictObject({ name: z.literal('uncordon') }),
  z.strictObject({
    name: z.literal('drain'),
    reason: CordonReason.optional(),
    /** From now on; what still runs then is ended and tried on other nodes. Absent: it is waited for. */
    deadlineMs: z.int().min(0).max(TASK_LIMITS.timeoutMs).optional(),
  }),
])
export type Operation = z.infer<typeof Operation>

/** `POST /v1/operations`. */
export const OperationRequest = z.strictObject({
  operation: Operation,
  /** Who asks, for people; whoever reaches the API may say anything. */
  by: CordonBy,
  /** Nothing is done: the answer tells what a drain would have to wait for, or end. */
  dryRun: z.boolean().default(false),
})
export type OperationRequest = z.infer<typeof OperationRequest>

/** Tasks that an answer names; the others are counted. */
export const MAX_TOLD_TASKS = 50

/** A task that is on the node. */
export const ToldTask = z.strictObject({
  taskId: Id,
  attempt: AttemptRef.shape.attempt,
  /** Peer id of its submitter. */
  submitter: z.string().min(1).max(64),
  /** Absent until it has started. */
  startedAtMs: z.int().min(0).optional(),
})
export type ToldTask = z.infer<typeof ToldTask>

/** Answer to `POST /v1/operations`: how the node stands then. */
export const OperationView = z.strictObject({
  node: z.string(),
  name: z.string(),
  /** Absent: it takes new tasks. */
  cordon: CordonView.optional(),
  /** What is on it, at most so many as `MAX_TOLD_TASKS`. */
  tasks: z.array(ToldTask.extend({ submitterName: z.string() })),
  leftOut: z.int(),
})
export type OperationView = z.infer<typeof OperationView>
