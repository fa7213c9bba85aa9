/** The bodies of the local API's `/v1/audit`: events, proofs and verdicts. */
import * as z from 'zod'
import { AuditAlarmView } from './audit-alarm.ts'
import { auditEvent } from './audit.ts'

const Hex = z.string().regex(/^[0-9a-f]*$/)
const Base64 = z.base64()
const Position = z.int().min(0)

/**
 * What came of holding one head against a log. `unanswered`: its keeper gave no answer in time. `pruned`: what would
 * prove it was dropped with the oldest events, as it may be. `unknown`: it has not seen any head.
 */
export const AUDIT_OUTCOMES = [
  'consistent',
  'forked',
  'shrunk',
  'inconsistent',
  'pruned',
  'unanswered',
  'unknown',
] as const

/** What says which log something is in, and who signed it. */
export function signedHeadFields() {
  return {
    /** Peer id of the node that keeps the log. */
    node: z.string(),
    size: Position,
    /** Of the tree of RFC 6962, in hex. */
    root: Hex,
    /** The signed record (libp2p envelope) that says so. */
    signedHead: Base64,
  }
}

/** One event and its place in the log, from 0. */
export const AuditEntry = z.strictObject({ position: Position, event: auditEvent() })

/** `GET /v1/audit/events`: the newest first. */
export const AuditPage = z.strictObject({
  entries: z.array(AuditEntry),
  /** Where to go on (`before`); absent when all that match were given. */
  next: Position.optional(),
})

/** `GET /v1/audit/events/{position}`: an event with what proves it. */
export const AuditProofView = z.strictObject({
  ...signedHeadFields(),
  ...AuditEntry.shape,
  /** Its bytes, of which the leaf is the hash. */
  bytes: Base64,
  /** The audit path of RFC 6962, section 2.1.1, from the leaf up. */
  path: z.array(Hex),
})

/** One of `AUDIT_OUTCOMES`. */
export const AuditOutcome = z.enum(AUDIT_OUTCOMES)

/** A neighbour, and what came of holding its head against the log, or ours against its. */
export const AuditChecked = z.strictObject({
  peer: z.string(),
  name: z.string(),
  outcome: AuditOutcome,
  /** Of the head that was held against the log. */
  size: Position.optional(),
})

/** `POST /v1/audit/verifications`: the own log, held against its head and against what others saw; and theirs. */
export const AuditVerdict = z.strictObject({
  node: z.string(),
  /** Events of the log, and the oldest that is kept. */
  size: Position,
  oldest: Position,
  root: Hex,
  tookMs: z.int(),
  /** What is wrong with the own log; empty when each event, each stored hash and the root fit together. */
  problems: z.array(z.string()),
  /** Does this log continue the heads that neighbours saw of it? */
  seenByOthers: z.array(AuditChecked),
  /** Do the logs of neighbours continue the heads that were seen here? */
  others: z.array(AuditChecked),
  alarms: z.array(AuditAlarmView),
})

/** What one node has written of a task. */
export const AuditPart = z.strictObject({
  node: z.string(),
  name: z.string(),
  /** `proven`: signature and all proofs hold. `unproven`: they do not. `unanswered`: it did not answer. */
  outcome: z.enum(['proven', 'unproven', 'unanswered']),
  size: Position.optional(),
  root: Hex.optional(),
  signedHead: Base64.optional(),
  /** It has more than found room in its answer. */
  more: z.boolean(),
  entries: z.array(z.strictObject({ ...AuditEntry.shape, bytes: Base64, path: z.array(Hex) })),
})

/** `GET /v1/audit/tasks/{id}`: a task's story as each node involved has written it, this one first. */
export const AuditStory = z.strictObject({ taskId: z.string(), parts: z.array(AuditPart) })

export type AuditEntry = z.infer<typeof AuditEntry>
export type AuditPage = z.infer<typeof AuditPage>
export type AuditProofView = z.infer<typeof AuditProofView>
export type AuditOutcome = z.infer<typeof AuditOutcome>
export type AuditChecked = z.infer<typeof AuditChecked>
export type AuditVerdict = z.infer<typeof AuditVerdict>
export type AuditPart = z.infer<typeof AuditPart>
export type AuditStory = z.infer<typeof AuditStory>
