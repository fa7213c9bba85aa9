/**
 * A member's place in the network: a point in a space where distances are round trips, with a height above it.
 *
 * The height stands for the member's own access link, which every packet of it passes (Dabek, Cox, Kaashoek and
 * Morris, "Vivaldi", SIGCOMM 2004, section 5.4). The adjustment is what no place in the space can express, learnt
 * from this member's own measurements (Lee, Zhang, Sahu and Saha, "On Suitability of Euclidean Embedding of Internet
 * Hosts", SIGMETRICS 2006). The numbers are those of Serf (github.com/hashicorp/serf, `coordinate/config.go`), but
 * for the dimensions.
 */
import { DIMENSIONS } from '../../model/coordinate.ts'
import type { Rng } from '../../util/rng.ts'

/** All lengths in milliseconds of round trip. */
export interface Point {
  /** `DIMENSIONS` of them. */
  readonly at: readonly number[]
  readonly heightMs: number
  readonly adjustmentMs: number
  /** Relative error this member expects of its own place: 0 is certain, `WORST_ERROR` is no idea. */
  readonly error: number
}

/** The error of whoever has measured nothing, and the highest there is. */
export const WORST_ERROR = 1.5
/** A height is never less: it has to be able to grow by a factor. */
const LEAST_HEIGHT_MS = 0.01
/** Two points nearer than this lie upon each other. */
const TOGETHER_MS = 0.001

/** Where everybody begins. */
export const ORIGIN: Point = Object.freeze({
  at: Object.freeze(Array.from({ length: DIMENSIONS }, () => 0)),
  heightMs: LEAST_HEIGHT_MS,
  adjustmentMs: 0,
  error: WORST_ERROR,
})

/** Round trip between two points without their adjustments. */
export function bareDistanceMs(a: Point, b: Point): number {
  return apartMs(a, b) + a.heightMs + b.heightMs
}

/** Expected round trip between two points. Adjustments that would make it negative are left out, as in Serf. */
export function distanceMs(a: Point, b: Point): number {
  const bareMs = bareDistanceMs(a, b)
  const adjustedMs = bareMs + a.adjustmentMs + b.adjustmentMs
  return adjustedMs > 0 ? adjustedMs : bareMs
}

function apartMs(a: Point, b: Point): number {
  let sum = 0
  for (let i = 0; i < DIMENSIONS; i++) sum += (a.at[i]! - b.at[i]!) ** 2
  return Math.sqrt(sum)
}

/** Moves `point` away from `other` by `byMs`, or towards it when that is negative; the height takes its share. */
export function push(point: Point, byMs: number, other: Point, rng: Rng): Point {
  const apart = apartMs(point, other)
  if (apart <= TOGETHER_MS) {
    // Two that lie upon each other are pushed apart in any direction.
    const way = point.at.map(() => rng.next() - 0.5)
    const length = Math.sqrt(way.reduce((sum, one) => sum + one * one, 0)) || 1
    return { ...point, at: point.at.map((one, i) => one + (byMs * way[i]!) / length) }
  }
  const at = point.at.map((one, i) => one + (byMs * (one - other.at[i]!)) / apart)
  const heightMs = point.heightMs + (byMs * (point.heightMs + other.heightMs)) / apart
  return { ...point, at, heightMs: Math.max(heightMs, LEAST_HEIGHT_MS) }
}
