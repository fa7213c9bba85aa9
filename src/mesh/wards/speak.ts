/** Where a node says what: on the topics of its ward, and of the one it goes to. */
import { WHOLE } from '../../model/ward.ts'
import { beatIntervalMs, livingMembers } from '../pace.ts'
import type { MeshConfig, MeshEffect, MeshState } from '../types.ts'
import { membersIn, newestByWard } from './digests.ts'
import { livingIn } from './held.ts'
import { nameOf } from './ward.ts'

/** Beats come up to a tenth early, so that one in an interval is one at this share of it. */
const DUE_SHARE = 0.9

/** Topics that a record goes by; absent: those of the whole mesh alone. */
type Spoken = Pick<MeshEffect & { type: 'publish' }, 'wards'>

/** For what concerns everybody who holds this node: passports, testimony. */
export function everywhere({ wards: { at, move } }: MeshState): Spoken {
  if (at === undefined && move === undefined) return {}
  return { wards: [...new Set([nameOf(at), ...(move ? [nameOf(move.to)] : [])])] }
}

/** Whether this node is on its way between the whole mesh and a ward, and so in two meshes of very different size. */
function isBetween({ wards: { at, move } }: MeshState): boolean {
  return move !== undefined && (at === undefined) !== (move.to === undefined)
}

/**
 * For a heartbeat: where it is said, what interval it names, and when the next is due. On the way between the whole
 * mesh and a ward that is the ward's pace. The whole hears one at its own pace, and judges by that: it is what all of
 * them name, since those of the ward come by sync to others too, who do not hear the next.
 */
export function beatPace(
  state: MeshState,
  config: MeshConfig,
  nowMs: number,
): Spoken & { readonly intervalMs: number; readonly paceMs: number } {
  const { wards } = state
  const living = livingMembers(state)
  if (!isBetween(state)) {
    const intervalMs = beatIntervalMs(config, living)
    return { ...everywhere(state), intervalMs, paceMs: intervalMs }
  }
  const ward = wards.at ?? wards.move?.to
  const paceMs = beatIntervalMs(config, 1 + livingIn(state, ward).length)
  const wholeMs = beatIntervalMs(config, Math.max(living, membersIn(newestByWard(wards).values(), undefined)))
  const isDue = nowMs - wards.toldWholeMs >= DUE_SHARE * wholeMs
  if (isDue) wards.toldWholeMs = nowMs
  return { wards: isDue ? [WHOLE, nameOf(ward)] : [nameOf(ward)], intervalMs: wholeMs, paceMs }
}
