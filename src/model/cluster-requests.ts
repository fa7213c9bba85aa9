/** What the local API is asked about the cluster: to found it, to join it, to let others in and to send them away. */
import * as z from 'zod'
import { GOVERNANCE_LIMITS, Role } from './governance.ts'
import { PeerId } from './identifiers.ts'
import { isSubdomain } from './label-grammar.ts'

const Label = z.string().max(63).refine(isSubdomain, 'expected lower-case letters, digits, - and dots')
/** What a member may do. */
export const Roles = z.array(Role).max(2)
/** A statement as JSON carries it. */
export const Base64 = z.string().regex(/^[A-Za-z0-9_-]*$/)
/** The longest membership: ten years. */
const MAX_MEMBERSHIP_MS = 10 * 365 * 24 * 60 * 60 * 1000
/** The longest life of a ticket: a week. */
const MAX_TICKET_MS = 7 * 24 * 60 * 60 * 1000
/** Statements in one request: a proposal is one. */
const MAX_STATEMENTS = 64

/** For a daemon that is in a cluster already. */
const beside = {
  /** Take part in it beside the clusters that the daemon is in, with a key of its own. */
  beside: z.boolean().default(false),
  /** How it is called on this machine, where another has its name. */
  as: Label.optional(),
}

/** What a cluster is founded with, this node its first member. */
export const Founding = z.strictObject({
  name: Label,
  admins: z.array(PeerId).min(1).max(GOVERNANCE_LIMITS.keys),
  threshold: z.int().min(1).max(GOVERNANCE_LIMITS.keys),
  recovery: z.array(PeerId).min(1).max(GOVERNANCE_LIMITS.keys),
  recoveryThreshold: z.int().min(1).max(GOVERNANCE_LIMITS.keys),
  owner: Label,
  open: z.boolean().default(false),
})
/** As the schema says. */
export type Founding = z.output<typeof Founding>
/** `POST /v1/cluster`. */
export const FoundRequest = Founding.extend(beside)
/** As the schema says. */
export type FoundRequest = z.output<typeof FoundRequest>

/** `POST /v1/tickets`: lets one node in. */
export const TicketRequest = z.strictObject({
  for: PeerId.optional(),
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

/** The text of a ticket: a word that says what it is, and its statement. */
export const TICKET_PREFIX = 'althing-ticket-'
/** A ticket's statement has 4 KiB at most, which base64 makes a third longer. */
const MAX_TICKET_TEXT = 6 * 1024
/** `POST /v1/cluster/join`. */
export const JoinRequest = z.strictObject({
  ticket: z.string().min(1).max(MAX_TICKET_TEXT),
  ...beside,
  /** Beside others: run tasks of its owner's other nodes there as this machine's own, not as those of guests. */
  own: z.boolean().default(false),
})
/** As the schema says. */
export type JoinRequest = z.output<typeof JoinRequest>

/** `POST /v1/members/{id}/revoke`. */
export const RevokeRequest = z.strictObject({ reason: z.string().max(256).default('') })

/** `POST /v1/governance`: entries that were signed elsewhere. */
export const StatementsRequest = z.strictObject({
  statements: z
    .array(Base64.max(90 * 1024))
    .min(1)
    .max(MAX_STATEMENTS),
})

/** `POST /v1/proposals`: an entry with the signatures there are, and what was refused. */
export const ProposalRequest = z.strictObject({
  entry: Base64.max(90 * 1024),
  refusals: z.array(Base64.max(2 * 1024)).max(GOVERNANCE_LIMITS.keys),
})
