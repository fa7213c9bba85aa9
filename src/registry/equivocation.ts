/**
 * Catching authors who give two records the same number (invariant 4).
 *
 * What is compared is whole envelopes: `wire/envelope-format.ts` sees to it that nobody but the author
 * can make a second one that verifies.
 */
import type { VerifiedRecord } from '../wire/envelope.ts'
import { dropEntry, isNewer, sameNumber } from './state.ts'
import {
  REGISTRY_LIMITS,
  type Author,
  type Proof,
  type Recent,
  type RegistryEffects,
  type RegistryState,
} from './types.ts'

/**
 * A record of the same kind and number with another hash: among those seen lately, those that count now, and the last
 * that was older than all of them. A proof comes as two records, one right after the other, so it is confirmed by
 * itself, however much has been seen of its author since.
 */
export function findRival(state: RegistryState, author: Author, record: VerifiedRecord): Uint8Array | undefined {
  const contradicts = (other: Recent | VerifiedRecord) => sameNumber(other, record) && other.hash !== record.hash
  const seen = author.recent.get(record.kind)?.find(contradicts) ?? author.older.get(record.kind)
  if (seen !== undefined && contradicts(seen)) return seen.bytes
  for (const { record: other } of author.passports.values()) {
    if (other.kind === record.kind && contradicts(other)) return other.bytes
  }
  return undefined
}

/**
 * Remembers a record. The highest numbers are kept rather than the latest arrivals: replaying old
 * records must not push out what a contradiction would be noticed by.
 * @returns whether exactly this record was remembered before
 */
export function remember(author: Author, record: VerifiedRecord): boolean {
  let recent = author.recent.get(record.kind)
  if (recent === undefined) {
    recent = []
    author.recent.set(record.kind, recent)
  }
  if (recent.some((other) => other.hash === record.hash)) return true
  const at = recent.findIndex((other) => isNewer(other, record))
  const { epoch, seq, hash, bytes } = record
  const seen: Recent = { epoch, seq, hash, bytes }
  recent.splice(at < 0 ? recent.length : at, 0, seen)
  if (recent.length > REGISTRY_LIMITS.recentPerKind && recent.shift() === seen) author.older.set(record.kind, seen)
  return false
}

/** Hides all of an author's records and takes nothing from it again; the proof is kept and persisted. */
export function quarantine(
  state: RegistryState,
  author: Author,
  record: VerifiedRecord,
  rival: Uint8Array,
  effects: RegistryEffects,
): void {
  const proof: Proof = { first: rival, second: record.bytes, name: machineName(author) }
  if (state.quarantined.size >= REGISTRY_LIMITS.quarantined) {
    const oldest = state.quarantined.keys().next().value!
    effects.persist.push({ collection: 'proof', key: oldest, doc: null })
  }
  state.quarantined.set(author.id, proof)
  effects.persist.push({ collection: 'proof', key: author.id, doc: proof })
  for (const entry of [...author.passports.values()]) {
    dropEntry(state, author, entry.key)
    effects.persist.push({ collection: 'record', key: entry.key, doc: null })
  }
  dropEntry(state, author, `${author.id}/heartbeat/`)
  author.beat = undefined
  author.recent.clear()
  author.older.clear()
  const { kind, epoch, seq } = record
  effects.events.push({ type: 'quarantined', peerId: author.id, kind, epoch, seq })
}

function machineName({ passports }: Author): string {
  for (const { body } of passports.values()) if (body.spec.node !== undefined) return body.metadata.name
  return ''
}
