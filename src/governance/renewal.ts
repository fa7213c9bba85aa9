/**
 * Admissions end, so that whoever never hears of a revocation stops believing in time. For those who stay they are
 * renewed by the enroller that signed them, and by any other when that one does not.
 */
import type { Admission } from '../model/governance.ts'
import { mayAdmit, membersAt, type GovernanceState } from './state.ts'

/** An admission is renewed by its enroller when so much of its time is left, */
const RENEW_AT = 1 / 3
/** and by any other when there is only so much. */
const RENEW_FOR_OTHERS_AT = 1 / 6

/** Admissions that this node should sign anew. */
export function dueRenewals(state: GovernanceState, nowMs: number): Admission[] {
  const { self, log } = state
  if (!mayAdmit(state) || log.fork !== undefined) return []
  return membersAt(state, nowMs).flatMap(({ node, owner, roles, notBeforeMs, notAfterMs, enroller }) => {
    const lengthMs = notAfterMs - notBeforeMs
    const leftMs = notAfterMs - nowMs
    if (leftMs > lengthMs * (enroller === self ? RENEW_AT : RENEW_FOR_OTHERS_AT)) return []
    const { cluster } = log
    return [
      { cluster, node, enroller: self, owner, roles: [...roles], notBeforeMs: nowMs, notAfterMs: nowMs + lengthMs },
    ]
  })
}
