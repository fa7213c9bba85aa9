/** Events of the audit log as the bytes whose hashes its tree is made of. */
import { auditEvent, MAX_EVENT_BYTES, type AuditEvent } from '../model/audit.ts'
import { decode, encode } from './codec.ts'
import { WireError } from './errors.ts'

/** @throws WireError `too-large`, or `malformed` for what the codec does not carry */
export function encodeEvent(event: AuditEvent): Uint8Array {
  const bytes = encode(event)
  if (bytes.length > MAX_EVENT_BYTES)
    throw new WireError('too-large', `an event of ${bytes.length} bytes; at most ${MAX_EVENT_BYTES} are allowed`)
  return bytes
}

/** @throws WireError for bytes that are too many, not canonical, or no event this version knows */
export function decodeEvent(bytes: Uint8Array): AuditEvent {
  const parsed = auditEvent().safeParse(decode(bytes, MAX_EVENT_BYTES))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new WireError('malformed', `no event: ${issue?.path.join('.')}: ${issue?.message}`)
}
