/** What an executor keeps of offers and of work done, for its policies. */
import type { DeclineReason } from '../model/negotiation.ts'
import type { Period } from '../model/policy-words.ts'
import type { Facts } from '../policy/types.ts'

/** What was taken for a submitter, or for all, in each period last counted in. */
export type UsageRecord = Record<Period, { index: number; tasks: number; coreMs: number }>

/** A job that was offered here, as it is kept. */
export interface OfferRecord {
  readonly jobId: string
  /** When it was last offered. */
  readonly atMs: number
  readonly facts: Facts
  /** Empty when a bid was made. */
  readonly reasons: readonly DeclineReason[]
  /** What it takes, about. */
  readonly bytes: number
}
