/**
 * An exported audit log: lines of JSON that verify without the node they came from. The head comes first; then, of a
 * member of a cluster, the genesis and what was signed in it, by which anybody finds out whether it was one; then the
 * events.
 */
import * as z from 'zod'
import { signedHeadFields } from './audit-view.ts'
import { AUDIT_FORMAT } from './audit.ts'
import { Sha256Hex } from './identifiers.ts'

const Position = z.int().min(0)

/** First line of an exported log: where it begins, and the signed head it ends at. */
export const AuditFileHead = z.strictObject({
  format: z.literal(AUDIT_FORMAT),
  ...signedHeadFields(),
  /** Position of the first event in the file. */
  from: Position,
  /** Roots of the complete subtrees before it, the largest first: they stand for events that are not in the file. */
  peaks: z.array(Sha256Hex).max(64),
})
export type AuditFileHead = z.infer<typeof AuditFileHead>

/** A line of a member's log: the genesis of its cluster. The hash of what it says is the cluster's id. */
export const AuditFileGenesis = z.strictObject({ genesis: z.base64url().max(16 * 1024) })
export type AuditFileGenesis = z.infer<typeof AuditFileGenesis>

/** A line after that one: a statement of the log of governance, or of the roster. An entry has 64 KiB at most. */
export const AuditFileStatement = z.strictObject({ statement: z.base64url().max(96 * 1024) })
export type AuditFileStatement = z.infer<typeof AuditFileStatement>

/** Each further line: an event. */
export const AuditFileLine = z.strictObject({ position: Position, bytes: z.base64() })
export type AuditFileLine = z.infer<typeof AuditFileLine>
