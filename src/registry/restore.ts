/** Bringing the registry back from what was persisted (see `RegistryWrite`). */
import * as z from 'zod'
import type { VerifiedRecord } from '../wire/envelope.ts'
import { merge } from './merge.ts'
import { ensureAuthor, noEffects, raiseMark } from './state.ts'
import type { RegistryEffects, RegistryState } from './types.ts'

const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes')

/** A document of collection `record`. Its bytes must be opened (verified) again before they count. */
export const StoredRecord = z.strictObject({ bytes: Bytes, bornMs: z.int() })
export type StoredRecord = z.infer<typeof StoredRecord>

/** A document of collection `mark`; its key is `<author>/<kind>/<name>`. */
export const StoredMark = z.strictObject({ epoch: z.int().min(0), seq: z.int().min(0) })

/** A document of collection `proof`; its key is the author. */
export const StoredProof = z.strictObject({ first: Bytes, second: Bytes, name: z.string().max(253).default('') })

/** What the store holds of a registry. */
export interface Persisted {
  /** Opened again by the caller, with the birth that was stored. */
  readonly records: readonly { readonly record: VerifiedRecord; readonly bornMs: number }[]
  readonly marks: ReadonlyMap<string, unknown>
  readonly proofs: ReadonlyMap<string, unknown>
}

/**
 * Fills an empty registry. Documents that do not fit their schema are skipped: all this is a cache of
 * the mesh, and comes back through sync.
 * @returns writes that remove what has expired meanwhile; events are of no interest, nobody watches yet
 */
export function restore(state: RegistryState, persisted: Persisted, nowMs: number): RegistryEffects {
  const effects = noEffects()
  for (const [author, doc] of persisted.proofs) {
    const proof = StoredProof.safeParse(doc)
    if (proof.success) state.quarantined.set(author, proof.data)
  }
  for (const { record, bornMs } of persisted.records) {
    const { outcome } = merge(state, record, nowMs - bornMs, nowMs)
    if (outcome === 'new' || outcome === 'updated') continue
    effects.persist.push({ collection: 'record', key: `${record.author}/${record.kind}/${record.name}`, doc: null })
  }
  // After the records: a mark as high as its record would keep it out.
  for (const [key, doc] of persisted.marks) {
    const mark = StoredMark.safeParse(doc)
    const slash = key.indexOf('/')
    if (!mark.success || slash < 0) continue
    const author = ensureAuthor(state, key.slice(0, slash), effects)
    if (author !== undefined) raiseMark(state, author, key.slice(slash + 1), mark.data, effects)
  }
  return effects
}
