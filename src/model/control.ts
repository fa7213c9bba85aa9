/**
 * The vocabulary of the control stream: every message two daemons exchange directly.
 *
 * `SIGNED` bodies travel inside a signed envelope whose kind is the message's type, and whose author
 * must be the peer at the other end of the link; `PLAIN` ones rely on the link's own authentication.
 */
import * as z from 'zod'
import {
  Award,
  Bid,
  Cancel,
  Capacity,
  Contract,
  Decline,
  Offer,
  Release,
  Renew,
  Renewed,
  Report,
  Settle,
} from './negotiation.ts'
import { AuditAsk, AuditTold } from './audit-exchange.ts'
import { Examine, Examined } from './examine.ts'
import {
  GovernanceGive,
  GovernanceHead,
  GovernanceList,
  GovernanceOffers,
  GovernanceProposal,
} from './governance-sync.ts'
import { Ask, Asked, Ping, Pong, ProbeAddress } from './membership.ts'
import { Operate, Operated } from './operation.ts'
import { SyncBuckets, SyncDigest, SyncRecords } from './sync.ts'
import { WardAsk, WardHere, WardTold } from './ward.ts'

export const SIGNED = {
  offer: Offer,
  bid: Bid,
  decline: Decline,
  award: Award,
  contract: Contract,
} as const

/** First frame in each direction: who speaks, for which cluster, and since which boot. */
export const Hello = z.strictObject({
  cluster: z.string().min(1).max(64),
  /** Althing's version, for people. */
  version: z.string().max(64),
  epoch: z.int().min(0),
  /** The sender's wall clock, Unix ms: a skewed clock is named instead of guessed. */
  wallMs: z.int().min(0),
  /** Where probes can be sent as datagrams; absent when they cannot. */
  probe: ProbeAddress.optional(),
  /** All it knows of who belongs to the cluster, by name; absent in a cluster without a genesis. */
  governance: GovernanceHead.optional(),
})
export type Hello = z.infer<typeof Hello>

/** The sender has more links than it should, and does not need this one: whoever does not need it either may end it. */
const SpareLink = z.strictObject({})

export const PLAIN = {
  hello: Hello,
  release: Release,
  renew: Renew,
  renewed: Renewed,
  report: Report,
  settle: Settle,
  cancel: Cancel,
  capacity: Capacity,
  ping: Ping,
  pong: Pong,
  ask: Ask,
  asked: Asked,
  examine: Examine,
  examined: Examined,
  operate: Operate,
  operated: Operated,
  'spare-link': SpareLink,
  'audit-ask': AuditAsk,
  'audit-told': AuditTold,
  'sync-buckets': SyncBuckets,
  'sync-digest': SyncDigest,
  'sync-records': SyncRecords,
  'gov-head': GovernanceHead,
  'gov-list': GovernanceList,
  'gov-give': GovernanceGive,
  'gov-offers': GovernanceOffers,
  'gov-proposal': GovernanceProposal,
  'ward-here': WardHere,
  'ward-ask': WardAsk,
  'ward-told': WardTold,
} as const

const BODIES = { ...SIGNED, ...PLAIN }
/** Names of all messages. */
export type MessageType = keyof typeof BODIES
/** Names of those that travel in a signed envelope. */
export type SignedType = keyof typeof SIGNED

/** A message as the core sends and receives it. */
export type ControlMessage = {
  [T in MessageType]: { readonly t: T; readonly body: z.infer<(typeof BODIES)[T]> }
}[MessageType]

/** True for types that travel in a signed envelope. */
export function isSigned(type: MessageType): type is SignedType {
  return Object.hasOwn(SIGNED, type)
}

/**
 * Checks a body against its type's schema.
 * @returns the message, or undefined when the type is unknown or the body does not fit
 */
export function parseMessage(type: string, body: unknown): ControlMessage | undefined {
  if (!Object.hasOwn(BODIES, type)) return undefined
  const parsed = BODIES[type as MessageType].safeParse(body)
  return parsed.success ? ({ t: type, body: parsed.data } as ControlMessage) : undefined
}
