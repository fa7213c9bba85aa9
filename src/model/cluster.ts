/** What the local API tells of the cluster: who belongs to it, what was decided. See `cluster-requests.ts` too. */
import * as z from 'zod'
import { Base64, Roles } from './cluster-requests.ts'
import { StatementHash } from './governance.ts'
import { PeerId } from './identifiers.ts'

/** A ticket, as it is handed over. */
export const TicketView = z.strictObject({
  ticket: z.string(),
  expiresAtMs: z.int(),
  redeemer: PeerId,
  addresses: z.array(z.string()),
})
/** As the schema says. */
export type TicketView = z.infer<typeof TicketView>

/** What the daemon answers before it starts anew in its new place. */
export const MovedView = z.strictObject({ cluster: z.string(), id: z.string(), peerId: PeerId })
/** As the schema says. */
export type MovedView = z.infer<typeof MovedView>

/** Somebody that belongs, or does not any more. */
export const MemberView = z.strictObject({
  peerId: PeerId,
  /** `quarantined`: a member still, but it signed two records under one number, and is cut off here. */
  state: z.enum(['member', 'expired', 'gone', 'quarantined']),
  owner: z.string().optional(),
  roles: Roles.optional(),
  /** May admit others. */
  enroller: z.boolean(),
  notAfterMs: z.int().optional(),
  self: z.boolean(),
})
/** As the schema says. */
export type MemberView = z.infer<typeof MemberView>

/** `GET /v1/cluster`. */
export const ClusterView = z.strictObject({
  name: z.string(),
  id: StatementHash,
  /** Anybody links, and every node runs tasks of anybody. Shown in red. */
  open: z.boolean(),
  height: z.int(),
  head: StatementHash,
  admins: z.strictObject({ keys: z.array(PeerId), threshold: z.int() }),
  recovery: z.strictObject({ keys: z.array(PeerId), threshold: z.int() }),
  enrollers: z.array(PeerId),
  /** Names what holds, for a checkpoint. */
  state: StatementHash,
  members: z.int(),
  /** This node's own place; absent when it is no member. */
  self: z.strictObject({ owner: z.string(), roles: Roles, notAfterMs: z.int() }).optional(),
  /** Two valid entries follow one: nothing is decided any more until the recovery keys do. Shown in red. */
  fork: z
    .strictObject({ parent: StatementHash, entries: z.array(StatementHash), doubleSigners: z.array(PeerId) })
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

const DecidedPolicyView = z.strictObject({ name: z.string(), version: z.int(), unusable: z.string().optional() })

/** This node's place in a cluster, in short: part of its status. */
export const MembershipView = z.strictObject({
  id: StatementHash,
  /** Whose machine it is; absent when it is no member any more. */
  owner: z.string().optional(),
  /** Whether other members confirmed lately who belongs. Shown in red when not. */
  fresh: z.boolean(),
  /** Two valid entries follow one in the log. Shown in red. */
  forked: z.boolean(),
  /** The policy that its admins signed. `unusable`: why it refuses everything here. */
  policy: DecidedPolicyView.optional(),
  /** The same of the one for the network of clusters that it belongs to. */
  networkPolicy: DecidedPolicyView.optional(),
  /** The settings that its admins signed, and how far a trial of them has come. `rolled-back` is shown in red. */
  configuration: z
    .strictObject({
      version: z.int(),
      stage: z.enum(['everywhere', 'trial', 'promoted', 'rolled-back']),
      /** How many try it, or have, before all others; and of how many, where they are a share. */
      canaries: z.int().optional(),
      of: z.int().optional(),
    })
    .optional(),
})
/** As the schema says. */
export type MembershipView = z.infer<typeof MembershipView>

/** `GET /v1/governance`: everything that was signed, oldest entry first: `gov verify` needs nothing else. */
export const HistoryView = z.strictObject({ genesis: Base64, statements: z.array(Base64) })
/** As the schema says. */
export type HistoryView = z.infer<typeof HistoryView>

/** What became of each, in order. */
export const OutcomesView = z.strictObject({ outcomes: z.array(z.string()) })
/** As the schema says. */
export type OutcomesView = z.infer<typeof OutcomesView>
