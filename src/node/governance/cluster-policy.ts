/** The policy of the cluster, as its admins decided upon it: the part of what can be asked about policies. */
import type { DecidedPolicy } from '../../governance/authority.ts'
import type { Placed } from '../../governance/log.ts'
import type { GovernanceState } from '../../governance/state.ts'
import type { PolicyHistory, PolicyVersion, PolicyView } from '../../model/policy-api.ts'
import { sha256Hex } from '../../util/sha256.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { stateOf } from './current.ts'

/** Versions that are listed, the newest. */
const LISTED = 100

/** The policy in force. @throws OperationError `not-found` without a cluster */
export async function clusterPolicyOf(parts: DaemonParts): Promise<PolicyView> {
  const state = stateOf(parts)
  const { policy } = state.log.authority
  if (policy === undefined || policy.text === '') return { stopped: [] }
  const unusable = parts.policies.unusable('cluster')
  return {
    policy: await versionOf(state.log.placed.get(policy.hash)!, policy.version),
    text: policy.text,
    ...(unusable !== undefined && { unusable }),
    stopped: [],
  }
}

/** What was decided about it, newest first. @throws OperationError `not-found` without a cluster */
export async function clusterPolicyHistory(parts: DaemonParts): Promise<PolicyHistory> {
  const decisions = policyEntries(stateOf(parts))
  const numbered = decisions.map((placed, index) => [placed, index + 1] as const)
  const listed = numbered.slice(-LISTED).toReversed()
  return { versions: await Promise.all(listed.map(([placed, version]) => versionOf(placed, version))) }
}

function policyEntries({ log }: GovernanceState): Placed[] {
  return log.chain.slice(1).flatMap((hash) => {
    const placed = log.placed.get(hash)!
    return placed.change.kind === 'policy' ? [placed] : []
  })
}

async function versionOf({ statement, entry, change }: Placed, version: number): Promise<PolicyVersion> {
  const text = change.kind === 'policy' ? change.text : ''
  return {
    version,
    atMs: entry.atMs,
    by: `entry ${entry.height}, signed by ${statement.signers.length}`,
    sha256: text === '' ? '' : sha256Hex(new TextEncoder().encode(text)),
    ...(await contentsOf(text)),
    height: entry.height,
    signers: [...statement.signers],
  }
}

/** Name and rules; of what cannot be read nothing is known but that it is there. */
async function contentsOf(text: string): Promise<Pick<PolicyVersion, 'name' | 'rules'>> {
  if (text === '') return { name: '', rules: 0 }
  try {
    const { readPolicyFile } = await import('../../model/policy-file.ts')
    const { metadata, spec } = readPolicyFile(text, '').value
    return { name: metadata.name, rules: spec.rules.length }
  } catch {
    return { name: 'unreadable', rules: 0 }
  }
}

/** Puts what the admins decided in force on this node, and tells of it. */
export async function adoptPolicy(parts: DaemonParts, decided: DecidedPolicy | undefined): Promise<void> {
  const { policies, events, clock, log } = parts
  if (!(await policies.decide(decided))) return
  const what = decided === undefined || decided.text === '' ? 'removed' : 'applied'
  const subject = policies.ofCluster?.name ?? ''
  log.info({ policy: subject, version: decided?.version, what }, 'the admins of the cluster decided what runs')
  events.emit({ atMs: clock.wallMs(), type: 'policy', subject, what: `${what} by the cluster` })
}
