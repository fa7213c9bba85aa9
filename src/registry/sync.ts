/**
 * Anti-entropy: what gossip lost, two members make up for between them. The messages are described in
 * `model/sync.ts`; every function here turns one of them into the answer to it.
 *
 * `digest` → their `answerBuckets` or `answerDigest` → our `merge`, `supply` and, for a list, `answerDigest`.
 * Nothing is remembered between messages, so a lost one costs a round and no more.
 */
import {
  SYNC_LIMITS,
  type SyncBuckets,
  type SyncDigest,
  type SyncEntry,
  type SyncRecords,
  type SyncWant,
} from '../model/sync.ts'
import type { Rng } from '../util/rng.ts'
import { leaseMsOf } from './liveness.ts'
import { isNewer } from './state.ts'
import type { Entry, RegistryState } from './types.ts'

/** The opening of a round, and the answer to sums: shaped as control messages. */
export type SyncOpening =
  | { readonly t: 'sync-buckets'; readonly body: SyncBuckets }
  | { readonly t: 'sync-digest'; readonly body: SyncDigest }

const HASH_PREFIX = 16
/** Encoded size of an entry beside its texts: heads, two integers, hash. */
const ENTRY_OVERHEAD_BYTES = 48

/** What members compare: everything but what is set apart. */
function* compared({ records, apart }: RegistryState): Iterable<Entry> {
  for (const entry of records.values()) if (!apart.has(entry.record.author)) yield entry
}

/** What we have: a list when it is short, sums otherwise. The first message of a round. */
export function digest(state: RegistryState): SyncOpening {
  if (state.records.size <= SYNC_LIMITS.listAll) {
    return { t: 'sync-digest', body: { scope: 'all', authors: group(compared(state)), more: false } }
  }
  return { t: 'sync-buckets', body: { sums: encodeSums(state.sums) } }
}

/**
 * What we have in some buckets: asks for all else that is in them.
 * @param scope buckets, of which as many go as fit, the first always
 */
export function digestOf(state: RegistryState, scope: readonly number[]): SyncDigest {
  const byBucket = new Map<number, Entry[]>(scope.map((bucket) => [bucket, []]))
  for (const entry of compared(state)) byBucket.get(entry.bucket)?.push(entry)
  const [fitting, listed] = takeFitting(byBucket, SYNC_LIMITS.partBytes)
  return { scope: fitting, authors: group(listed), more: false }
}

function encodeSums(sums: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(SYNC_LIMITS.buckets * SYNC_LIMITS.sumBytes)
  const view = new DataView(bytes.buffer)
  sums.forEach((word, i) => view.setUint32(4 * i, word))
  return bytes
}

function group(entries: Iterable<Entry>): SyncDigest['authors'] {
  const authors = new Map<string, SyncEntry[]>()
  for (const { record } of entries) {
    const entry: SyncEntry = [record.kind, record.name, record.epoch, record.seq, record.hash.slice(0, HASH_PREFIX)]
    const known = authors.get(record.author)
    if (known === undefined) authors.set(record.author, [entry])
    else known.push(entry)
  }
  return [...authors]
}

function sizeInDigest({ record }: Entry): number {
  return record.author.length + record.kind.length + record.name.length + ENTRY_OVERHEAD_BYTES
}

/**
 * Our list of the buckets whose sums differ from theirs; undefined when all agree. As many buckets as fit,
 * from a random one on, so that no bucket is always the last.
 */
export function answerBuckets(state: RegistryState, theirs: SyncBuckets, rng: Rng): SyncDigest | undefined {
  const ours = encodeSums(state.sums)
  const differing = new Map<number, Entry[]>()
  const start = rng.int(SYNC_LIMITS.buckets)
  for (let i = 0; i < SYNC_LIMITS.buckets; i++) {
    const bucket = (start + i) % SYNC_LIMITS.buckets
    if (sumDiffers(ours, theirs.sums, bucket)) differing.set(bucket, [])
  }
  if (differing.size === 0) return undefined
  for (const entry of compared(state)) differing.get(entry.bucket)?.push(entry)

  const [scope, listed] = takeFitting(differing, SYNC_LIMITS.listBytes)
  return { scope, authors: group(listed), more: scope.length < differing.size }
}

/** As many buckets as fit a list of so many bytes, and what is in them. */
function takeFitting(buckets: ReadonlyMap<number, readonly Entry[]>, mostBytes: number): [number[], Entry[]] {
  const scope: number[] = []
  const listed: Entry[] = []
  const authors = new Set<string>()
  let bytes = 0
  for (const [bucket, entries] of buckets) {
    const added = entries.reduce((sum, entry) => sum + sizeInDigest(entry), 0)
    for (const entry of entries) authors.add(entry.record.author)
    // One bucket always goes, so that a round gets somewhere; 50,000 records put about 200 into each.
    if (scope.length > 0 && (bytes + added > mostBytes || authors.size > SYNC_LIMITS.authors)) break
    scope.push(bucket)
    listed.push(...entries)
    bytes += added
  }
  return [scope, listed]
}

function sumDiffers(a: Uint8Array, b: Uint8Array, bucket: number): boolean {
  const at = bucket * SYNC_LIMITS.sumBytes
  for (let i = at; i < at + SYNC_LIMITS.sumBytes; i++) if (a[i] !== b[i]) return true
  return false
}

/**
 * What they lack, and what we want of theirs.
 *
 * An author that we quarantined and they still list gets them both records of the proof: they will
 * find the contradiction themselves, and need not believe us.
 */
export function answerDigest(state: RegistryState, theirs: SyncDigest, nowMs: number, rng: Rng): SyncRecords {
  const { scope } = theirs
  const listed = new Map<string, SyncEntry>()
  const wants: SyncWant[] = []
  const proofs: Uint8Array[] = []
  let wantsLeftOut = false
  for (const [author, entries] of theirs.authors) {
    const proof = state.quarantined.get(author)
    if (proof !== undefined) proofs.push(proof.first, proof.second)
    for (const entry of entries) {
      listed.set(`${author}/${entry[0]}/${entry[1]}`, entry)
      if (proof !== undefined || !isWanted(state, author, entry)) continue
      if (wants.length < SYNC_LIMITS.wants) wants.push([author, entry[0], entry[1]])
      else wantsLeftOut = true
    }
  }
  const inScope =
    scope === 'all'
      ? () => true
      : (
          (buckets) => (entry: Entry) =>
            buckets.has(entry.bucket)
        )(new Set(scope))
  const missing: Entry[] = []
  for (const entry of compared(state)) {
    if (inScope(entry) && isMissing(entry, listed.get(entry.key))) missing.push(entry)
  }
  const parcel = pack(state, missing, proofs, nowMs, rng)
  const { part } = theirs
  const more = parcel.more || wantsLeftOut || theirs.more
  return { ...parcel, wants, more, ...(part !== undefined && { part }) }
}

/** Newer than anything taken under this name; or the same number with another hash, which proves equivocation. */
function isWanted(state: RegistryState, author: string, [kind, name, epoch, seq, hash]: SyncEntry): boolean {
  if (state.apart.has(author)) return false
  const mark = state.authors.get(author)?.marks.get(`${kind}/${name}`)
  if (mark === undefined || isNewer({ epoch, seq }, mark)) return true
  const ours = state.records.get(`${author}/${kind}/${name}`)?.record
  return ours !== undefined && ours.epoch === epoch && ours.seq === seq && !ours.hash.startsWith(hash)
}

function isMissing({ record }: Entry, listed: SyncEntry | undefined): boolean {
  if (listed === undefined) return true
  const [, , epoch, seq, hash] = listed
  if (isNewer(record, { epoch, seq })) return true
  return record.epoch === epoch && record.seq === seq && !record.hash.startsWith(hash)
}

/**
 * The records they asked for by name, as far as we have them and they fit. Of an author that was
 * quarantined since we listed it (by what they just sent, perhaps) they get the proof instead.
 */
export function supply(state: RegistryState, wants: readonly SyncWant[], nowMs: number, rng: Rng): SyncRecords {
  const entries: Entry[] = []
  const proofs = new Set<Uint8Array>()
  for (const [author, kind, name] of wants) {
    const proof = state.quarantined.get(author)
    if (proof !== undefined) proofs.add(proof.first).add(proof.second)
    const entry = state.records.get(`${author}/${kind}/${name}`)
    if (entry !== undefined) entries.push(entry)
  }
  return { ...pack(state, entries, [...proofs], nowMs, rng), wants: [] }
}

/** As many as a message carries. In random order, so that records they refuse do not hold up the others for ever. */
function pack(
  state: RegistryState,
  entries: Entry[],
  proofs: readonly Uint8Array[],
  nowMs: number,
  rng: Rng,
): Omit<SyncRecords, 'wants'> {
  const records: SyncRecords['records'] = []
  let left = SYNC_LIMITS.recordsBytes
  const add = (bytes: Uint8Array, ageMs: number): boolean => {
    if (bytes.length > left || records.length === SYNC_LIMITS.records) return false
    left -= bytes.length
    records.push({ bytes, ageMs })
    return true
  }
  let more = false
  for (const bytes of proofs) more = !add(bytes, 0) || more
  for (const entry of rng.shuffle(entries)) {
    // Expired, but not yet ticked away: it stays dead (invariant 3).
    if (nowMs >= entry.expiresMs) continue
    if (!add(entry.record.bytes, ageOf(state, entry, nowMs))) more = true
  }
  return { records, more }
}

/**
 * How old the other is told that a record is. The heartbeat of an author whom its watchers miss is as old as its lease
 * at least: the words of the watchers are gone by the time a newcomer asks, and in a large mesh the lease itself lasts
 * for long. One that is missed in error refutes that by a new heartbeat.
 */
function ageOf(state: RegistryState, { kind, record, bornMs }: Entry, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - bornMs)
  const author = kind === 'heartbeat' ? state.authors.get(record.author) : undefined
  return author?.missed === true ? Math.max(ageMs, leaseMsOf(author, state.config)) : ageMs
}
