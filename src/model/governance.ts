/**
 * Who belongs to a cluster, as statements that travel and are stored: the genesis, the entries of the governance log,
 * and the signed set that the roster is made from. Each is signed as `wire/statement.ts` says, and named by the
 * sha256 of what is signed. What they mean together is decided in `governance/`.
 */
import * as z from 'zod'
import { Configuration, SharedTrial, Trial } from './configuration.ts'
import { PeerId, Sha256Hex } from './identifiers.ts'
import { isSubdomain } from './label-grammar.ts'

/** Caps of what one cluster may have. Whoever raises one pays in memory on each member. */
export const GOVERNANCE_LIMITS = {
  /** Admins, recovery keys or enrollers at one time. */
  keys: 16,
  /** Nodes that one log entry revokes. */
  nodesPerEntry: 64,
  /** Admissions and revocations of an enroller that stay when it loses its right. */
  kept: 512,
  /** Entries of the log, besides the genesis. */
  entries: 20_000,
  /** Valid entries beside the chain: the proof of a fork and what was built on it. */
  siblings: 256,
  /** The same, that were in the chain until a recovery upon an earlier entry. */
  undone: 2_048,
  /** Admissions, revocations and rotations. */
  statements: 16_384,
  /** The same, signed by one key. */
  statementsPerSigner: 8_192,
  /** What came before what it rests on, waiting for that. */
  waiting: 512,
  /** Tickets that were issued here and have not expired. */
  tickets: 256,
  /** Addresses in a ticket. */
  addresses: 8,
  /** Characters of an address. */
  addressLength: 256,
  /** Of the text of a policy, which has to fit into an entry with all its signatures. */
  policyBytes: 48 * 1024,
} as const

/** Caps of proposals that members keep for each other. */
export const PROPOSAL_LIMITS = {
  kept: 32,
  bytes: 512 * 1024,
  /** Signed by one admin, and waiting for others. */
  ofOneAdmin: 4,
  /** Two weeks from when it was made, by the clock of whoever did. */
  keptMs: 14 * 24 * 60 * 60 * 1000,
} as const

/** The name of a genesis, an entry or a statement: sha256 of what is signed, lower-case hex. */
export const StatementHash = Sha256Hex
const timeMs = z.int().min(0)

function keys(least: number) {
  return z
    .array(PeerId)
    .min(least)
    .max(GOVERNANCE_LIMITS.keys)
    .refine((all) => new Set(all).size === all.length, 'a key twice')
}

/** An owner of machines, or what a cluster or a node is called: lower-case and dotted as a DNS name. */
const label = z.string().max(63).refine(isSubdomain, 'expected lower-case letters, digits, - and dots')

/** What a member may do. `worker`: run tasks of others of its owner. `submitter`: hand tasks to them. */
export const ROLES = ['worker', 'submitter'] as const
/** One of `ROLES`. */
export const Role = z.enum(ROLES)
/** One of `ROLES`. */
export type Role = z.infer<typeof Role>
const roles = z
  .array(Role)
  .max(ROLES.length)
  .refine((all) => new Set(all).size === all.length, 'a role twice')

/** Admins and how many of them decide. More than half must, so that two decisions always have a signer in common. */
const Admins = z
  .strictObject({ keys: keys(1), threshold: z.int().min(1) })
  .refine(({ keys: { length }, threshold }) => threshold <= length, 'a threshold of more admins than there are')
  .refine(({ keys: { length }, threshold }) => 2 * threshold > length, 'a threshold of no more than half of the admins')
/** As the schema says. */
export type Admins = z.infer<typeof Admins>

/**
 * How a cluster begins. Its hash is the cluster's id, so nobody need sign it: whoever knows the id knows that no word
 * of this was altered.
 */
export const Genesis = z.strictObject({
  name: label,
  /** 128 random bits: two clusters of one name and the same admins are two. */
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  admins: Admins,
  /** Keys that can name new admins when the old ones are lost or divided; kept apart from all machines. */
  recovery: Admins,
  /** Nodes that may admit others. */
  enrollers: keys(1),
  /** Anybody may link, and every node runs tasks of anybody: for development, on a network of one's own. */
  open: z.boolean(),
  createdAtMs: timeMs,
})
export type Genesis = z.infer<typeof Genesis>

/** What an entry of the log changes. `recover` is signed by recovery keys, all others by admins. */
export const Change = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('admins'), admins: Admins }),
  z.strictObject({ kind: z.literal('recover'), admins: Admins }),
  z.strictObject({
    kind: z.literal('enrollers'),
    add: keys(0),
    /** They lose the right for ever. */
    remove: keys(0),
    /** What they signed that goes on to count; all else of theirs is void, whenever it says it was signed. */
    keep: z.array(StatementHash).max(GOVERNANCE_LIMITS.kept),
  }),
  z.strictObject({
    kind: z.literal('revoke'),
    nodes: z.array(PeerId).min(1).max(GOVERNANCE_LIMITS.nodesPerEntry),
    /** As above, for those of the nodes that may admit others. */
    keep: z.array(StatementHash).max(GOVERNANCE_LIMITS.kept),
  }),
  /** Says again what holds, so that members whose programs differ find out before it matters. */
  z.strictObject({ kind: z.literal('checkpoint'), state: StatementHash }),
  /** What members let run from here on, beside their own policies: the text of a policy file. Empty: all of it. */
  z.strictObject({ kind: z.literal('policy'), text: z.string().max(GOVERNANCE_LIMITS.policyBytes) }),
  /** What the clusters of a network agreed to let run: the same text in the log of each of them. Empty: all of it. */
  z.strictObject({ kind: z.literal('network-policy'), text: z.string().max(GOVERNANCE_LIMITS.policyBytes) }),
  /** All settings from here on, those of before included. With `trial` a few members begin. */
  z.strictObject({ kind: z.literal('config'), ...Configuration.shape, trial: Trial.optional() }),
  /**
   * The same, begun by a share of the nodes that labels name. A kind of its own: a member of a version that knows no
   * shares ends the log here, and says so, where it would take a `config` with one for nobody's.
   */
  z.strictObject({ kind: z.literal('config-share'), ...Configuration.shape, trial: SharedTrial }),
])
export type Change = z.infer<typeof Change>

/** A change of the settings of all members. */
export type ConfigurationChange = Extract<Change, { kind: 'config' | 'config-share' }>

/** Whether a change is about the settings of all members. */
export function isConfiguration(change: Change): change is ConfigurationChange {
  return change.kind === 'config' || change.kind === 'config-share'
}

/** An entry of the log: its place, and a change that may be of a kind that only later versions know. */
export const LogEntry = z.strictObject({
  cluster: StatementHash,
  /** The genesis is 0. */
  height: z.int().min(1).max(GOVERNANCE_LIMITS.entries),
  /** Hash of the entry before; of the genesis at height 1. */
  parent: StatementHash,
  /** When it was proposed, by the clock of whoever did. For people. */
  atMs: timeMs,
  change: z.looseObject({ kind: z.string().min(1).max(32) }),
})
export type LogEntry = z.infer<typeof LogEntry>

/** Signed by one enroller: this key is a member. */
export const Admission = z.strictObject({
  cluster: StatementHash,
  node: PeerId,
  /** Who signs it. Named here, so that what two of them sign is two statements. */
  enroller: PeerId,
  /** Whose machine it is. Nodes of one owner run each other's tasks. */
  owner: label,
  roles,
  notBeforeMs: timeMs,
  notAfterMs: timeMs,
  /** The ticket it was admitted by; absent for the first member and for one that is renewed. */
  ticket: StatementHash.optional(),
})
export type Admission = z.infer<typeof Admission>

/** Signed by one enroller, or by the node itself when it leaves: this key is a member no more, for ever. */
export const Revocation = z.strictObject({
  cluster: StatementHash,
  node: PeerId,
  /** Who signs it. */
  by: PeerId,
  reason: z.string().max(256),
  atMs: timeMs,
})
export type Revocation = z.infer<typeof Revocation>

/** Signed by both keys: the second takes the place of the first, which is out for ever. */
export const Rotation = z.strictObject({ cluster: StatementHash, from: PeerId, to: PeerId, atMs: timeMs })
export type Rotation = z.infer<typeof Rotation>

/** Signed by a member: at this time this was the newest entry it knew. */
export const Attestation = z.strictObject({
  cluster: StatementHash,
  /** Who signs it. */
  node: PeerId,
  height: z.int().min(0),
  head: StatementHash,
  atMs: timeMs,
})
export type Attestation = z.infer<typeof Attestation>

/** Signed by the enroller at which it is redeemed: one key that shows this is admitted. */
export const Ticket = z.strictObject({
  /** Pinned here, so that whoever redeems it trusts nobody on first use. */
  cluster: StatementHash,
  /** Name of the cluster, for people. */
  name: label,
  /** The one member at which it can be redeemed. */
  redeemer: PeerId,
  /** Where that member waits for it. */
  addresses: z.array(z.string().min(1).max(GOVERNANCE_LIMITS.addressLength)).min(1).max(GOVERNANCE_LIMITS.addresses),
  /** The one key that may redeem it; absent: whoever has it. */
  for: PeerId.optional(),
  owner: label,
  roles,
  /** How long the admission holds, from the moment of joining. */
  membershipMs: z.int().min(1),
  expiresAtMs: timeMs,
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
})
export type Ticket = z.infer<typeof Ticket>

/** Signed by one admin: it will never sign this entry. Enough of these, and its signers may sign another. */
export const Refusal = z.strictObject({
  cluster: StatementHash,
  admin: PeerId,
  parent: StatementHash,
  entry: StatementHash,
})
export type Refusal = z.infer<typeof Refusal>
