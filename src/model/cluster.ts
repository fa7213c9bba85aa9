/** Bodies of the local API about the cluster: founding it, joining it, who belongs to it, what was decided. */
import * as z from 'zod'
import { GOVERNANCE_LIMITS, Role, StatementHash } from './governance.ts'
import { isSubdomain } from './label-grammar.ts'
import { isPeerId } from './peer-id.ts'

const Key = z.string().refine(isPeerId, 'expected a peer id, 12D3KooW…')
const Label = z.string().max(63).refine(isSubdomain, 'expected lower-case letters, digits, - and dots')
/** The longest membership: ten years. */
const MAX_MEMBERSHIP_MS = 10 * 365 * 24 * 60 * 60 * 1000
/** The longest life of a ticket: a week. */
const MAX_TICKET_MS = 7 * 24 * 60 * 60 * 1000
const Roles = z.array(Role).max(2)

/** `POST /v1/cluster`: founds a cluster with this node as its first member. */
export const FoundRequest = z.strictObject({
  name: Label,
  admins: z.array(Key).min(1).max(GOVERNANCE_LIMITS.keys),
  threshold: z.int().min(1).max(GOVERNANCE_LIMITS.keys),
  recovery: z.array(Key).min(1).max(GOVERNANCE_LIMITS.keys),
  recoveryThreshold: z.int().min(1).max(GOVERNANCE_LIMITS.keys),
  owner: Label,
  open: z.boolean().default(false),
})
/** As the schema says. */
export type FoundRequest = z.output<typeof FoundRequest>

/** `POST /v1/tickets`: lets one node in. */
export const TicketRequest = z.strictObject({
  for: Key.optional(),
  /** @default the owner of this node */
  owner: Label.optional(),
  roles: Roles.default(['worker', 'submitter']),
  ttlMs: z
    .int()
    .min(1_000)
    .max(MAX_TICKET_MS)
    .default(60 * 60 * 1000),
  membershipMs: z
    .int()
    .min(60_000)
    .max(MAX_MEMBERSHIP_MS)
    .default(365 * 24 * 60 * 60 * 1000),
})
/** As the schema says. */
export type TicketRequest = z.output<typeof TicketRequest>

/** A ticket, as it is handed over. */
export const TicketView = z.strictObject({
  ticket: z.string(),
  expiresAtMs: z.int(),
  redeemer: Key,
  addresses: z.array(z.string()),
})
/** As the schema says. */
export type TicketView = z.infer<typeof TicketView>

/** The text of a ticket: a word that says what it is, and its statement. */
export const TICKET_PREFIX = 'althing-ticket-'
/** A ticket's statement has 4 KiB at most, which base64 makes a third longer. */
const MAX_TICKET_TEXT = 6 * 1024
/** `POST /v1/cluster/join`. */
export const JoinRequest = z.strictObject({ ticket: z.string().min(1).max(MAX_TICKET_TEXT) })

/** What the daemon answers before it starts anew in its new place. */
export const MovedView = z.strictObject({ cluster: z.string(), id: z.string(), peerId: Key })
/** As the schema says. */
export type MovedView = z.infer<typeof MovedView>

/** Somebody that belongs, or does not any more. */
export const MemberView = z.strictObject({
  peerId: Key,
  state: z.enum(['member', 'expired', 'gone']),
  owner: z.string().optional(),
  roles: Roles.optional(),
  /** May admit others. */
  enroller: z.boolean(),
  notAfterMs: z.int().optional(),
  self: z.boolean(),
})
/** As the schema says. */
export type MemberView = z.infer<typeof MemberView>

/** `POST /v1/members/{id}/revoke`. */
export const RevokeRequest = z.strictObject({ reason: z.string().max(256).default('') })

/** `GET /v1/cluster`. */
export const ClusterView = z.strictObject({
  name: z.string(),
  id: StatementHash,
  /** Anybody links, and every node runs tasks of anybody. Shown in red. */
  open: z.boolean(),
  height: z.int(),
  head: StatementHash,
  admins: z.strictObject({ keys: z.array(Key), threshold: z.int() }),
  recovery: z.strictObject({ keys: z.array(Key), threshold: z.int() }),
  enrollers: z.array(Key),
  /** Names what holds, for a checkpoint. */
  state: StatementHash,
  members: z.int(),
  /** This node's own place; absent when it is no member. */
  self: z.strictObject({ owner: z.string(), roles: Roles, notAfterMs: z.int() }).optional(),
  /** Two valid entries follow one: nothing is decided any more until the recovery keys do. Shown in red. */
  fork: z
    .strictObject({ parent: StatementHash, entries: z.array(StatementHash), doubleSigners: z.array(Key) })
    .optional(),
  /** An entry that this version does not understand. */
  halted: z.strictObject({ hash: StatementHash, kind: z.string() }).optional(),
  /** Whether others confirmed lately what this node knows; if not, it takes no work of others. */
  fresh: z.boolean(),
  witnesses: z.int(),
  witnessesNeeded: z.int(),
  tickets: z.int(),
})
/** As the schema says. */
export type ClusterView = z.infer<typeof ClusterView>

/** This node's place in a cluster, in short: part of its status. */
export const PlaceView = z.strictObject({
  id: StatementHash,
  /** Whose machine it is; absent when it is no member any more. */
  owner: z.string().optional(),
  /** Whether other members confirmed lately who belongs. Shown in red when not. */
  fresh: z.boolean(),
  /** Two valid entries follow one in the log. Shown in red. */
  forked: z.boolean(),
})

/** A statement as JSON carries it. */
const Base64 = z.string().regex(/^[A-Za-z0-9_-]*$/)
/** Statements in one request: a proposal is one. */
const MAX_STATEMENTS = 64

/** `GET /v1/governance`: everything that was signed, oldest entry first: `gov verify` needs nothing else. */
export const HistoryView = z.strictObject({ genesis: Base64, statements: z.array(Base64) })
/** As the schema says. */
export type HistoryView = z.infer<typeof HistoryView>

/** `POST /v1/governance`: entries that were signed elsewhere. */
export const StatementsRequest = z.strictObject({
  statements: z
    .array(Base64.max(90 * 1024))
    .min(1)
    .max(MAX_STATEMENTS),
})
/** What became of each, in order. */
export const OutcomesView = z.strictObject({ outcomes: z.array(z.string()) })
/** As the schema says. */
export type OutcomesView = z.infer<typeof OutcomesView>
