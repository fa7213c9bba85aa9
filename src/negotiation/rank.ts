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
  /** A short round trip to the submitter. @default 0.5 */
  readonly distance: number
  /**
   * It is the submitter's own node: award, output and end have no way to go. Worth 10 % of CPU in use, about what two
   * samples of one load differ by, so that among equals a task stays at home. @default 0.1
   */
  readonly local: number
  /** `spread` prefers the emptiest node, `pack` the fullest that still fits. @default 'spread' */
  readonly fitMode: 'spread' | 'pack'
}

/** What a daemon ranks by unless told otherwise. */
export const DEFAULT_WEIGHTS: RankWeights = Object.freeze({
  fit: 1,
  load: 1,
  crowd: 0.5,
  warm: 2,
  distance: 0.5,
  local: 0.1,
  fitMode: 'spread',
})

/** A round trip of so long is worth half of none; milliseconds. Between two regions of a continent. */
const HALF_DISTANCE_MS = 50
/** What is not known counts neither way. */
const UNKNOWN_DISTANCE = 0.5

/** What is known of a node when it is ranked. */
export interface RankFacts {
  readonly capacity: Resources
  readonly freeAfter: Resources
  readonly cpuRatio: number
  readonly running: number
  readonly warm: boolean
  /** Round trip to it, milliseconds; undefined while nothing is known. */
  readonly distanceMs: number | undefined
  /** It is the submitter itself. */
  readonly local: boolean
}

export interface Rank {
  /** Weighted mean of the terms, 0…1. */
  readonly score: number
  readonly terms: Readonly<Record<'fit' | 'load' | 'crowd' | 'warm' | 'distance' | 'local', number>>
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
 * - distance: 1 / (1 + round trip / 50 ms); a half while it is not known.
 * - local: 1 for the submitter's own node.
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
    distance: nearness(facts.distanceMs),
    local: facts.local ? 1 : 0,
  }
  const names = Object.keys(terms) as (keyof typeof terms)[]
  const total = names.reduce((all, name) => all + weights[name], 0)
  const sum = names.reduce((all, name) => all + weights[name] * terms[name], 0)
  return { score: total <= 0 ? 0 : sum / total, terms }
}

function nearness(distanceMs: number | undefined): number {
  return distanceMs === undefined ? UNKNOWN_DISTANCE : 1 / (1 + Math.max(0, distanceMs) / HALF_DISTANCE_MS)
}
