/** What a step does with proposals: keeps them, passes them on, drops those that can be decided no more. */
import type { GovernanceOffers } from '../model/governance-sync.ts'
import type { Key } from './authority.ts'
import { eventsOfProposal } from './events.ts'
import { isWanting, keepProposal, lackedBy, offers, outdated, readProposal, type ProposalOutcome } from './proposals.ts'
import type { GovernanceState, Proposed } from './state.ts'
import type { GovernanceEffect, GovernanceInput, StoredProposal } from './types.ts'

/** Takes a proposal. @returns what became of it: one that is `complete` is for the log to take */
export function takeProposal(
  state: GovernanceState,
  { from, statement, refusals }: GovernanceInput & { type: 'proposal' },
  out: GovernanceEffect[],
  nowMs: number,
): ProposalOutcome {
  const read = readProposal(state, statement, refusals, nowMs)
  const before = state.proposals.get(statement.hash)
  const outcome = typeof read === 'string' ? read : keepProposal(state, read)
  if (typeof read !== 'string' && (outcome === 'taken' || outcome === 'complete')) {
    for (const event of eventsOfProposal(before, read)) out.push({ type: 'audit', event })
  }
  if (typeof read !== 'string' && outcome === 'taken') {
    out.push({ type: 'persist-proposal', key: statement.hash, proposal: stored(read) })
    for (const peer of state.linked) {
      if (peer !== from && !state.roster.gone.has(peer)) send(peer, read, out)
    }
  }
  out.push({ type: 'proposed', outcome })
  return outcome
}

function stored({ statement, refusals }: Proposed): StoredProposal {
  return { statement, refusals }
}

function send(to: Key, { statement, refusals }: Proposed, out: GovernanceEffect[]): void {
  const body = { entry: statement.bytes, refusals: refusals.map(({ bytes }) => bytes) }
  out.push({ type: 'send', to, message: { t: 'gov-proposal', body } })
}

/** Names to a linked member what there is, if there is anything. */
export function offerTo(state: GovernanceState, to: Key, out: GovernanceEffect[]): void {
  if (state.proposals.size === 0 || state.roster.gone.has(to)) return
  out.push({ type: 'send', to, message: { t: 'gov-offers', body: offers(state, false) } })
}

/** Gives what the sender of a list lacks, and asks for what it names beyond that. */
export function answerOffers(
  state: GovernanceState,
  from: Key,
  listed: GovernanceOffers,
  out: GovernanceEffect[],
): void {
  for (const proposed of lackedBy(state, listed)) send(from, proposed, out)
  if (listed.answer || !isWanting(state, listed)) return
  out.push({ type: 'send', to: from, message: { t: 'gov-offers', body: offers(state, true) } })
}

/** Takes up what was kept before this daemon started. What is outdated goes at the first step. */
export function restoreProposals(state: GovernanceState, proposals: readonly StoredProposal[], nowMs: number): void {
  for (const { statement, refusals } of proposals) {
    const read = readProposal(state, statement, refusals, nowMs)
    if (typeof read !== 'string') keepProposal(state, read)
  }
}

/** Drops what cannot be decided any more. */
export function dropProposals(state: GovernanceState, nowMs: number, out: GovernanceEffect[]): void {
  for (const key of outdated(state, nowMs)) {
    state.proposals.delete(key)
    out.push({ type: 'persist-proposal', key, proposal: null })
  }
}
