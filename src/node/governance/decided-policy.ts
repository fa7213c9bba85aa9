/** The policies that the admins of the cluster decided upon, for it and for its network: what can be asked of them. */
import { LEVEL_OF, type DecidedPolicy } from '../../governance/authority.ts'
import type { Placed } from '../../governance/log.ts'
import type { GovernanceState } from '../../governance/state.ts'
import type { Change } from '../../model/governance.ts'
import type { DecidedLevel } from '../../model/policy-levels.ts'
import type { PolicyHistory, PolicyVersion, PolicyView } from '../../model/policy-api.ts'
import { sha256Hex } from '../../util/sha256.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { stateOf } from './current.ts'

/** Versions that are listed, the newest. */
const LISTED = 100

/** The policy in force at a level. @throws OperationError `not-found` without a cluster */
export async function decidedPolicyOf(parts: DaemonParts, level: DecidedLevel): Promise<PolicyView> {
  const state = stateOf(parts)
  const policy = state.log.authority.policies[level]
  if (policy === undefined || policy.text === '') return { stopped: [] }
  const unusable = parts.policies.decidedAt(level)?.unusable
  return {
    policy: await versionOf(state.log.placed.get(policy.hash)!, policy.version),
    text: policy.text,
    ...(unusable !== undefined && { unusable }),
    stopped: [],
  }
}

/** What was decided at a level, newest first. @throws OperationError `not-found` without a cluster */
export async function decidedPolicyHistory(parts: DaemonParts, level: DecidedLevel): Promise<PolicyHistory> {
  const decisions = policyEntries(stateOf(parts), level)
  const numbered = decisions.map((placed, index) => [placed, index + 1] as const)
  const listed = numbered.slice(-LISTED).toReversed()
  return { versions: await Promise.all(listed.map(([placed, version]) => versionOf(placed, version))) }
}

function policyEntries({ log }: GovernanceState, level: DecidedLevel): Placed[] {
  return log.chain.slice(1).flatMap((hash) => {
    const placed = log.placed.get(hash)!
    return isPolicy(placed.change) && LEVEL_OF[placed.change.kind] === level ? [placed] : []
  })
}

function isPolicy(change: Change): change is Change & { readonly kind: keyof typeof LEVEL_OF } {
  return change.kind in LEVEL_OF
}

async function versionOf({ statement, entry, change }: Placed, version: number): Promise<PolicyVersion> {
  const text = isPolicy(change) ? change.text : ''
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

/** Puts what the admins decided at a level in force on this node, and tells of it. */
export async function adoptPolicy(
  { policies, events, clock, log }: DaemonParts,
  level: DecidedLevel,
  decided: DecidedPolicy | undefined,
): Promise<void> {
  if (!(await policies.decide(level, decided))) return
  const what = decided === undefined || decided.text === '' ? 'removed' : 'applied'
  const subject = policies.decidedAt(level)?.name ?? ''
  const { version } = decided ?? {}
  log.info({ policy: subject, level, version, what }, 'the admins of the cluster decided what runs')
  const by = level === 'cluster' ? 'by the cluster' : 'for the network'
  events.emit({ atMs: clock.wallMs(), type: 'policy', subject, what: `${what} ${by}` })
}
