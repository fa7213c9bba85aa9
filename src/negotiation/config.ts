/** The knobs of bargaining and the caps on what it remembers. */
import { DEFAULT_WEIGHTS, type RankWeights } from './rank.ts'

/** Knobs of bargaining. All times are milliseconds. */
export interface NegotiationConfig {
  /**
   * How long a bid holds its slots, at most 10 s. Longer: slow submitters succeed; shorter: idle capacity frees
   * sooner. @default 5000
   */
  readonly holdMs: number
  /** How long a round waits for answers once it has asked. A silent candidate costs this much. @default 400 */
  readonly bidWindowMs: number
  /** Lease granted with an award; renewed at a third of it. @default 30000 */
  readonly leaseMs: number
  /** First repeat of an unanswered award; doubles up to `retryMaxMs`. @default 500 */
  readonly awardRetryMs: number
  readonly retryMaxMs: number
  /**
   * Silence after which an executor's attempts are lost: dead after 60 s, plus 10 s in which a restarted
   * daemon adopts its tasks (design section 5, `adoptGrace`). @default 70000
   */
  readonly lostAfterMs: number
  /** How long a node that its watchers find gone has to come back before its attempts are lost. @default 10000 */
  readonly adoptGraceMs: number
  /** Candidates asked for one slot: power-of-k choices (Sparrow, SOSP 2013). @default 3 */
  readonly askAtLeast: number
  readonly askAtMost: number
  /** Wait before an unplaced job is offered again; doubles from the first to the second. */
  readonly reofferMinMs: number
  readonly reofferMaxMs: number
  /**
   * How long an ended attempt is reported to a submitter that does not settle it, and its log and output stay with
   * the executor; counted from its end, across restarts. @default 86400000
   */
  readonly keepEndedMs: number
  /** Holds an executor has open at once, of all submitters; see `SHARE_OF_REST`. @default 1000 */
  readonly holds: number
  /** Contracts that have not ended, and slots held for more, of all submitters; see `SHARE_OF_REST`. @default 10000 */
  readonly contracts: number
  /**
   * Ended contracts not yet settled, of all submitters; beyond it the oldest of whoever left most goes.
   * @default 10000
   */
  readonly unsettled: number
  readonly weights: RankWeights
}

/**
 * What one submitter may have of the holds and contracts that the others leave. Half: alone it has 500 holds and
 * 5,000 contracts, more than the tasks one machine runs; beside n others that take all they can it has, in the long
 * run, 1 in n + 2; and another one always finds a place. A smaller share would only bring the first submitter's
 * bound down, a larger one leave little for the next.
 */
export const SHARE_OF_REST = 0.5

/** Caps on everything else that grows. */
export const NEGOTIATION_LIMITS = {
  jobs: 2_000,
  /** Tasks remembered by a submitter, ended ones included; the oldest ended go first. */
  tasks: 50_000,
  /** Attempts an executor remembers having refused or settled, so that a late copy starts nothing. */
  tombstones: 20_000,
  /** Submitters a decliner remembers to tell when capacity frees (design section 6). */
  waiters: 64,
  /** Submitters, and owners, of which an executor remembers when it last gave them something. */
  served: 2_000,
  /** Submitters of which an executor remembers what it did for them, for quotas; the longest unserved goes. */
  usage: 10_000,
  /** Offered jobs that are kept for `policy test`, and what they may take together, about. */
  offers: 200,
  offerBytes: 512 * 1024,
  storyEntries: 200,
  /** Bids and declines are a few hundred bytes; a peer that signs long ones crowds out its own. */
  storyBytes: 256 * 1024,
} as const

/** What a daemon runs with unless told otherwise. */
export const DEFAULT_NEGOTIATION: NegotiationConfig = Object.freeze({
  holdMs: 5_000,
  bidWindowMs: 400,
  leaseMs: 30_000,
  awardRetryMs: 500,
  retryMaxMs: 10_000,
  lostAfterMs: 70_000,
  adoptGraceMs: 10_000,
  askAtLeast: 3,
  askAtMost: 16,
  reofferMinMs: 250,
  reofferMaxMs: 10_000,
  keepEndedMs: 24 * 3_600_000,
  holds: 1_000,
  contracts: 10_000,
  unsettled: 10_000,
  weights: DEFAULT_WEIGHTS,
})
