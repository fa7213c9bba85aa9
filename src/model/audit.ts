/**
 * What is written into the audit log: one event each, as canonical dag-cbor. An event says what its author did, saw or
 * was told, with the ids by which others tell the same story: offer and bid, task and attempt.
 */
import * as z from 'zod'
import { ACCESS_ROLES } from './access.ts'
import { Sha256Hex } from './identifiers.ts'
import { AttemptRef, DeclineReason, Id } from './negotiation.ts'
import { CONFIGURATION_LIMITS } from './settings.ts'
import { OPERATION_NAMES } from './operation.ts'
import { TASK_LIMITS, TaskExit, TaskState } from './task.ts'

/** The format that the first line of an exported log names. */
export const AUDIT_FORMAT = 'althing-audit/1'
/** The largest event, encoded. What may be long in it is cut by `AUDIT_TEXT` and `AUDIT_REASONS`. */
export const MAX_EVENT_BYTES = 4 * 1024
/** Characters of a text in an event: with three bytes each and all reasons it stays below the cap. */
export const AUDIT_TEXT = 128
/** Entries of a fork, and keys that signed more than one of them, that are kept; `gov log` has them all. */
export const AUDIT_FORK_ENTRIES = 8
export const AUDIT_FORK_SIGNERS = 16
/** Reasons of a decline that are kept; `why` has them all. */
export const AUDIT_REASONS = 4

/**
 * An event of one type. `atMs`: Unix milliseconds by the wall clock of the author, which may be set back; the order of
 * events is their place in the log, and between nodes that of offer, bid and award.
 */
function eventOf<Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) {
  return z.strictObject({ type: z.literal(type), atMs: z.int().min(0), ...shape })
}

/** Made when first needed: a daemon that nobody asks for its events only writes them. */
function makeSchema() {
  const Peer = z.string().min(1).max(64)
  const Text = z.string().max(AUDIT_TEXT)
  const asked = { by: Text, peer: Peer.optional() }
  const Slots = z.int().min(1).max(TASK_LIMITS.tasksPerJob)
  const peer = { peer: Peer }
  const attempt = { ...AttemptRef.shape, peer: Peer }
  const statement = { statement: Sha256Hex }
  const configuration = { ...statement, version: z.int().min(1) }
  const offer = { offerId: Id, peer: Peer }
  const Reason = z.strictObject({ constraint: DeclineReason.shape.constraint, wanted: Text, measured: Text })
  return z.discriminatedUnion('type', [
    // Lifecycle of the daemon itself. `open`: it takes tasks of anyone.
    eventOf('daemon.started', { epoch: z.int().min(0), version: Text, open: z.boolean() }),
    eventOf('daemon.stopped', {}),
    // Who is there. `left`: it said so. `offline`: it is missed. `quarantined`: it signed two things under one number.
    eventOf('member.joined', peer),
    eventOf('member.left', peer),
    eventOf('member.offline', peer),
    eventOf('member.quarantined', peer),
    // Where this node belongs. `cluster`: the hash of the genesis, which is its id.
    eventOf('cluster.founded', { cluster: Sha256Hex }),
    eventOf('cluster.joined', { cluster: Sha256Hex, peer: Peer }),
    eventOf('cluster.left', { cluster: Sha256Hex }),
    // Who belongs. `statement`: the hash by which every member knows what was signed; `by`: who signed it. `void`: it
    // did not count when it came, as that of one enroller about another, whom the admins alone expel.
    eventOf('member.admitted', { ...peer, ...statement, by: Peer, ticket: Sha256Hex.optional() }),
    eventOf('member.revoked', { ...peer, ...statement, by: Peer, void: z.literal(true).optional() }),
    eventOf('member.rotated', { ...peer, ...statement, to: Peer }),
    eventOf('member.expired', peer),
    eventOf('ticket.made', { ticket: Sha256Hex, expiresAtMs: z.int().min(0), peer: Peer.optional() }),
    eventOf('ticket.redeemed', { ticket: Sha256Hex, peer: Peer }),
    eventOf('ticket.refused', { ticket: Sha256Hex, peer: Peer, reason: Text }),
    // What the admins decided. `applied`: part of the log from now on; `beside`: valid, and not part of it. `frozen`:
    // so many entries follow one, and these admins signed more than one of them. `refused`: a statement does not count.
    eventOf('gov.applied', { ...statement, height: z.int().min(1), change: Text }),
    eventOf('gov.beside', { ...statement, height: z.int().min(1), change: Text }),
    eventOf('gov.frozen', {
      ...statement,
      entries: z.array(Sha256Hex).max(AUDIT_FORK_ENTRIES),
      peers: z.array(Peer).max(AUDIT_FORK_SIGNERS),
    }),
    // On their way to enough signatures: first heard of, signed by one more, refused by one more.
    eventOf('gov.proposed', { ...statement, height: z.int().min(1), change: Text }),
    eventOf('gov.signed', { ...statement, by: Peer }),
    eventOf('gov.opposed', { ...statement, by: Peer }),
    eventOf('gov.refused', { ...statement, reason: Text, peer: Peer.optional() }),
    // What may run here. `stopped`: a task that may not go on, or never starts. `draining`: one that may still end.
    eventOf('policy.applied', { name: Text, version: z.int().min(1), sha256: Sha256Hex, by: Text }),
    eventOf('policy.removed', { version: z.int().min(1), by: Text }),
    eventOf('policy.stopped', { ...attempt, reason: Text }),
    eventOf('policy.draining', { ...attempt, reason: Text }),
    // Settings of the cluster, each under the entry and the version it came by. `applied`: they hold everywhere.
    // `trial`: some members try them first; `canary`: this node does. `well`, `unwell`: what this node signed of the
    // canary `peer`. `promoted`: all are well. `rolled-back`: `peer` is not, as these say; what was before holds again.
    eventOf('config.applied', configuration),
    eventOf('config.trial', { ...configuration, canary: z.boolean() }),
    eventOf('config.well', { ...configuration, ...peer, reason: Text }),
    eventOf('config.unwell', { ...configuration, ...peer, reason: Text }),
    eventOf('config.promoted', configuration),
    eventOf('config.rolled-back', {
      ...configuration,
      ...peer,
      peers: z.array(Peer).min(1).max(CONFIGURATION_LIMITS.witnesses),
      reason: Text,
    }),
    // Whether new tasks are taken here; `by` in words, `peer` where it was a member, from elsewhere. `drain.stopped`:
    // a task that still ran at the deadline. `drain.ended`: nothing runs here any more.
    eventOf('node.cordoned', { ...asked, reason: Text.optional() }),
    eventOf('node.uncordoned', asked),
    eventOf('drain.begun', { ...asked, reason: Text.optional(), withinMs: z.int().min(0).optional() }),
    eventOf('drain.stopped', { ...attempt, reason: Text }),
    eventOf('drain.ended', { ...asked, reason: Text.optional() }),
    // A member asked for it from elsewhere, and may not.
    eventOf('operation.refused', { ...peer, operation: z.enum(OPERATION_NAMES), reason: Text }),
    // Too many vanished at once: nothing is given up until it is off again.
    eventOf('brake.on', {}),
    eventOf('brake.off', {}),
    // Whose tasks run here, and what this node says of itself beside its hardware.
    eventOf('trust.added', peer),
    eventOf('trust.removed', peer),
    eventOf('passport.applied', { name: z.string().max(320) }),
    // Who may use the local API. `token` is its id, which is no secret.
    eventOf('token.created', { token: z.string().max(16), name: Text, role: z.enum(ACCESS_ROLES) }),
    eventOf('token.revoked', { token: z.string().max(16), name: Text, role: z.enum(ACCESS_ROLES) }),
    // Bargaining. An event of a job concerns all its tasks.
    eventOf('job.submitted', { jobId: Id, tasks: Slots }),
    eventOf('offer.sent', { ...offer, jobId: Id, slots: Slots }),
    eventOf('offer.received', { ...offer, jobId: Id, slots: Slots }),
    eventOf('bid.sent', { ...offer, bidId: Id, slots: Slots }),
    eventOf('bid.received', { ...offer, bidId: Id, slots: Slots }),
    eventOf('decline.sent', { ...offer, reasons: z.array(Reason).max(AUDIT_REASONS) }),
    eventOf('decline.received', { ...offer, reasons: z.array(Reason).max(AUDIT_REASONS) }),
    eventOf('award.sent', { ...attempt, offerId: Id, bidId: Id }),
    eventOf('contract.sent', { ...attempt, offerId: Id, bidId: Id }),
    eventOf('contract.received', { ...attempt, bidId: Id }),
    eventOf('refusal.sent', { ...attempt, bidId: Id, reason: Text }),
    eventOf('refusal.received', { ...attempt, bidId: Id, reason: Text }),
    // Work. The first two by the executor, the others by the submitter; `peer` is the other one.
    eventOf('run.started', attempt),
    eventOf('run.ended', { ...attempt, exitCode: TaskExit.shape.exitCode, killedFor: TaskExit.shape.killedFor }),
    eventOf('attempt.lost', { ...attempt, reason: Text }),
    eventOf('task.ended', { taskId: Id, state: TaskState, exitCode: TaskExit.shape.exitCode }),
    // The result is safe with the submitter; the executor drops its own.
    eventOf('settlement.sent', attempt),
    eventOf('settlement.received', attempt),
    eventOf('cancel.asked', { taskId: Id }),
    eventOf('cancel.received', { ...attempt, why: z.enum(['cancelled', 'lost']) }),
    // The logs themselves. `omitted`: so many events of strangers, or beyond what can be held back, were not written.
    // `alarm`: the log of a peer contradicts itself. `accepted`: somebody here knows why.
    eventOf('audit.omitted', { count: z.int().min(1), peer: Peer.optional() }),
    eventOf('audit.accepted', peer),
    eventOf('audit.alarm', { peer: Peer, what: z.enum(['forked', 'shrunk', 'inconsistent']) }),
  ])
}

let schema: ReturnType<typeof makeSchema> | undefined

/** The schema of all events. `sent` and `received` are the two ends of one message; `peer` is the other end. */
export function auditEvent(): ReturnType<typeof makeSchema> {
  return (schema ??= makeSchema())
}
/** One event, with its time. */
export type AuditEvent = z.infer<ReturnType<typeof makeSchema>>

/** The types there are. */
export type AuditType = AuditEvent['type']

/** The types there are, for whoever asks for some of them. */
export function auditTypes(): AuditType[] {
  return auditEvent().options.map((option) => option.shape.type.value)
}

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
