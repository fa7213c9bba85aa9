/** Proposals that so many have refused that they never count: who signed one is free to sign another in its place. */
import { decidingOf } from '../../governance/authority.ts'
import { isKilled } from '../../governance/promises.ts'
import type { ClusterView } from '../../model/cluster.ts'
import type { ProposalView } from '../../model/proposal-view.ts'
import type { Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { findProposal, opened } from './offered.ts'
import type { Proposal } from './proposal.ts'

/** A proposal that a user says is dead. @returns its hash @throws CliError where too few have refused it */
export async function deadProposal(context: Context, word: string): Promise<string> {
  const { proposal } = await findProposal(context, word)
  const view = await context.client.get<ClusterView>('/v1/cluster')
  if (isDead(view, proposal)) return proposal.statement.hash
  const { keys, threshold } = decidingOf(view, proposal.change)
  throw new CliError('not-refused', `${word} can still be signed: ${keys.length - threshold + 1} refusals end it`, {
    fix: 'let the others whose keys decide it run `althing gov refuse ID` first',
  })
}

/**
 * Those that the daemon here knows to be dead: nobody has to name them. None where it does not tell: that hinders no
 * signature, and a user can still name one.
 *
 * @returns their hashes
 */
export async function deadHere({ client }: Context): Promise<ReadonlySet<string>> {
  try {
    const views = (await client.get<ProposalView[]>('/v1/proposals')).filter(({ dead }) => dead)
    if (views.length === 0) return new Set()
    const cluster = await client.get<ClusterView>('/v1/cluster')
    return new Set(views.flatMap((view) => deadHash(cluster, view)))
  } catch {
    return new Set()
  }
}

function deadHash(cluster: ClusterView, view: ProposalView): string[] {
  try {
    const proposal = opened(view)
    return isDead(cluster, proposal) ? [proposal.statement.hash] : []
  } catch {
    // Of a kind that this version does not know, for one.
    return []
  }
}

/** By the refusals themselves, not by what anybody says of them. */
function isDead(view: ClusterView, { statement, entry, change, refusals }: Proposal): boolean {
  return isKilled(statement.hash, decidingOf(view, change), entry.cluster, refusals)
}
