/**
 * Proposals: entries of the log that have not enough signatures yet, passed on among members so that each admin finds
 * them where it is. A file that travels does the same; what is kept here decides nothing.
 *
 * Only what an admin of this place has signed is kept, so that nobody else can fill the memory with them, and only for
 * the place that is decided next. Signatures and refusals of one proposal add up; who has more of them passes them on.
 */
import { Change, LogEntry, PROPOSAL_LIMITS, Refusal, type Admins } from '../model/governance.ts'
import type { GovernanceOffers } from '../model/governance-sync.ts'
import { sha256Hex } from '../util/sha256.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import { decidingOf, isSignedBy } from './authority.ts'
import { headOf } from './log.ts'
import { isKilled } from './promises.ts'
import type { GovernanceState, Proposed } from './state.ts'

/** What became of a proposal. Only `taken` and `complete` changed anything. */
export type ProposalOutcome =
  | 'taken'
  /** Enough admins have signed it: it is to be taken as the entry that it is. */
  | 'complete'
  /** Nothing of it is new. */
  | 'known'
  | 'malformed'
  | 'wrong-cluster'
  /** It is not about the place that is decided next. */
  | 'not-next'
  /** Nobody who decides there has signed it. */
  | 'no-admin'
  /** The log is forked: the recovery keys alone can propose. */
  | 'frozen'
  | 'expired'
  | 'full'

/** How far ahead of ours the clock of an admin may be, as for records. */
const SKEW_MS = 30_000

/** Reads what is proposed. @returns why it is nothing to keep */
export function readProposal(
  { log }: GovernanceState,
  statement: VerifiedStatement,
  refusals: readonly VerifiedStatement[],
  nowMs: number,
): Proposed | Exclude<ProposalOutcome, 'taken' | 'complete' | 'known' | 'full'> {
  const parsed = LogEntry.safeParse(statement.body)
  const change = parsed.success ? Change.safeParse(parsed.data.change) : undefined
  if (statement.kind !== 'entry' || change?.success !== true) return 'malformed'
  const entry = parsed.data!
  if (entry.cluster !== log.cluster) return 'wrong-cluster'
  const { height, head } = headOf(log)
  if (entry.parent !== head || entry.height !== height + 1) return 'not-next'
  if (log.fork !== undefined && change.data.kind !== 'recover') return 'frozen'
  if (entry.atMs > nowMs + SKEW_MS || nowMs >= entry.atMs + PROPOSAL_LIMITS.keptMs) return 'expired'
  const deciding = decidingOf(log.authority, change.data)
  if (!statement.signers.some((signer) => deciding.keys.includes(signer))) return 'no-admin'
  const counted = refusals.filter((one) => isRefusalOf(statement.hash, deciding, one))
  return { statement, entry, change: change.data, refusals: counted }
}

function isRefusalOf(hash: string, { keys }: Admins, { kind, body, signers }: VerifiedStatement): boolean {
  const parsed = kind === 'refusal' ? Refusal.safeParse(body) : undefined
  if (parsed?.success !== true || parsed.data.entry !== hash) return false
  return keys.includes(parsed.data.admin) && signers.includes(parsed.data.admin)
}

/** Whether so many have refused a proposal that it can never be decided. */
export function isDead(state: GovernanceState, { statement, change, refusals }: Proposed): boolean {
  return isKilled(statement.hash, decidingOf(state.log.authority, change), state.log.cluster, refusals)
}

/** Keeps a proposal, which has all signatures that were known before. @returns what became of it */
export function keepProposal(state: GovernanceState, proposed: Proposed): ProposalOutcome {
  const { proposals } = state
  const { hash, signers } = proposed.statement
  const known = proposals.get(hash)
  if (known !== undefined && nameOf(known) === nameOf(proposed)) return 'known'
  if (isSignedBy(decidingOf(state.log.authority, proposed.change), signers)) return 'complete'
  if (known === undefined && !hasRoom(state, proposed)) return 'full'
  proposals.set(hash, proposed)
  return 'taken'
}

/** An admin has so many places, so that one that was stolen does not take those of the others. */
function hasRoom(state: GovernanceState, proposed: Proposed): boolean {
  const { proposals } = state
  if (proposals.size >= PROPOSAL_LIMITS.kept) return false
  let bytes = proposed.statement.bytes.length
  for (const { statement } of proposals.values()) bytes += statement.bytes.length
  if (bytes > PROPOSAL_LIMITS.bytes) return false
  const { keys } = decidingOf(state.log.authority, proposed.change)
  const admins = proposed.statement.signers.filter((signer) => keys.includes(signer))
  return admins.some((admin) => signedBy(state, admin) < PROPOSAL_LIMITS.ofOneAdmin)
}

function signedBy({ proposals }: GovernanceState, signer: string): number {
  return [...proposals.values()].filter(({ statement }) => statement.signers.includes(signer)).length
}

/** Hashes of proposals that cannot be decided any more: something else was, or their time is over. */
export function outdated(state: GovernanceState, nowMs: number): string[] {
  return [...state.proposals.values()].flatMap(({ statement, refusals }) =>
    typeof readProposal(state, statement, refusals, nowMs) === 'string' ? [statement.hash] : [],
  )
}

/** Names what there is of one proposal: who signed it, and who refused it. */
function nameOf({ statement, refusals }: Proposed): string {
  const all = [...statement.signers.toSorted(), '', ...refusals.map(({ hash }) => hash).toSorted()]
  return sha256Hex(new TextEncoder().encode(all.join())).slice(0, 16)
}

/** Lists what there is of all proposals. @param answer whether this answers a list */
export function offers({ proposals }: GovernanceState, answer: boolean): GovernanceOffers {
  return { known: [...proposals].map(([hash, proposed]) => [hash, nameOf(proposed)]), answer }
}

/** Proposals of which there is something here that the sender of a list has not. */
export function lackedBy({ proposals }: GovernanceState, { known }: GovernanceOffers): Proposed[] {
  const theirs = new Map(known)
  return [...proposals.values()].filter((proposed) => theirs.get(proposed.statement.hash) !== nameOf(proposed))
}

/** Whether a list names anything that is not here. */
export function isWanting({ proposals }: GovernanceState, { known }: GovernanceOffers): boolean {
  return known.some(([hash, name]) => {
    const own = proposals.get(hash)
    return own === undefined || nameOf(own) !== name
  })
}
