/** What is stored of others' logs, as it is read again: the disk is not believed blindly either. */
import * as z from 'zod'
import type { Alarm, HeardHead } from '../audit/witness.ts'
import { AuditHead, MAX_PROOF_HASHES } from '../model/audit-exchange.ts'

/** Made when there is something to read: at the first start there is not. */
function makeSchemas() {
  const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')
  const Head = z.strictObject({ ...AuditHead.shape, epoch: z.int().min(0), seq: z.int().min(0), record: Bytes })
  const Alarmed = z.strictObject({
    what: z.enum(['forked', 'shrunk', 'inconsistent']),
    atMs: z.number(),
    first: Head,
    second: Head,
    path: z.array(Bytes).max(MAX_PROOF_HASHES),
  })
  return { Head, Alarmed }
}

let schemas: ReturnType<typeof makeSchemas> | undefined

/** A stored head; undefined when it does not fit any more. */
export function readHead(doc: unknown): HeardHead | undefined {
  return (schemas ??= makeSchemas()).Head.safeParse(doc).data
}

/** A stored alarm; undefined when it does not fit any more. */
export function readAlarm(doc: unknown): Alarm | undefined {
  return (schemas ??= makeSchemas()).Alarmed.safeParse(doc).data
}
