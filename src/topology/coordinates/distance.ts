/** How far it is from one member to another: as measured, or as expected by their places where it was not. */
import type { MemberId, TopologyState } from '../types.ts'
import { distanceMs, type Point } from './point.ts'
import { measuredOf, rttOf } from './vivaldi.ts'

/** Whoever expects to be this wrong about its own place says nothing by it. */
export const VAGUE_ERROR = 1

/** A round trip between two members. */
export interface Distance {
  readonly rttMs: number
  readonly source: 'measured' | 'estimated'
  /** Of an estimate: the relative error that the less certain of the two expects. */
  readonly error?: number
}

/** From this node to a member, or undefined when nothing is known. To itself it is nought. */
export function distanceTo(state: TopologyState, id: MemberId, nowMs: number): Distance | undefined {
  if (id === state.self) return { rttMs: 0, source: 'measured' }
  const measured = measuredOf(state.placement, id, nowMs)
  if (measured !== undefined) return { rttMs: rttOf(measured), source: 'measured' }
  return estimate(state.placement.point, state.members.get(id)?.point)
}

/** Between any two members, this node among them. */
export function distanceBetween(state: TopologyState, a: MemberId, b: MemberId, nowMs: number): Distance | undefined {
  if (a === state.self) return distanceTo(state, b, nowMs)
  if (b === state.self) return distanceTo(state, a, nowMs)
  return a === b ? { rttMs: 0, source: 'measured' } : estimate(pointOfMember(state, a), pointOfMember(state, b))
}

/** Where a member is, this node included; undefined while it does not know itself. */
export function pointOfMember(state: TopologyState, id: MemberId): Point | undefined {
  const point = id === state.self ? state.placement.point : state.members.get(id)?.point
  return point !== undefined && point.error < VAGUE_ERROR ? point : undefined
}

function estimate(a: Point | undefined, b: Point | undefined): Distance | undefined {
  if (a === undefined || b === undefined) return undefined
  const error = Math.max(a.error, b.error)
  return error < VAGUE_ERROR ? { rttMs: distanceMs(a, b), source: 'estimated', error } : undefined
}
