/**
 * What is written into the audit log: one event each, as canonical dag-cbor. An event says what its author did, saw or
 * was told, with the ids by which others tell the same story: offer and bid, task and attempt.
 */
import * as z from 'zod'
import { AttemptRef, DeclineReason, Id } from './negotiation.ts'
import { TASK_LIMITS, TaskExit, TaskState } from './task.ts'

/** The largest event, encoded. What may be long in it is cut by `AUDIT_TEXT` and `AUDIT_REASONS`. */
export const MAX_EVENT_BYTES = 4 * 1024
/** Characters of a text in an event: with three bytes each and all reasons it stays below the cap. */
export const AUDIT_TEXT = 128
/** Reasons of a decline that are kept; `why` has them all. */
export const AUDIT_REASONS = 4

const Peer = z.string().min(1).max(64)
const Text = z.string().max(AUDIT_TEXT)
const Slots = z.int().min(1).max(TASK_LIMITS.tasksPerJob)
const peer = { peer: Peer }
const attempt = { ...AttemptRef.shape, peer: Peer }
const offer = { offerId: Id, peer: Peer }
const Reason = z.strictObject({ constraint: DeclineReason.shape.constraint, wanted: Text, measured: Text })

/**
 * An event of one type. `atMs`: Unix milliseconds by the wall clock of the author, which may be set back; the order of
 * events is their place in the log, and between nodes that of offer, bid and award.
 */
function event<Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) {
  return z.strictObject({ type: z.literal(type), atMs: z.int().min(0), ...shape })
}

/** `sent` and `received` are the two ends of one message; `peer` is the other end. */
export const AuditEvent = z.discriminatedUnion('type', [
  // Lifecycle of the daemon itself. `open`: it takes tasks of anyone.
  event('daemon.started', { epoch: z.int().min(0), version: Text, open: z.boolean() }),
  event('daemon.stopped', {}),
  // Who is there. `left`: it said so. `offline`: it is missed. `quarantined`: it signed two things under one number.
  event('member.joined', peer),
  event('member.left', peer),
  event('member.offline', peer),
  event('member.quarantined', peer),
  // Too many vanished at once: nothing is given up until it is off again.
  event('brake.on', {}),
  event('brake.off', {}),
  // Whose tasks run here, and what this node says of itself beside its hardware.
  event('trust.added', peer),
  event('trust.removed', peer),
  event('passport.applied', { name: z.string().max(320) }),
  // Bargaining. An event of a job concerns all its tasks.
  event('job.submitted', { jobId: Id, tasks: Slots }),
  event('offer.sent', { ...offer, jobId: Id, slots: Slots }),
  event('offer.received', { ...offer, jobId: Id, slots: Slots }),
  event('bid.sent', { ...offer, bidId: Id, slots: Slots }),
  event('bid.received', { ...offer, bidId: Id, slots: Slots }),
  event('decline.sent', { ...offer, reasons: z.array(Reason).max(AUDIT_REASONS) }),
  event('decline.received', { ...offer, reasons: z.array(Reason).max(AUDIT_REASONS) }),
  event('award.sent', { ...attempt, offerId: Id, bidId: Id }),
  event('contract.sent', { ...attempt, offerId: Id, bidId: Id }),
  event('contract.received', { ...attempt, bidId: Id }),
  event('refusal.sent', { ...attempt, bidId: Id, reason: Text }),
  event('refusal.received', { ...attempt, bidId: Id, reason: Text }),
  // Work. The first two by the executor, the others by the submitter; `peer` is the other one.
  event('run.started', attempt),
  event('run.ended', { ...attempt, exitCode: TaskExit.shape.exitCode, killedFor: TaskExit.shape.killedFor }),
  event('attempt.lost', { ...attempt, reason: Text }),
  event('task.ended', { taskId: Id, state: TaskState, exitCode: TaskExit.shape.exitCode }),
  // The result is safe with the submitter; the executor drops its own.
  event('settlement.sent', attempt),
  event('settlement.received', attempt),
  event('cancel.asked', { taskId: Id }),
  event('cancel.received', { ...attempt, why: z.enum(['cancelled', 'lost']) }),
  // The logs themselves. `omitted`: so many events of strangers, or beyond what can be held back, were not written.
  // `alarm`: the log of a peer contradicts itself. `accepted`: somebody here knows why.
  event('audit.omitted', { count: z.int().min(1), peer: Peer.optional() }),
  event('audit.accepted', peer),
  event('audit.alarm', { peer: Peer, what: z.enum(['forked', 'shrunk', 'inconsistent']) }),
])
export type AuditEvent = z.infer<typeof AuditEvent>

/** The types there are. */
export type AuditType = AuditEvent['type']
/** The types there are, for whoever asks for some of them. */
export const AUDIT_TYPES: readonly AuditType[] = AuditEvent.options.map((option) => option.shape.type.value)

/** An event before it is written: whoever writes it adds the time. */
export type AuditDraft = { [T in AuditType]: Omit<Extract<AuditEvent, { type: T }>, 'atMs'> }[AuditType]

/** What an event is looked up by; null where it has none. */
export interface Subjects {
  readonly taskId: string | null
  readonly offerId: string | null
  readonly jobId: string | null
}

/** What `event` is about. */
export function subjectsOf(event: AuditEvent): Subjects {
  return {
    taskId: 'taskId' in event ? event.taskId : null,
    offerId: 'offerId' in event ? event.offerId : null,
    jobId: 'jobId' in event ? event.jobId : null,
  }
}
