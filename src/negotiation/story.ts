/** The story of a job: what was said while it was bargained over, kept for whoever asks why. */
import type { BidTerms, DeclineReason, NodeId } from '../model/negotiation.ts'
import type { Resources } from '../model/resources.ts'

/** One line of a job's story; `why` prints them. Bids and declines carry the signed envelope they came in. */
export type StoryEntry =
  | {
      readonly kind: 'offered'
      readonly atMs: number
      readonly offerId: string
      readonly slots: number
      readonly asked: readonly NodeId[]
    }
  | {
      readonly kind: 'not-asked'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly reason: string
    }
  | {
      readonly kind: 'unreachable'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly reason: string
    }
  | {
      readonly kind: 'bid'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly bidId: string
      readonly slots: number
      readonly terms: BidTerms
      /** Named terms of the ranking and their weighted sum. */
      readonly rank: { readonly score: number; readonly terms: Readonly<Record<string, number>> }
      readonly proof: Uint8Array
    }
  | {
      readonly kind: 'declined'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly reasons: readonly DeclineReason[]
      readonly wouldFit: Resources
      readonly proof: Uint8Array
    }
  | {
      readonly kind: 'awarded'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly bidId: string
      readonly slots: number
    }
  /** It bid, and slots of it were left, but may take no more of the job's tasks now. */
  | {
      readonly kind: 'not-awarded'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly reason: string
    }
  | {
      readonly kind: 'released'
      readonly atMs: number
      readonly offerId: string
      readonly node: NodeId
      readonly bidId: string
    }

/** Why nobody took a job in its last round, a sentence a node; `name` turns a node into what people call it. */
export function lastReasons(story: readonly StoryEntry[], name: (node: NodeId) => string): string[] {
  const last = story.findLast(({ kind }) => kind === 'offered' || kind === 'not-asked')
  return story.filter(({ offerId }) => offerId === last?.offerId).flatMap((entry) => reasonOf(entry, name))
}

function reasonOf(entry: StoryEntry, name: (node: NodeId) => string): string[] {
  if (entry.kind === 'declined') {
    const [first] = entry.reasons
    return [`${name(entry.node)} declined: ${first?.constraint} (wanted ${first?.wanted}, found ${first?.measured})`]
  }
  if (entry.kind === 'unreachable') return [`${name(entry.node)} unreachable: ${entry.reason}`]
  if (entry.kind === 'not-awarded') return [`${name(entry.node)} not awarded: ${entry.reason}`]
  if (entry.kind === 'not-asked') return [`${name(entry.node)} not asked: ${entry.reason}`]
  return []
}
