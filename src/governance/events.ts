/** What is written into the audit log of who belongs and what was decided: each thing once, where it becomes known. */
import { AUDIT_FORK_ENTRIES, AUDIT_FORK_SIGNERS, type AuditDraft } from '../model/audit.ts'
import type { Admission, Refusal, Revocation, Rotation, Ticket } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import type { Key } from './authority.ts'
import type { Fork } from './log.ts'
import type { GovernanceState, Proposed } from './state.ts'
import type { Outcome } from './statements.ts'

/** Outcomes that are no refusal: what counts, what is here, what has not been judged, and what came too late. */
const NO_REFUSAL: ReadonlySet<Outcome> = new Set<Outcome>(['applied', 'beside', 'taken', 'known', 'waiting', 'stale'])

/**
 * The event of a statement that was taken. Attestations and words on canaries are none: members sign them all the time,
 * and they decide nothing by themselves.
 */
export function eventOfStatement({ log }: GovernanceState, { kind, hash, body }: VerifiedStatement): AuditDraft[] {
  switch (kind) {
    case 'entry': {
      const { entry, change } = log.placed.get(hash)!
      const type = log.heights.has(hash) ? 'gov.applied' : 'gov.beside'
      return [{ type, statement: hash, height: entry.height, change: change.kind }]
    }
    case 'admission': {
      const { node, enroller, ticket } = body as Admission
      return [
        { type: 'member.admitted', peer: node, statement: hash, by: enroller, ...(ticket !== undefined && { ticket }) },
      ]
    }
    case 'revocation': {
      const { node, by } = body as Revocation
      return [{ type: 'member.revoked', peer: node, statement: hash, by }]
    }
    case 'rotation': {
      const { from, to } = body as Rotation
      return [{ type: 'member.rotated', peer: from, statement: hash, to }]
    }
    default:
      return []
  }
}

/** The event of a statement that does not count. @param from who brought it; undefined: it was brought by hand */
export function eventOfRefusal({ hash }: VerifiedStatement, outcome: Outcome, from: Key | undefined): AuditDraft[] {
  if (NO_REFUSAL.has(outcome)) return []
  return [{ type: 'gov.refused', statement: hash, reason: outcome, ...(from !== undefined && { peer: from }) }]
}

/** The event of a fork: whom it names, and what it holds against them. */
export function eventOfFork({ parent, entries, doubleSigners }: Fork): AuditDraft {
  return {
    type: 'gov.frozen',
    statement: parent,
    entries: entries.slice(0, AUDIT_FORK_ENTRIES),
    peers: doubleSigners.slice(0, AUDIT_FORK_SIGNERS),
  }
}

/** The event of a ticket that was issued here. */
export function eventOfTicket(ticket: string, { expiresAtMs, for: peer }: Ticket): AuditDraft {
  return { type: 'ticket.made', ticket, expiresAtMs, ...(peer !== undefined && { peer }) }
}

/** The events of a proposal: who signed or refused it beyond those that were known. */
export function eventsOfProposal(before: Proposed | undefined, now: Proposed): AuditDraft[] {
  const { hash: statement, signers } = now.statement
  const known = new Set([...(before?.statement.signers ?? []), ...(before?.refusals ?? []).map(({ hash }) => hash)])
  const { entry, change, refusals } = now
  return [
    ...(before === undefined
      ? [{ type: 'gov.proposed' as const, statement, height: entry.height, change: change.kind }]
      : []),
    ...signers.filter((by) => !known.has(by)).map((by) => ({ type: 'gov.signed' as const, statement, by })),
    ...refusals
      .filter(({ hash }) => !known.has(hash))
      .map(({ body }) => ({ type: 'gov.opposed' as const, statement, by: (body as Refusal).admin })),
  ]
}
