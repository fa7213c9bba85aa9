/**
 * The ranking: one pure function with named terms, used before asking (on what the registry knows)
 * and after (on what bidders say). Every term lies in 0…1, 1 being best, and is kept for `why`.
 */
import type { Resources } from '../model/resources.ts'

/** How much each term counts. All are ≥ 0; only their ratios matter. */
export interface RankWeights {
  /** Room left after placement. Positive weights spread work; see `fitMode` for packing. @default 1 */
  readonly fit: number
  /** CPU not in use now. @default 1 */
  readonly load: number
  /** Few tasks running there, relative to its cores. @default 0.5 */
  readonly crowd: number
  /** The input is there already. @default 2 */
  readonly warm: number
  /** `spread` prefers the emptiest node, `pack` the fullest that still fits. @default 'spread' */
  readonly fitMode: 'spread' | 'pack'
}

export const DEFAULT_WEIGHTS: RankWeights = Object.freeze({ fit: 1, load: 1, crowd: 0.5, warm: 2, fitMode: 'spread' })

/** What is known of a node when it is ranked. */
export interface RankFacts {
  readonly capacity: Resources
  readonly freeAfter: Resources
  readonly cpuRatio: number
  readonly running: number
  readonly warm: boolean
}

export interface Rank {
  /** Weighted mean of the terms, 0…1. */
  readonly score: number
  readonly terms: Readonly<Record<'fit' | 'load' | 'crowd' | 'warm', number>>
}

const clamp = (value: number) => Math.min(1, Math.max(0, value))
const share = (part: number, whole: number) => (whole <= 0 ? 0 : clamp(part / whole))

/**
 * Ranks one node.
 *
 * - fit: the scarcer of CPU and memory left, as a share of capacity (the least-allocated score of the
 *   Kubernetes scheduler, with min in place of mean); 1 − that when packing.
 * - load: 1 − CPU in use.
 * - crowd: 1 / (1 + tasks per core).
 * - warm: 1 when the input bundle is there.
 */
export function rank(facts: RankFacts, weights: RankWeights): Rank {
  const left = Math.min(
    share(facts.freeAfter.cpuMilli, facts.capacity.cpuMilli),
    share(facts.freeAfter.memoryBytes, facts.capacity.memoryBytes),
  )
  const cores = Math.max(1, facts.capacity.cpuMilli / 1000)
  const terms = {
    fit: weights.fitMode === 'spread' ? left : 1 - left,
    load: 1 - clamp(facts.cpuRatio),
    crowd: 1 / (1 + Math.max(0, facts.running) / cores),
    warm: facts.warm ? 1 : 0,
  }
  const total = weights.fit + weights.load + weights.crowd + weights.warm
  const sum =
    weights.fit * terms.fit + weights.load * terms.load + weights.crowd * terms.crowd + weights.warm * terms.warm
  return { score: total <= 0 ? 0 : sum / total, terms }
}
