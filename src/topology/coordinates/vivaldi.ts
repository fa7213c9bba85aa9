/**
 * Finding this node's own place from round trips to members whose places are known: Vivaldi with an adaptive time step
 * (Dabek et al., SIGCOMM 2004, section 3.4), a median over the last samples of each member (Ledlie, Gardner and
 * Seltzer, "Network Coordinates in the Wild", NSDI 2007, section 3), and a little gravity against drift (there, 4.2).
 * Constants are those of Serf (`coordinate/config.go`). What is done differently, and why, is in the decision record
 * "Where members are".
 */
import type { Rng } from '../../util/rng.ts'
import { bareDistanceMs, distanceMs, ORIGIN, push, WORST_ERROR, type Point } from './point.ts'

/** How far one sample moves the error and the point, at most: the paper's c_e and c_c. */
const ERROR_GAIN = 0.25
const FORCE_GAIN = 0.25
/**
 * A misfit below this share of the round trip moves the point by less than its length: else the few milliseconds by
 * which far members never fit outweigh everything that is known of near ones.
 */
const FULL_FORCE_AT = 0.1
/** From this error on a node is a newcomer. */
const NEWCOMER_ERROR = 0.5
/**
 * A place that seems farther off than this many times the longest round trip that was measured is none: it is a lie, or
 * its author has not settled.
 */
const TOO_FAR = 2
/** The longest round trip is taken to be at least this: on a LAN that lies off the origin newcomers must get in. */
const LEAST_LONGEST_MS = 50
/** Samples the adjustment is learnt from. */
const ADJUSTMENT_SAMPLES = 20
/**
 * Of so many samples of one member that is taken which a quarter are below. A round trip is never shorter than the way,
 * and often longer, for seconds when a machine is busy; Serf's median of three follows that.
 */
const FILTER_SAMPLES = 8
const FILTER_QUANTILE = 0.25
/** Gravity takes from the distance to the origin, in seconds, the square of its share of this. Serf: 150 s. */
const GRAVITY_MS = 150_000
/** Shorter ones are taken for this: a relative error needs a length. Longer ones are no round trips any more. */
const LEAST_RTT_MS = 0.001
const MOST_RTT_MS = 10_000
/** Members whose last samples are kept; the one measured longest ago goes first. */
const MOST_MEASURED = 512
/** What was measured longer ago than this says nothing of now. */
const MEASURED_MS = 15 * 60_000

/** What this node has measured of one member. */
export interface Measured {
  /** The last few round trips, oldest first. */
  readonly lastMs: number[]
  /** Their lower quartile; undefined until somebody asks: round trips come more often than questions. */
  quartileMs: number | undefined
  /** When the last one came. */
  atMs: number
}

/** The round trip to a member: the lower quartile of the last few. */
export function rttOf(measured: Measured): number {
  const { lastMs } = measured
  const rank = Math.floor(FILTER_QUANTILE * (lastMs.length - 1))
  return (measured.quartileMs ??= lastMs.toSorted((a, b) => a - b)[rank]!)
}

/** This node's place and what it is learnt from. Changed in place. */
export interface Placement {
  point: Point
  /** How often it has moved. */
  moves: number
  /** By what the last round trips were longer than the distances, a ring. */
  readonly misfitsMs: number[]
  /** By member. */
  readonly measured: Map<string, Measured>
}

/** A node that has measured nothing. */
export function createPlacement(): Placement {
  return { point: ORIGIN, moves: 0, misfitsMs: [], measured: new Map() }
}

/** The last measurement of a member, unless it is too old to count. */
export function measuredOf({ measured }: Placement, id: string, nowMs: number): Measured | undefined {
  const known = measured.get(id)
  return known !== undefined && nowMs - known.atMs < MEASURED_MS ? known : undefined
}

/** One round trip to a member. */
export interface Sample {
  readonly id: string
  readonly rttMs: number
  readonly nowMs: number
}

/**
 * Keeps one round trip. It moves the point at once only if the member is much surer of its place than this node: a
 * newcomer finds its place in seconds so. Everybody else moves when a member tells its place; see `reconsider`.
 */
export function observe(placement: Placement, sample: Sample, other: Point | undefined, rng: Rng): void {
  const { id, rttMs, nowMs } = sample
  if (!(rttMs >= 0 && rttMs <= MOST_RTT_MS)) return
  const measured = measuredOf(placement, id, nowMs) ?? startMeasuring(placement, id)
  if (measured.lastMs.length === FILTER_SAMPLES) measured.lastMs.shift()
  measured.lastMs.push(rttMs)
  measured.quartileMs = undefined
  measured.atMs = nowMs
  if (other !== undefined && isNewcomerTo(placement.point, other)) move(placement, other, rttOf(measured), rng)
}

/** Makes room for one more member, in place of the one that was measured longest ago. */
function startMeasuring({ measured }: Placement, id: string): Measured {
  if (measured.size >= MOST_MEASURED && !measured.has(id)) {
    let oldest: string | undefined
    let oldestMs = Infinity
    for (const [other, { atMs }] of measured) {
      if (atMs >= oldestMs) continue
      oldest = other
      oldestMs = atMs
    }
    if (oldest !== undefined) measured.delete(oldest)
  }
  const fresh: Measured = { lastMs: [], quartileMs: undefined, atMs: -Infinity }
  measured.set(id, fresh)
  return fresh
}

/**
 * A member has told its place: what was measured of it counts, once. So each measured member counts the same, however
 * often it is probed, and no two of them overshoot together by moving again and again against where the other was.
 */
export function reconsider(placement: Placement, id: string, other: Point, nowMs: number, rng: Rng): void {
  const measured = measuredOf(placement, id, nowMs)
  if (measured !== undefined) move(placement, other, rttOf(measured), rng)
}

/** Whether this node hardly knows where it is, and the other one does. */
function isNewcomerTo(own: Point, other: Point): boolean {
  return own.error >= NEWCOMER_ERROR && 2 * other.error <= own.error
}

function move(placement: Placement, other: Point, measuredMs: number, rng: Rng): void {
  const before = placement.point
  const rttMs = Math.max(measuredMs, LEAST_RTT_MS)
  const tooLongMs = rttMs - distanceMs(before, other)
  if (tooLongMs < -TOO_FAR * longestMs(placement)) return
  const misfit = Math.abs(tooLongMs) / rttMs
  // Who is surer moves less; who is well placed counts for more.
  const weight = before.error / Math.max(before.error + other.error, Number.EPSILON)
  const error = Math.min(before.error + ERROR_GAIN * weight * (misfit - before.error), WORST_ERROR)
  const force = FORCE_GAIN * weight * Math.min(1, misfit / FULL_FORCE_AT)
  const pushed = push({ ...before, error }, force * tooLongMs, other, rng)
  const adjustmentMs = adjustment(placement, rttMs - bareDistanceMs(pushed, other))
  const point = pull({ ...pushed, adjustmentMs })
  placement.moves++
  placement.point = isFinite(point) ? point : ORIGIN
}

/** Half of the mean misfit: the other half is the other member's. As Serf, over a full window from the start. */
function adjustment({ moves, misfitsMs }: Placement, misfitMs: number): number {
  misfitsMs[moves % ADJUSTMENT_SAMPLES] = misfitMs
  return misfitsMs.reduce((sum, one) => sum + one, 0) / (2 * ADJUSTMENT_SAMPLES)
}

/** Gravity: all points together could move off for ever without a single distance changing. */
function pull(point: Point): Point {
  const awayMs = Math.hypot(...point.at)
  const keep = 1 - (1_000 * awayMs) / GRAVITY_MS ** 2
  return { ...point, at: point.at.map((one) => one * keep) }
}

function isFinite({ at, heightMs, adjustmentMs, error }: Point): boolean {
  return [...at, heightMs, adjustmentMs, error].every((one) => Number.isFinite(one))
}

/** The scale of the network, by this node's own measurements: nobody else can make it longer than it waits for. */
function longestMs({ measured }: Placement): number {
  let longest = LEAST_LONGEST_MS
  for (const one of measured.values()) longest = Math.max(longest, rttOf(one))
  return longest
}
