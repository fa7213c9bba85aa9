/**
 * Where the picture puts everybody: zones by latency, and the nodes of a zone side by side.
 *
 * Zones are as far apart as their coordinates are, seen from the side on which these differ most (principal
 * components). Nodes within a zone are a millisecond apart and would all be one dot; so each zone is a disc in which
 * they stand in the order of their round trips.
 */
import type { PlaceView } from '../../src/model/topology-view.ts'

/** One node, in pixels. */
export interface PlacedNode {
  readonly place: PlaceView
  readonly x: number
  readonly y: number
}

/** One zone, in pixels. */
export interface PlacedZone {
  /** Undefined: of these no zone is known. */
  readonly name: string | undefined
  readonly inferred: boolean
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly nodes: readonly PlacedNode[]
}

/** Between two dots of one zone. */
const SPACING = 46
const LEAST_RADIUS = 44
/** Around a zone, for its name. */
const MARGIN = 26
const ROUNDS = 200
/** Zones nearer than this to each other fill less than the frame. */
const LEAST_SHOWN_MS = 1
/** The angle by which each seed of a sunflower is turned from the one before, radians. */
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5))

interface Disc {
  readonly members: readonly PlaceView[]
  readonly radius: number
  x: number
  y: number
}

/** Lays out so that everything fits into `width`; the height follows. */
export function layOut(
  places: readonly PlaceView[],
  width: number,
): { readonly zones: readonly PlacedZone[]; readonly height: number } {
  const highest = Math.max(320, Math.round(width * (width < 600 ? 1.15 : 0.5)))
  const groups = [...Map.groupBy(places, ({ zone }) => zone?.name)].toSorted(([a], [b]) => compare(a, b))
  const discs = groups.map(([, members]): Disc => {
    const ordered = members.toSorted(
      (a, b) => (a.rtt?.ms ?? Infinity) - (b.rtt?.ms ?? Infinity) || compare(a.name, b.name),
    )
    return { members: ordered, radius: Math.max(LEAST_RADIUS, SPACING * Math.sqrt(members.length)), x: 0, y: 0 }
  })
  spreadOut(discs, width, highest)
  separate(discs)
  const { scale, height } = fit(discs, width, highest)
  const zones = discs.map((disc): PlacedZone => {
    const first = disc.members[0]!
    const nodes = disc.members.map((place, i) => {
      const away = disc.members.length === 1 ? 0 : SPACING * 0.8 * Math.sqrt(i + 0.3) * scale
      return { place, x: disc.x + away * Math.cos(i * GOLDEN_ANGLE), y: disc.y + away * Math.sin(i * GOLDEN_ANGLE) }
    })
    const { x, y } = disc
    return { name: first.zone?.name, inferred: first.zone?.inferred === true, x, y, radius: disc.radius * scale, nodes }
  })
  return { zones, height }
}

function compare(a: string | undefined, b: string | undefined): number {
  return a === b ? 0 : (a ?? '\uffff') < (b ?? '\uffff') ? -1 : 1
}

/** Puts discs where their middles are; those of whom nothing is known at the lower edge, or in a ring if none is. */
function spreadOut(discs: readonly Disc[], width: number, height: number): void {
  const middles = discs.map(({ members }) => middleOf(members))
  const known = middles.filter((middle) => middle !== undefined)
  const points = project(known)
  // Where all are in one place, no distance is worth showing.
  const farthest = Math.max(LEAST_SHOWN_MS, ...points.map(({ x, y }) => Math.hypot(x, y)))
  const reach = 0.5 * Math.min(width, height)
  let next = 0
  discs.forEach((disc, i) => {
    const at = middles[i] === undefined ? undefined : points[next++]!
    if (at !== undefined) {
      disc.x = (at.x / farthest) * reach * (width / height)
      disc.y = (at.y / farthest) * reach
    } else if (known.length > 0) {
      disc.x = i - discs.length / 2
      disc.y = reach
    } else {
      disc.x = LEAST_RADIUS * Math.cos((2 * Math.PI * i) / discs.length)
      disc.y = LEAST_RADIUS * Math.sin((2 * Math.PI * i) / discs.length)
    }
  })
}

function middleOf(members: readonly PlaceView[]): number[] | undefined {
  const known = members.flatMap(({ coordinate }) => (coordinate === undefined ? [] : [coordinate.at]))
  return known[0]?.map((_, axis) => known.reduce((sum, at) => sum + at[axis]!, 0) / known.length)
}

/** The two axes along which points differ most, found by multiplying with their covariance again and again. */
function project(points: readonly (readonly number[])[]): { x: number; y: number }[] {
  const size = points[0]?.length ?? 0
  const middle = Array.from({ length: size }, (_, axis) => points.reduce((sum, p) => sum + p[axis]!, 0) / points.length)
  const centred = points.map((point) => point.map((value, axis) => value - middle[axis]!))
  const first = mainAxis(centred, size)
  const rest = centred.map((point) => point.map((value, axis) => value - dot(point, first) * first[axis]!))
  const second = mainAxis(rest, size)
  return centred.map((point) => ({ x: dot(point, first), y: dot(point, second) }))
}

function mainAxis(points: readonly (readonly number[])[], size: number): number[] {
  let axis = Array.from({ length: size }, (_, i) => 1 / (i + 1))
  for (let round = 0; round < 50; round++) {
    const next = Array.from({ length: size }, (_, i) => points.reduce((sum, p) => sum + dot(p, axis) * p[i]!, 0))
    const length = Math.hypot(...next)
    if (length < 1e-9) return axis.map(() => 0)
    axis = next.map((value) => value / length)
  }
  return axis
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

/** Pushes apart discs that lie upon each other. */
function separate(discs: readonly Disc[]): void {
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false
    discs.forEach((a, i) => {
      for (const [j, b] of discs.entries()) {
        if (j <= i) continue
        const apart = Math.hypot(b.x - a.x, b.y - a.y)
        const lacking = a.radius + b.radius + MARGIN - apart
        if (lacking <= 0.5) continue
        moved = true
        // In the very same place: in directions of their own.
        const angle = apart > 1e-6 ? Math.atan2(b.y - a.y, b.x - a.x) : j * GOLDEN_ANGLE
        const [x, y] = [(Math.cos(angle) * lacking) / 2, (Math.sin(angle) * lacking) / 2]
        a.x -= x
        a.y -= y
        b.x += x
        b.y += y
      }
    })
    if (!moved) return
  }
}

/** Scales and moves all into a frame no higher than it need be. @returns the scale, at most 1, and its height */
function fit(discs: readonly Disc[], width: number, highest: number): { scale: number; height: number } {
  if (discs.length === 0) return { scale: 1, height: 0 }
  const left = Math.min(...discs.map(({ x, radius }) => x - radius))
  const right = Math.max(...discs.map(({ x, radius }) => x + radius))
  const top = Math.min(...discs.map(({ y, radius }) => y - radius)) - MARGIN
  const bottom = Math.max(...discs.map(({ y, radius }) => y + radius))
  const scale = Math.min(1, (width - MARGIN) / (right - left), (highest - MARGIN) / (bottom - top))
  const height = Math.ceil((bottom - top) * scale + MARGIN)
  for (const disc of discs) {
    disc.x = width / 2 + (disc.x - (left + right) / 2) * scale
    disc.y = height / 2 + (disc.y - (top + bottom) / 2) * scale
  }
  return { scale, height }
}
