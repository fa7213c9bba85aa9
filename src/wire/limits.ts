/**
 * How large things on the wire may be (design section 3). Whatever is larger is refused by name.
 */
import { TASK_LIMITS } from '../model/task.ts'

/** One frame of the control stream. */
export const MAX_FRAME_BYTES = 256 * 1024

/** Lists and maps within each other; deeper input could exhaust the stack of a decoder. */
export const MAX_DEPTH = 32

/**
 * Values in one message, keys included. A byte on the wire can cost fifty in memory (an empty map), so
 * the byte limit alone would let one frame take 14 MB.
 */
export const MAX_ITEMS = 65_536

/** A whole envelope, per kind of record, in bytes. */
export const RECORD_MAX_BYTES = {
  heartbeat: 1024,
  testimony: 512,
  passport: 8 * 1024,
  /** What a ward says of itself: a filter of 512 bytes, three contacts. */
  digest: 4 * 1024,
  /** Size and root of an audit log, for those who check it elsewhere. */
  'audit-head': 512,
  /** A task spec and what surrounds it. */
  offer: TASK_LIMITS.specBytes + 4 * 1024,
  bid: 64 * 1024,
  decline: 64 * 1024,
  award: 64 * 1024,
  contract: 64 * 1024,
  refusal: 64 * 1024,
} as const satisfies Record<string, number>

/** The kinds of record this version knows. */
export type RecordKind = keyof typeof RECORD_MAX_BYTES

/** A whole statement of governance, signatures included, per kind, in bytes. */
export const STATEMENT_MAX_BYTES = {
  genesis: 8 * 1024,
  entry: 64 * 1024,
  admission: 1024,
  revocation: 1024,
  rotation: 1024,
  attestation: 1024,
  canary: 1024,
  ticket: 4 * 1024,
  refusal: 1024,
} as const satisfies Record<string, number>

/** The kinds of statement this version knows. */
export type StatementKind = keyof typeof STATEMENT_MAX_BYTES

/** Kinds that gossip spreads on the pulse. */
export const PULSE_KINDS: ReadonlySet<string> = new Set<RecordKind>(['heartbeat', 'testimony'])

/** Kinds that the registry keeps, and sync passes on. */
export const GOSSIP_KINDS: ReadonlySet<string> = new Set<RecordKind>(['heartbeat', 'passport'])

/** Kinds that members of different wards tell each other. */
export const WARD_KINDS: ReadonlySet<string> = new Set<RecordKind>(['heartbeat', 'passport', 'digest'])

/** The cap of a kind's envelope, or undefined for a kind this version does not know. */
export function maxBytesOf(kind: string): number | undefined {
  return Object.hasOwn(RECORD_MAX_BYTES, kind) ? RECORD_MAX_BYTES[kind as RecordKind] : undefined
}

/** A record lives at most so long without being renewed: a day. */
export const MAX_TTL_MS = 24 * 60 * 60 * 1000

/** How far ahead of ours another's clock may be (design section 3). */
export const MAX_AHEAD_MS = 30_000

/** Characters of a record's name: `<namespace>/<name>` of a passport is the longest there is. */
export const MAX_RECORD_NAME = 63 + 1 + 253
