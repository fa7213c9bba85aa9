/** What is stored of others' logs, as it is read again: the disk is not believed blindly either. */
import * as z from 'zod'
import { AuditHead, MAX_PROOF_HASHES } from '../model/audit-exchange.ts'

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')

/** A head and the record it was signed in. */
export const StoredHead = z.strictObject({
  ...AuditHead.shape,
  epoch: z.int().min(0),
  seq: z.int().min(0),
  record: Bytes,
})

/** An alarm with what shows it. */
export const StoredAlarm = z.strictObject({
  what: z.enum(['forked', 'shrunk', 'inconsistent']),
  atMs: z.number(),
  first: StoredHead,
  second: StoredHead,
  path: z.array(Bytes).max(MAX_PROOF_HASHES),
})
