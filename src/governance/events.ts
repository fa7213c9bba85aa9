/** What is written into the audit log of who belongs and what was decided: each thing once, where it becomes known. */
import { AUDIT_FORK_ENTRIES, AUDIT_FORK_SIGNERS, AUDIT_TEXT, type AuditDraft } from '../model/audit.ts'
import type { CanaryWord } from '../model/configuration.ts'
import type { Admission, Refusal, Revocation, Rotation, Ticket } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import type { Key } from './authority.ts'
import { accusationsOf, versionAt, type HeldConfiguration } from './configuration.ts'
import type { Fork } from './log.ts'
import { counts } from './roster.ts'
import type { GovernanceState, Proposed } from './state.ts'
import type { Outcome } from './statements.ts'

/** Outcomes that are no refusal: what counts, what is here, what has not been judged, and what came too late. */
const NO_REFUSAL: ReadonlySet<Outcome> = new Set<Outcome>(['applied', 'beside', 'taken', 'known', 'waiting', 'stale'])

/**
 * The event of a statement that was taken. Attestations are none, and words of others on canaries: members sign them
 * all the time, and they decide nothing by themselves.
 */
export function eventOfStatement(state: GovernanceState, { kind, hash, body }: VerifiedStatement): AuditDraft[] {
  const { log, roster, statements } = state
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
      const isVoid = !counts(log.authority, roster, statements.get(hash)!)
      return [{ type: 'member.revoked', peer: node, statement: hash, by, ...(isVoid && { void: true }) }]
    }
    case 'rotation': {
      const { from, to } = body as Rotation
      return [{ type: 'member.rotated', peer: from, statement: hash, to }]
    }
    case 'canary':
      return eventsOfWord(state, body as CanaryWord)
    default:
      return []
  }
}

/** What this node itself said of a canary. */
function eventsOfWord(state: GovernanceState, { node, entry, about, well, why }: CanaryWord): AuditDraft[] {
  const version = versionAt(state, entry)
  if (node !== state.self || version === undefined) return []
  const type = well ? 'config.well' : 'config.unwell'
  return [{ type, statement: entry, version, peer: about, reason: why.slice(0, AUDIT_TEXT) }]
}

/** The event of a configuration that holds here from now on, or came further, or was given up. */
export function eventOfConfiguration(self: Key, { decided, stage, words }: HeldConfiguration): AuditDraft {
  const { hash: statement, version, trial } = decided
  if (trial === undefined || stage === 'everywhere') return { type: 'config.applied', statement, version }
  if (stage === 'trial') return { type: 'config.trial', statement, version, canary: trial.canaries.includes(self) }
  const ill = trial.canaries.find((canary) => accusationsOf(canary, trial, words).length > 0)
  if (ill === undefined) return { type: 'config.promoted', statement, version }
  const accusations = accusationsOf(ill, trial, words)
  return {
    ...{ type: 'config.rolled-back', statement, version, peer: ill },
    peers: accusations.map(({ node }) => node),
    reason: accusations[0]!.why.slice(0, AUDIT_TEXT),
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
