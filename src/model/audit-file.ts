/** An exported audit log: lines of JSON, the head first, that verify without the node they came from. */
import * as z from 'zod'
import { signedHeadFields } from './audit-view.ts'
import { AUDIT_FORMAT } from './audit.ts'

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Position = z.int().min(0)

/** First line of an exported log: where it begins, and the signed head it ends at. */
export const AuditFileHead = z.strictObject({
  format: z.literal(AUDIT_FORMAT),
  ...signedHeadFields(),
  /** Position of the first event in the file. */
  from: Position,
  /** Roots of the complete subtrees before it, the largest first: they stand for events that are not in the file. */
  peaks: z.array(Hash).max(64),
})
export type AuditFileHead = z.infer<typeof AuditFileHead>

/** Each further line: an event. */
export const AuditFileLine = z.strictObject({ position: Position, bytes: z.base64() })
export type AuditFileLine = z.infer<typeof AuditFileLine>
