/** The bodies of the local API's `/v1/audit`: events, proofs, verdicts, and the lines of an exported log. */
import * as z from 'zod'
import { auditEvent } from './audit.ts'

const Hex = z.string().regex(/^[0-9a-f]*$/)
const Base64 = z.base64()
const Position = z.int().min(0)

/** One event and its place in the log, from 0. */
export const AuditEntry = z.strictObject({ position: Position, event: z.lazy(auditEvent) })
export type AuditEntry = z.infer<typeof AuditEntry>

/** `GET /v1/audit/events`: the newest first. */
export const AuditPage = z.strictObject({
  entries: z.array(AuditEntry),
  /** Where to go on (`before`); absent when all that match were given. */
  next: Position.optional(),
})
export type AuditPage = z.infer<typeof AuditPage>

const head = {
  /** Peer id of the node that keeps the log. */
  node: z.string(),
  size: Position,
  /** Of the tree of RFC 6962, in hex. */
  root: Hex,
  /** The signed record (libp2p envelope) that says so. */
  signedHead: Base64,
}

/** `GET /v1/audit/events/{position}`: an event with what proves it. */
export const AuditProofView = z.strictObject({
  ...head,
  ...AuditEntry.shape,
  /** Its bytes, of which the leaf is the hash. */
  bytes: Base64,
  /** The audit path of RFC 6962, section 2.1.1, from the leaf up. */
  path: z.array(Hex),
})
export type AuditProofView = z.infer<typeof AuditProofView>

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
const Outcome = z.enum(AUDIT_OUTCOMES)
/** One of `AUDIT_OUTCOMES`. */
export type AuditOutcome = z.infer<typeof Outcome>

const Checked = z.strictObject({
  peer: z.string(),
  name: z.string(),
  outcome: Outcome,
  /** Of the head that was held against the log. */
  size: Position.optional(),
})
/** A neighbour, and what came of holding its head against the log, or ours against its. */
export type AuditChecked = z.infer<typeof Checked>

/** An alarm over the log of another node: it contradicts itself. The two signed records and the proof show it. */
export const AuditAlarmView = z.strictObject({
  peer: z.string(),
  name: z.string(),
  what: z.enum(['forked', 'shrunk', 'inconsistent']),
  /** By the wall clock of whoever found it. */
  atMs: z.int(),
  firstSize: Position,
  secondSize: Position,
  first: Base64,
  second: Base64,
  path: z.array(Hex),
})
export type AuditAlarmView = z.infer<typeof AuditAlarmView>

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
  seenByOthers: z.array(Checked),
  /** Do the logs of neighbours continue the heads that were seen here? */
  others: z.array(Checked),
  alarms: z.array(AuditAlarmView),
})
export type AuditVerdict = z.infer<typeof AuditVerdict>

/** What one node has written of a task. */
export const AuditPart = z.strictObject({
  node: z.string(),
  name: z.string(),
  /** `proven`: signature of the head and all proofs hold. `unproven`: they do not. `unanswered`: it did not answer. */
  outcome: z.enum(['proven', 'unproven', 'unanswered']),
  size: Position.optional(),
  root: Hex.optional(),
  signedHead: Base64.optional(),
  /** It has more than found room in its answer. */
  more: z.boolean(),
  entries: z.array(z.strictObject({ ...AuditEntry.shape, bytes: Base64, path: z.array(Hex) })),
})
export type AuditPart = z.infer<typeof AuditPart>

/** `GET /v1/audit/tasks/{id}`: a task's story as each node involved has written it, this one first. */
export const AuditStory = z.strictObject({ taskId: z.string(), parts: z.array(AuditPart) })
export type AuditStory = z.infer<typeof AuditStory>

/** The format that the first line of an exported log names. */
export const AUDIT_FORMAT = 'althing-audit/1'

/** First line of an exported log: where it begins, and the signed head it ends at. */
export const AuditFileHead = z.strictObject({
  format: z.literal(AUDIT_FORMAT),
  ...head,
  /** Position of the first event in the file. */
  from: Position,
  /** Roots of the complete subtrees before it, the largest first: they stand for events that are not in the file. */
  peaks: z.array(Hex.length(64)).max(64),
})
export type AuditFileHead = z.infer<typeof AuditFileHead>

/** Each further line: an event. */
export const AuditFileLine = z.strictObject({ position: Position, bytes: Base64 })
export type AuditFileLine = z.infer<typeof AuditFileLine>
