/**
 * How two members find out what one knows of their cluster and the other does not: `gov-head` names all one has by a
 * digest, `gov-list` lists it, `gov-give` carries what the lister lacks. Each says only what its sender has, so a
 * repeated one is harmless and a lost one costs a round. `gov-offers` and `gov-proposal` do the same for proposals,
 * which are no part of what is known until enough have signed them.
 */
import * as z from 'zod'
import { CONFIGURATION_LIMITS } from './settings.ts'
import { GOVERNANCE_LIMITS, PROPOSAL_LIMITS, StatementHash } from './governance.ts'

export const GOVERNANCE_SYNC_LIMITS = {
  /** Bytes of a hash that stand for it in a list. */
  prefixBytes: 8,
  /** Places of the chain that are named: the newest, and older ones at doubling distances. */
  locator: 24,
  /** Statements in one message together: what they take to verify holds everything else up. */
  giveBytes: 48 * 1024,
  /** In one message; the smallest takes more than 200 bytes. */
  given: 512,
  /** One statement: the largest is an entry. */
  statementBytes: 64 * 1024,
  /** Admissions, revocations, rotations, entries beside the chain, attestations, words on canaries. In a frame. */
  listed:
    GOVERNANCE_LIMITS.statements +
    GOVERNANCE_LIMITS.siblings +
    GOVERNANCE_LIMITS.undone +
    8_192 +
    CONFIGURATION_LIMITS.words,
} as const

const { prefixBytes, listed, statementBytes } = GOVERNANCE_SYNC_LIMITS

/** All that the sender has, by name. */
export const GovernanceHead = z.strictObject({
  height: z.int().min(0).max(GOVERNANCE_LIMITS.entries),
  digest: StatementHash,
})
export type GovernanceHead = z.infer<typeof GovernanceHead>

/** All that the sender has, in detail. */
export const GovernanceList = z.strictObject({
  /** Places of its chain, newest first. */
  locator: z
    .array(z.tuple([z.int().min(0).max(GOVERNANCE_LIMITS.entries), StatementHash]))
    .min(1)
    .max(GOVERNANCE_SYNC_LIMITS.locator),
  /** First bytes of the hashes of everything that is not in the chain, in order. */
  others: z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length % prefixBytes === 0 && value.length <= listed * prefixBytes,
    `expected at most ${listed} prefixes of ${prefixBytes} bytes`,
  ),
  /** This answers a list: it is not to be answered by another. */
  answer: z.boolean(),
})
export type GovernanceList = z.infer<typeof GovernanceList>

/** Statements that the receiver lacks, each as `wire/statement.ts` writes it. */
export const GovernanceGive = z.strictObject({
  statements: z
    .array(
      z.custom<Uint8Array>(
        (value) => value instanceof Uint8Array && value.length <= statementBytes,
        `expected at most ${statementBytes} bytes`,
      ),
    )
    .max(GOVERNANCE_SYNC_LIMITS.given),
  /** There is more than fitted: ask again once these are taken, if they brought anything. */
  more: z.boolean(),
})
export type GovernanceGive = z.infer<typeof GovernanceGive>

/** Which proposals the sender keeps: each by its hash, and a name of what was signed for and against it. */
export const GovernanceOffers = z.strictObject({
  known: z.array(z.tuple([StatementHash, z.string().regex(/^[0-9a-f]{16}$/)])).max(PROPOSAL_LIMITS.kept),
  /** This answers a list: it is not to be answered by another. */
  answer: z.boolean(),
})
export type GovernanceOffers = z.infer<typeof GovernanceOffers>

const refusalBytes = 1024

/** A proposal that the receiver may lack, with the signatures and refusals that the sender has. */
export const GovernanceProposal = z.strictObject({
  entry: z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length <= statementBytes,
    `expected at most ${statementBytes} bytes`,
  ),
  refusals: z
    .array(
      z.custom<Uint8Array>(
        (value) => value instanceof Uint8Array && value.length <= refusalBytes,
        `expected at most ${refusalBytes} bytes`,
      ),
    )
    .max(GOVERNANCE_LIMITS.keys),
})
export type GovernanceProposal = z.infer<typeof GovernanceProposal>
