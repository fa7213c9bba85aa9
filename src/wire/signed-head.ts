/** Heads of audit logs as their authors signed them: read from the record they came in. */
import { AuditHead } from '../model/audit-exchange.ts'
import { Heartbeat } from '../model/heartbeat.ts'
import { openRecord } from './envelope.ts'
import { RECORD_MAX_BYTES } from './limits.ts'

/** A head and who signed it. */
export interface SignedHead extends AuditHead {
  readonly author: string
  /** When, by the clock of whoever signed it: Unix milliseconds. */
  readonly atMs: number
}

/** The head of a heartbeat or of a record of its own; undefined when it does not verify, or there is none in it. */
export function readSignedHead(record: Uint8Array, kind: 'heartbeat' | 'audit-head'): SignedHead | undefined {
  try {
    // Kept for as long as anybody likes: its time is not that of the clock.
    const expect = { kinds: kind, maxBytes: RECORD_MAX_BYTES[kind], wallNowMs: Number.MAX_SAFE_INTEGER }
    const { body, author, hlc } = openRecord(record, expect)
    const head = kind === 'heartbeat' ? Heartbeat.parse(body).audit : AuditHead.parse(body)
    return head && { ...head, author, atMs: hlc }
  } catch {
    return undefined
  }
}
