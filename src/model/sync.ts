/**
 * Anti-entropy: how two members find out which records one has and the other lacks.
 *
 * Small registries open with a list of all they have (`sync-digest`), large ones with 256 sums
 * (`sync-buckets`), answered by the list of the buckets that differ. A list is answered by
 * `sync-records`: the records the lister lacks, and the names of those wanted from it; wants are
 * answered by `sync-records` too. Each side only says what it has, so repeating is harmless.
 */
import * as z from 'zod'

export const SYNC_LIMITS = {
  /** Registries up to this size list everything, at 100 bytes a record; larger ones start with sums, 2 KiB. */
  listAll: 64,
  buckets: 256,
  /** Of a bucket's sum. */
  sumBytes: 8,
  /** Encoded entries of one list, estimated; leaves a frame (256 KiB) ample room. */
  listBytes: 160 * 1024,
  /** The same of a list that asks for a part of what the other has, of which the answer is four times as long. */
  partBytes: 32 * 1024,
  /** Records sent in one message. */
  recordsBytes: 128 * 1024,
  /** Names of wanted records in one message: at most 400 bytes each. */
  wants: 200,
  /** Lists of one author's records: what a member may publish, doubled. */
  perAuthor: 130,
  /** Authors in one list; an entry takes more than 80 bytes. */
  authors: 2_048,
  records: 2_048,
  recordBytes: 8 * 1024,
} as const

function bytesWhere(fits: (length: number) => boolean, message: string) {
  return z.custom<Uint8Array>((value) => value instanceof Uint8Array && fits(value.length), message)
}

const author = z.string().min(1).max(128)
const kind = z.string().min(1).max(64)
const name = z.string().max(317)
const counter = z.int().min(0)

/** One sum per bucket, 8 bytes each: two members whose sums agree have the same records in it. */
export const SyncBuckets = z.strictObject({
  sums: bytesWhere(
    (length) => length === SYNC_LIMITS.buckets * SYNC_LIMITS.sumBytes,
    `expected ${SYNC_LIMITS.buckets * SYNC_LIMITS.sumBytes} bytes`,
  ),
})
export type SyncBuckets = z.infer<typeof SyncBuckets>

/** kind, name, epoch, seq, first 16 hex digits of the record's hash: the last shows two versions of one number. */
export const SyncEntry = z.tuple([kind, name, counter, counter, z.string().regex(/^[0-9a-f]{16}$/)])
export type SyncEntry = z.infer<typeof SyncEntry>

/** What the sender has, by author: of everything, or only of these buckets. */
export const SyncDigest = z.strictObject({
  scope: z.union([
    z.literal('all'),
    z
      .array(
        z
          .int()
          .min(0)
          .max(SYNC_LIMITS.buckets - 1),
      )
      .max(SYNC_LIMITS.buckets),
  ]),
  authors: z.array(z.tuple([author, z.array(SyncEntry).max(SYNC_LIMITS.perAuthor)])).max(SYNC_LIMITS.authors),
  /** More buckets differ than fitted: start again once these are settled. */
  more: z.boolean(),
  /** To be given back with the answer: of much that is fetched, this is one part. */
  part: counter.optional(),
})
export type SyncDigest = z.infer<typeof SyncDigest>

/** Names one record: author, kind, name. */
export const SyncWant = z.tuple([author, kind, name])
export type SyncWant = z.infer<typeof SyncWant>

/** Records the receiver lacks, and the names of those the sender wants. */
export const SyncRecords = z.strictObject({
  records: z
    .array(
      z.strictObject({
        /** The signed envelope. */
        bytes: bytesWhere(
          (length) => length <= SYNC_LIMITS.recordBytes,
          `expected at most ${SYNC_LIMITS.recordBytes} bytes`,
        ),
        /** Since its author sent it, as far as the sender knows: it has that much less to live. */
        ageMs: counter,
      }),
    )
    .max(SYNC_LIMITS.records),
  wants: z.array(SyncWant).max(SYNC_LIMITS.wants),
  /** There is more than fitted: start again once these are merged, if they brought anything new. */
  more: z.boolean(),
  /** Of the list that this answers. */
  part: counter.optional(),
})
export type SyncRecords = z.infer<typeof SyncRecords>
