/** Events as the bytes whose hashes the tree is made of, and what an event is looked up by. */
import { AuditEvent, MAX_EVENT_BYTES } from '../model/audit.ts'
import { decode, encode } from '../wire/codec.ts'
import { WireError } from '../wire/errors.ts'

/** @throws WireError `too-large`, or `malformed` for what the codec does not carry */
export function encodeEvent(event: AuditEvent): Uint8Array {
  const bytes = encode(event)
  if (bytes.length > MAX_EVENT_BYTES)
    throw new WireError('too-large', `an event of ${bytes.length} bytes; at most ${MAX_EVENT_BYTES} are allowed`)
  return bytes
}

/** @throws WireError for bytes that are too many, not canonical, or no event this version knows */
export function decodeEvent(bytes: Uint8Array): AuditEvent {
  const parsed = AuditEvent.safeParse(decode(bytes, MAX_EVENT_BYTES))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new WireError('malformed', `no event: ${issue?.path.join('.')}: ${issue?.message}`)
}

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
