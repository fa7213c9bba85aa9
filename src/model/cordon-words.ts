/** A cordon in words, for those who show one and check none: no schema comes with it. */
import type { Cordon, CordonView } from './cordon.ts'

/** As others are told of it. */
export function viewOfCordon({ by, reason, drain }: Cordon): CordonView {
  const state = drain === undefined ? 'cordoned' : drain.endedMs === undefined ? 'draining' : 'drained'
  return { state, by, ...(reason !== undefined && { reason }) }
}

/** In a line: `cordoned by ann: kernel update`. */
export function describeCordon({ state, by, reason }: CordonView): string {
  return `${state} by ${by}${reason === undefined ? '' : `: ${reason}`}`
}
