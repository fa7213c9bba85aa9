/** Which effects are held back for a disk that takes nothing. */
import type { MeshEffect } from '../mesh/types.ts'

/**
 * Effects held back while the disk is full. Beyond it the oldest go of those that somebody repeats or nobody
 * needs; what starts, keeps or fetches something for good is never dropped.
 */
const MAX_HELD = 50_000
/** How many remain when some go: trimming a few at a time would cost more than they do. */
const HELD_AFTER_TRIM = 45_000
const MAY_BE_DROPPED: ReadonlySet<MeshEffect['type']> = new Set([
  'send',
  'emit',
  'node-event',
  'publish',
  'learn-addresses',
  'fate',
])

/** The newest effects within the bound, and every one that must not be dropped; all of them while they fit. */
export function trimmed(held: MeshEffect[]): MeshEffect[] {
  if (held.length <= MAX_HELD) return held
  let excess = held.length - HELD_AFTER_TRIM
  return held.filter((effect) => !MAY_BE_DROPPED.has(effect.type) || excess-- <= 0)
}
