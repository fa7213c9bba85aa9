/**
 * Round trips between members in three regions, made from published figures:
 *
 * - Between regions: averages of pings between AWS regions over VPC peering, R. Imaoka, "Using ping to test AWS VPC
 *   network latency across different regions", 2019-06-10 (its programs: github.com/richardimaoka/aws-ping).
 * - Between zones of one region: 0.25 to 3.37 ms, the extremes that K. Anderson found, "Measuring AWS Region and AZ
 *   Latency" (xkyle.com/Measuring-AWS-Region-and-AZ-Latency).
 * - Within a zone: 0.1 to 0.6 ms, chosen here, a few tenths being what cloud providers state.
 *
 * Every pair then differs from its zones' figure by a factor of its own, because paths do. No space of few dimensions
 * holds such a matrix exactly.
 */
import type { Rng } from '../../../src/util/rng.ts'

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const
/** Milliseconds: us-east-1 to eu-west-1, us-east-1 to ap-northeast-1, eu-west-1 to ap-northeast-1. */
const BETWEEN_REGIONS_MS = [
  [0, 75.975, 152.693],
  [75.975, 0, 217.856],
  [152.693, 217.856, 0],
] as const
const ZONES = 3
const LEAST_BETWEEN_ZONES_MS = 0.25
const MOST_BETWEEN_ZONES_MS = 3.37
/** Each end of a round trip adds its own part of this. */
const LEAST_ACCESS_MS = 0.05
const MOST_ACCESS_MS = 0.3
/** Standard deviation of the logarithm of a pair's factor. */
const PATH_SPREAD = 0.02

/** Where a member stands. */
export interface Site {
  readonly region: string
  readonly zone: string
}

export interface Matrix {
  readonly sites: readonly Site[]
  /** Usual round trip: half of all samples are longer. */
  usualMs(a: number, b: number): number
}

/** Normally distributed, mean 0, deviation 1 (Box and Muller). */
export function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next())
}

/** Places `size` members on nine zones at random. */
export function makeMatrix(size: number, rng: Rng): Matrix {
  const zoneOf = Array.from({ length: size }, () => rng.int(REGIONS.length * ZONES))
  const accessMs = zoneOf.map(() => LEAST_ACCESS_MS + (MOST_ACCESS_MS - LEAST_ACCESS_MS) * rng.next())
  const count = REGIONS.length * ZONES
  const zonesMs = new Float64Array(count * count)
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) {
      const farMs = BETWEEN_REGIONS_MS[Math.floor(a / ZONES)]![Math.floor(b / ZONES)]!
      const nearMs = LEAST_BETWEEN_ZONES_MS + (MOST_BETWEEN_ZONES_MS - LEAST_BETWEEN_ZONES_MS) * rng.next()
      zonesMs[a * count + b] = zonesMs[b * count + a] = farMs + nearMs
    }
  }
  const usual = new Float64Array(size * size)
  for (let a = 0; a < size; a++) {
    for (let b = 0; b < a; b++) {
      const wayMs = zonesMs[zoneOf[a]! * count + zoneOf[b]!]! + accessMs[a]! + accessMs[b]!
      usual[a * size + b] = usual[b * size + a] = wayMs * Math.exp(PATH_SPREAD * normal(rng))
    }
  }
  return {
    sites: zoneOf.map((zone) => {
      const region = REGIONS[Math.floor(zone / ZONES)]!
      return { region, zone: `${region}${'abc'[zone % ZONES]}` }
    }),
    usualMs: (a, b) => usual[a * size + b]!,
  }
}
