/**
 * Tickets: redeeming one here. It is burnt for a key, durably, before an admission of that key is signed, so that a
 * crash in between costs a retry by the same key and never a second admission.
 */
import type { Admission, Ticket } from '../model/governance.ts'
import type { Key } from './authority.ts'
import { mayAdmit, type GovernanceState, type IssuedTicket } from './state.ts'

/** Why a ticket does not admit. */
export type TicketFault =
  | 'wrong-cluster'
  /** It names another member than this one. */
  | 'wrong-redeemer'
  /** It was not issued here, or has been forgotten since it expired. */
  | 'unknown'
  | 'expired'
  /** It is for one key, and this is another. */
  | 'not-for-you'
  /** Another key was admitted by it. */
  | 'used'
  /** This key was revoked, or has left: a new one is needed. */
  | 'revoked'
  /** The member that issued it may admit nobody any more. */
  | 'no-enroller'
  /** A fork in the log is unresolved: nobody is admitted until it is. */
  | 'frozen'

/** What redeeming a ticket leads to. */
export type Redemption =
  | { readonly fault: TicketFault }
  /** Burn it for this key first, then sign this. */
  | { readonly burnt: IssuedTicket; readonly admission: Admission }

/** Judges a ticket that `node`, whose key was proven, shows. Changes nothing. */
export function redeem(state: GovernanceState, hash: string, shown: Ticket, node: Key, nowMs: number): Redemption {
  const fault = faultOfTicket(state, hash, shown, node, nowMs)
  if (fault !== undefined) return { fault }
  const issued = state.tickets.get(hash)!
  const { owner, roles, membershipMs, cluster } = issued.ticket
  const admission = {
    cluster,
    node,
    enroller: state.self,
    owner,
    roles,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + membershipMs,
    ticket: hash,
  }
  return { burnt: { ticket: issued.ticket, burntFor: node }, admission }
}

function faultOfTicket(
  state: GovernanceState,
  hash: string,
  shown: Ticket,
  node: Key,
  nowMs: number,
): TicketFault | undefined {
  if (shown.cluster !== state.log.cluster) return 'wrong-cluster'
  if (shown.redeemer !== state.self) return 'wrong-redeemer'
  const issued = state.tickets.get(hash)
  if (issued === undefined) return shown.expiresAtMs <= nowMs ? 'expired' : 'unknown'
  if (issued.ticket.expiresAtMs <= nowMs) return 'expired'
  if (issued.ticket.for !== undefined && issued.ticket.for !== node) return 'not-for-you'
  if (issued.burntFor !== undefined && issued.burntFor !== node) return 'used'
  if (state.roster.gone.has(node)) return 'revoked'
  if (!mayAdmit(state)) return 'no-enroller'
  return state.log.fork === undefined ? undefined : 'frozen'
}

/** Tickets by which somebody can still join. */
export function liveTickets(state: GovernanceState, nowMs: number): [hash: string, issued: IssuedTicket][] {
  return [...state.tickets].filter(([, { ticket }]) => ticket.expiresAtMs > nowMs)
}
