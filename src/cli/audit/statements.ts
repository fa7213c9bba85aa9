/** What events of governance refer to, in words: the statement itself, and how long somebody belonged. */
import type { AuditEvent } from '../../model/audit.ts'
import type { HistoryView } from '../../model/cluster.ts'
import { ifThere, type DaemonClient } from '../client.ts'
import { describeChange } from '../gov/proposal.ts'
import { readHistory } from '../gov/history.ts'
import type { Membership } from './author.ts'

/** The statement an event names, as the daemon still has it: who signed it, and what an entry changes. */
export async function describeStatement(client: DaemonClient, event: AuditEvent): Promise<string[]> {
  if (!('statement' in event)) return []
  // A daemon that has left that cluster has nothing of it any more.
  const history = await ifThere(client.get<HistoryView>('/v1/governance'))
  if (history === undefined) return []
  const { state, statements } = readHistory(history, Date.now())
  const found = statements.find(({ hash }) => hash === event.statement)
  if (found === undefined) return []
  const change = state.log.placed.get(found.hash)?.change
  return [
    `${found.kind} ${found.hash}, signed by ${found.signers.join(', ')}`,
    ...(change === undefined ? [] : describeChange(change).map((line) => `  ${line}`)),
  ]
}

/** Of which cluster the author of a file was a member, and when. */
export function describeMembership(membership: Membership): string[] {
  const { cluster, name, owner, enroller, fromMs, untilMs, ended, before, after } = membership
  const until = `${new Date(untilMs).toISOString()}${ended === undefined ? '' : `, ${ended.how} by ${ended.statement}`}`
  return [
    `a member of ${name} ${cluster}, owner ${owner}, let in by ${enroller}`,
    `from ${new Date(fromMs).toISOString()} until ${until}`,
    ...(before > 0 ? [`${before} of the events are from before it was a member`] : []),
    ...(after > 0 ? [`${after} of the events are from after it was a member`] : []),
  ]
}
