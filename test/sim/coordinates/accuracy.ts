/** How far the expected round trips are from the usual ones, over all pairs, as time goes by. */
import { distanceMs } from '../../../src/topology/coordinates/point.ts'
import { CoordinateWorld, type WorldOptions } from './world.ts'

/** Relative errors, |expected − usual| / usual, of so many pairs. */
export interface Errors {
  readonly p50: number
  readonly p95: number
}

/** One line of the table. */
export interface CoordinateLine {
  readonly size: number
  readonly atMs: number
  readonly all: Errors
  /** Pairs within a region alone: there the round trips are short, and the hardest to tell. */
  readonly near: Errors
  /** Millisecond by which half of the near pairs are missed. */
  readonly nearMs: number
}

/** Errors of all pairs at this moment, or of those alone of which one is among the first `ofFirst` members. */
function errorsOf(world: CoordinateWorld, ofFirst = Infinity): Omit<CoordinateLine, 'size' | 'atMs'> {
  const { sites } = world.matrix
  const all: number[] = []
  const near: number[] = []
  const missedMs: number[] = []
  for (let a = 0; a < sites.length; a++) {
    for (let b = 0; b < a; b++) {
      if (b >= ofFirst || world.isLiar(a) || world.isLiar(b)) continue
      const usualMs = world.matrix.usualMs(a, b)
      const offMs = Math.abs(distanceMs(world.pointOf(a), world.pointOf(b)) - usualMs)
      all.push(offMs / usualMs)
      if (sites[a]!.region !== sites[b]!.region) continue
      near.push(offMs / usualMs)
      missedMs.push(offMs)
    }
  }
  return { all: errors(all), near: errors(near), nearMs: quantile(missedMs, 0.5) }
}

function errors(values: readonly number[]): Errors {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95) }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

/** Runs one world and looks at given moments. */
export function measureCoordinates(options: WorldOptions, momentsMs: readonly number[]): CoordinateLine[] {
  const world = new CoordinateWorld(options)
  return momentsMs.map((atMs) => {
    world.events.runUntil(atMs)
    return { size: options.size, atMs, ...errorsOf(world) }
  })
}

/** How well members that start anew are placed so long after, in a mesh that has settled: errors of their own pairs. */
export function measureReturn(
  options: WorldOptions & { readonly settleMs: number; readonly returning: number },
  afterMs: readonly number[],
): CoordinateLine[] {
  const world = new CoordinateWorld(options)
  world.events.runUntil(options.settleMs)
  for (let index = 0; index < options.returning; index++) world.restart(index)
  return afterMs.map((atMs) => {
    world.events.runUntil(options.settleMs + atMs)
    return { size: options.size, atMs, ...errorsOf(world, options.returning) }
  })
}
