/**
 * Against being shown an old state of things for ever: members sign, each day and after each decision, which entry is
 * the newest they know. Who has not heard so from enough others for too long goes on with its own work and takes none
 * of others, since it may have missed that one of them was revoked.
 */
import type { Attestation } from '../model/governance.ts'
import type { Key } from './authority.ts'
import { headOf } from './log.ts'
import { memberAt, membersAt, type GovernanceState } from './state.ts'

/** How long the word of others counts. */
export const FRESH_MS = 30 * 24 * 60 * 60 * 1000
/** So many others must have spoken; fewer where there are not so many. */
const FRESH_WITNESSES = 2
/** How often a member says again what it knows. */
const ATTEST_EVERY_MS = 24 * 60 * 60 * 1000

/** Whether what this node knows was confirmed lately. */
export interface Freshness {
  readonly fresh: boolean
  /** Others that confirmed it within `FRESH_MS`, and how many must. */
  readonly witnesses: number
  readonly needed: number
}

/**
 * Whether enough others attested an entry of this chain lately. That it is an older one than the newest here does no
 * harm: what they knew then, this node knows too.
 */
export function freshness(state: GovernanceState, nowMs: number): Freshness {
  const others = membersAt(state, nowMs).filter(({ node }) => node !== state.self).length
  const needed = Math.min(FRESH_WITNESSES, others)
  let witnesses = 0
  for (const [signer, { body }] of state.attestations) {
    if (signer === state.self || memberAt(state, signer, nowMs) === undefined) continue
    if (state.log.heights.get(body.head) === body.height && body.atMs > nowMs - FRESH_MS) witnesses++
  }
  return { fresh: witnesses >= needed, witnesses, needed }
}

/** What this node should attest now, or undefined when it has said so already. */
export function dueAttestation(state: GovernanceState, self: Key, nowMs: number): Attestation | undefined {
  if (memberAt(state, self, nowMs) === undefined) return undefined
  const { height, head } = headOf(state.log)
  const said = state.attested ?? state.attestations.get(self)?.body
  if (said !== undefined && said.head === head && said.atMs > nowMs - ATTEST_EVERY_MS) return undefined
  // Of two of one moment, or when the clock went back, the others would keep the older.
  const atMs = Math.max(nowMs, (said?.atMs ?? 0) + 1)
  return { cluster: state.log.cluster, node: self, height, head, atMs }
}
