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

/** Made when first needed: a daemon that nobody asks for its audit does without. */
function makeViews() {
  /** One event and its place in the log, from 0. */
  const AuditEntry = z.strictObject({ position: Position, event: z.lazy(auditEvent) })

  /** `GET /v1/audit/events`: the newest first. */
  const AuditPage = z.strictObject({
    entries: z.array(AuditEntry),
    /** Where to go on (`before`); absent when all that match were given. */
    next: Position.optional(),
  })

  /** `GET /v1/audit/events/{position}`: an event with what proves it. */
  const AuditProofView = z.strictObject({
    ...signedHeadFields(),
    ...AuditEntry.shape,
    /** Its bytes, of which the leaf is the hash. */
    bytes: Base64,
    /** The audit path of RFC 6962, section 2.1.1, from the leaf up. */
    path: z.array(Hex),
  })

  const Outcome = z.enum(AUDIT_OUTCOMES)

  const Checked = z.strictObject({
    peer: z.string(),
    name: z.string(),
    outcome: Outcome,
    /** Of the head that was held against the log. */
    size: Position.optional(),
  })

  /** `POST /v1/audit/verifications`: the own log, held against its head and against what others saw; and theirs. */
  const AuditVerdict = z.strictObject({
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

  /** What one node has written of a task. */
  const AuditPart = z.strictObject({
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
  const AuditStory = z.strictObject({ taskId: z.string(), parts: z.array(AuditPart) })
  return { AuditEntry, AuditPage, AuditProofView, AuditVerdict, AuditStory, AuditPart, Checked, Outcome }
}

type Views = ReturnType<typeof makeViews>
let views: Views | undefined

/** The schemas of all bodies, by name. */
export function auditViews(): Views {
  return (views ??= makeViews())
}

/** One event and its place in the log. */
export type AuditEntry = z.infer<Views['AuditEntry']>
/** A page of events. */
export type AuditPage = z.infer<Views['AuditPage']>
/** An event with what proves it. */
export type AuditProofView = z.infer<Views['AuditProofView']>
/** One of `AUDIT_OUTCOMES`. */
export type AuditOutcome = z.infer<Views['Outcome']>
/** A neighbour, and what came of holding its head against the log, or ours against its. */
export type AuditChecked = z.infer<Views['Checked']>
/** What verifying found. */
export type AuditVerdict = z.infer<Views['AuditVerdict']>
/** What one node has written of a task. */
export type AuditPart = z.infer<Views['AuditPart']>
/** The story of a task. */
export type AuditStory = z.infer<Views['AuditStory']>
