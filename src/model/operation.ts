/** What can be asked of a node beside tasks: to take no new ones, to let go of those it has, to take them again. */
import * as z from 'zod'
import { CordonBy, CordonReason, CordonView } from './cordon.ts'
import { TASK_LIMITS } from './defaults.ts'
import { AttemptRef, DECLINE_TEXT, Id } from './negotiation.ts'
import { POLICY_LEVELS } from './policy-levels.ts'

/** The names there are. */
export const OPERATION_NAMES = ['cordon', 'uncordon', 'drain'] as const

/** One of them, and how. */
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
  /** A name or peer id, or a unique part of either. @default this node */
  node: z.string().min(1).max(253).optional(),
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

const Nonce = z.int().min(0).max(0xffff_ffff)

/** A member asks another to do it, or with `dryRun` what would have to end. Unsigned: the link proves who asks. */
export const Operate = z.strictObject({ nonce: Nonce, operation: Operation, dryRun: z.boolean() })
export type Operate = z.infer<typeof Operate>

/** Why a level refuses it: rule and policy, and the values that it saw. */
export const OperationRefused = z.strictObject({
  wanted: z.string().max(DECLINE_TEXT),
  saw: z.string().max(DECLINE_TEXT),
})
export type OperationRefused = z.infer<typeof OperationRefused>

/** The answer. With `refusals` nothing was done, and nothing else is told. */
export const Operated = z.strictObject({
  nonce: Nonce,
  refusals: z.array(OperationRefused).max(POLICY_LEVELS.length),
  cordon: CordonView.optional(),
  tasks: z.array(ToldTask).max(MAX_TOLD_TASKS),
  leftOut: z.int().min(0),
})
export type Operated = z.infer<typeof Operated>
