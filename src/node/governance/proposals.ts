/** Proposals in a running daemon: their signatures are checked and added up here, since the core only counts them. */
import { decidingOf } from '../../governance/authority.ts'
import { isDead } from '../../governance/proposals.ts'
import type { GovernanceState } from '../../governance/state.ts'
import type { StoredProposal } from '../../governance/types.ts'
import type { GovernanceProposal } from '../../model/governance-sync.ts'
import type { ProposalView } from '../../model/proposal-view.ts'
import { TokenBuckets, type Rate } from '../../util/token-buckets.ts'
import { openStatement, signedOnlyBy, withSignatures, type VerifiedStatement } from '../../wire/statement.ts'

/** Proposals that one member may bring at once, and a second: each takes some signatures to check. */
const PROPOSALS: Rate = { perSecond: 1, burst: 64 }
/** More than there can be links. */
const MAX_MEMBERS = 1_024

/** What each member may still bring. */
export function proposalAllowance(): TokenBuckets {
  return new TokenBuckets(PROPOSALS, MAX_MEMBERS)
}

/** Checks what came, and adds what is known of the same proposal. @throws WireError */
export function openProposal(state: GovernanceState, { entry, refusals }: GovernanceProposal): StoredProposal {
  // Anybody can add a signature: those of no admin would fill the room for the others.
  const { admins, recovery } = state.log.authority
  const statement = signedOnlyBy(openStatement(entry, 'entry'), new Set([...admins.keys, ...recovery.keys]))
  const opened = refusals.map((bytes) => openStatement(bytes, 'refusal'))
  const known = state.proposals.get(statement.hash)
  if (known === undefined) return { statement, refusals: opened }
  const byHash = new Map([...known.refusals, ...opened].map((one) => [one.hash, one]))
  return { statement: withSignatures(known.statement, statement.signatures), refusals: [...byHash.values()] }
}

const text = ({ bytes }: VerifiedStatement) => Buffer.from(bytes).toString('base64url')

/** Proposals that wait for signatures, the oldest first. */
export function proposalViews(state: GovernanceState): ProposalView[] {
  const all = [...state.proposals.values()].toSorted((a, b) => a.entry.atMs - b.entry.atMs)
  return all.map((proposed) => {
    const { statement, entry, change, refusals } = proposed
    const { keys, threshold } = decidingOf(state.log.authority, change)
    return {
      id: statement.hash,
      height: entry.height,
      atMs: entry.atMs,
      kind: change.kind,
      signers: statement.signers.filter((signer) => keys.includes(signer)),
      needed: threshold,
      refusedBy: refusals.flatMap(({ signers }) => signers),
      dead: isDead(state, proposed),
      entry: text(statement),
      refusals: refusals.map(text),
    }
  })
}
