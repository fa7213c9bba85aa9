/**
 * The registry: a replicated set of signed records, as pure state.
 *
 * Invariants, cited in the code by number:
 * 1. Newest wins: per (author, kind, name) only the record with the highest (epoch, seq) is kept.
 * 2. Marks rise: the highest (epoch, seq) taken per (author, kind, name) is remembered when the record
 *    is gone, and nothing at or below it is ever taken again.
 * 3. Ages travel: a record lives until its author's sending + ttl, however many hands it passed through.
 * 4. One number, one record: two records of an author and kind with the same (epoch, seq) prove that
 *    the author says different things to different members; it is quarantined, with both as proof.
 * 5. Everything is bounded by `REGISTRY_LIMITS`.
 */
import type { Heartbeat, NodeState } from '../model/heartbeat.ts'
import type { Passport } from '../model/passport.ts'
import type { BoundedMap } from '../util/bounded-map.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { VerifiedRecord } from '../wire/envelope.ts'

export const REGISTRY_LIMITS = {
  /** Passports of one author. */
  passportsPerAuthor: 64,
  /** Marks of one author; beyond that its oldest ones without a record are forgotten. */
  marksPerAuthor: 130,
  records: 50_000,
  /** All records' envelopes together: 50,000 passports of 8 KiB would take 400 MB. */
  totalBytes: 64 * 1024 * 1024,
  authors: 20_000,
  quarantined: 1_000,
  /** Latest records remembered per author and kind, to notice contradictions (invariant 4). */
  recentPerKind: 8,
} as const

/**
 * Every so many heartbeats of an author its mark is persisted. Writing each one would cost a
 * transaction per member and beat; in return a heartbeat at most this many beats old can be
 * replayed to a member that has just restarted, where its age is found by its author's clock (`age.ts`).
 */
export const HEARTBEAT_MARK_STRIDE = 32

export interface RegistryConfig {
  /** This daemon's own peer id. */
  readonly selfId: string
  /** Without a heartbeat for so long a node is offline; at least three of its own intervals. @default 30000 */
  readonly leaseMs: number
  /** Without a heartbeat for so long it leaves the list; at least six of its own intervals. @default 60000 */
  readonly deadMs: number
}

/** The highest (epoch, seq) taken. */
export interface Mark {
  readonly epoch: number
  readonly seq: number
}

/** A record that counts now. All times are on the clock that callers pass as `nowMs`. */
export type Entry = EntryBase &
  ({ readonly kind: 'passport'; readonly body: Passport } | { readonly kind: 'heartbeat'; readonly body: Heartbeat })

interface EntryBase {
  readonly key: string
  readonly record: VerifiedRecord
  /** When its author sent it, as far as is known: receipt − age. */
  readonly bornMs: number
  /** The same, but no later than its author's own clock allows: what it proves of its author's life. See `age.ts`. */
  readonly heardMs: number
  readonly expiresMs: number
  /** Which of the digest's buckets it falls into. */
  readonly bucket: number
}

/** A record seen lately, kept to be held against another with the same number. */
export interface Recent extends Mark {
  readonly hash: string
  readonly bytes: Uint8Array
}

/** What is known of one author. */
export interface Author {
  readonly id: string
  /** Its passports that count now, by record name. */
  readonly passports: Map<string, Entry & { readonly kind: 'passport' }>
  /** The last heartbeat; outlives its record, so that a lapsed node can still be shown. */
  beat: { readonly body: Heartbeat; readonly bornMs: number } | undefined
  /** Its watchers find it gone, whatever its lease says. */
  missed: boolean
  /** What its newest heartbeat said of the time (`hlc`), and when it was sent by our clock. See `age.ts`. */
  clock: (Mark & { readonly hlc: number; readonly sentMs: number }) | undefined
  /** By `<kind>/<name>`, the longest untouched first. */
  readonly marks: Map<string, Mark>
  /** By kind, in rising order of (epoch, seq). */
  readonly recent: Map<string, Recent[]>
  /** By kind, the last to come that was older than all of those. */
  readonly older: Map<string, Recent>
  /** As last told to watchers. */
  shown: NodeState | 'gone'
}

/** Two records of one author and kind with the same number: anyone can check the signatures. */
export interface Proof {
  readonly first: Uint8Array
  readonly second: Uint8Array
  /** What its machine was called; empty where that was not known. */
  readonly name: string
}

/** All of it. Changed in place, by `merge`, `tick` and `restore` only. */
export interface RegistryState {
  /** Replaced as a whole when the boot epoch is raised. */
  config: RegistryConfig
  /** By `<author>/<kind>/<name>`. */
  readonly records: Map<string, Entry>
  readonly authors: BoundedMap<string, Author>
  /** Those of them whose records are neither summed nor listed for others (`apart.ts`). */
  readonly apart: Set<string>
  readonly quarantined: BoundedMap<string, Proof>
  /** `record:<key>` expiries and `node:<author>` lapses. */
  readonly deadlines: Deadlines<string>
  /** Two 32-bit words per bucket: the exclusive or of its records' hashes. */
  readonly sums: Uint32Array
  totalBytes: number
  /** The boot epoch of this daemon's own records; raise it when it is raised. 0 until it is known. */
  ownEpoch: number
}

/** What watchers are told. `peerId` is the author. */
export type RegistryEvent =
  /** Seen for the first time, or back after being offline. */
  | { readonly type: 'node-joined'; readonly peerId: string; readonly state: NodeState }
  /** Its state or its machine passport changed. */
  | { readonly type: 'node-changed'; readonly peerId: string; readonly state: NodeState }
  /** `left`: it said so. `lapsed`: its lease ran out. Exactly once per departure. */
  | { readonly type: 'node-offline'; readonly peerId: string; readonly reason: 'left' | 'lapsed' | 'quarantined' }
  /** It is no longer listed by default. */
  | { readonly type: 'node-gone'; readonly peerId: string }
  /** A newer heartbeat came; it was sent at `bornMs`. */
  | { readonly type: 'heartbeat'; readonly peerId: string; readonly bornMs: number }
  | { readonly type: 'passport-changed'; readonly peerId: string; readonly name: string }
  /** Expired or withdrawn. */
  | { readonly type: 'passport-removed'; readonly peerId: string; readonly name: string }
  | {
      readonly type: 'quarantined'
      readonly peerId: string
      readonly kind: string
      readonly epoch: number
      readonly seq: number
    }
  /** Somebody signs with this daemon's own key: it was copied. */
  | { readonly type: 'own-key-copied'; readonly kind: string; readonly epoch: number; readonly seq: number }

/** Put `doc` under `key`, or delete it when `doc` is null: the shape the store takes. */
export interface RegistryWrite {
  readonly collection: 'record' | 'mark' | 'proof'
  readonly key: string
  readonly doc: unknown
}

/** What a change of the registry asks of the world. */
export interface RegistryEffects {
  readonly events: RegistryEvent[]
  readonly persist: RegistryWrite[]
}
