/** A place as heartbeats carry it, and back. */
import { MAX_COORDINATE_MICROS, MAX_ERROR_MILLI, type Coordinate } from '../../model/coordinate.ts'
import type { Point } from './point.ts'
import type { Placement } from './vivaldi.ts'

const MICROS = 1_000
/** Nobody is believed to be surer of its place than this. */
const LEAST_TOLD_ERROR = 0.05

/** What this node tells of its place; undefined when that is out of bounds. */
export function coordinateOf({ point }: Placement): Coordinate | undefined {
  const at = point.at.map(micros)
  const [height, adjustment] = [micros(point.heightMs), micros(point.adjustmentMs)]
  if ([...at, height, adjustment].some((one) => Math.abs(one) > MAX_COORDINATE_MICROS)) return undefined
  return { at, height, adjustment, error: Math.min(Math.round(point.error * 1_000), MAX_ERROR_MILLI) }
}

/** What a member has told. */
export function pointOf({ at, height, adjustment, error }: Coordinate): Point {
  return {
    at: at.map((one) => one / MICROS),
    heightMs: height / MICROS,
    adjustmentMs: adjustment / MICROS,
    error: Math.max(error / 1_000, LEAST_TOLD_ERROR),
  }
}

/** Never minus nought, which has no canonical form. */
function micros(ms: number): number {
  return Math.round(ms * MICROS) + 0
}
