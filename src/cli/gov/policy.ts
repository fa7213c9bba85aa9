/** The policies that admins decide upon: entries of the governance log like any other. */
import type { ClusterView } from '../../model/cluster.ts'
import { GOVERNANCE_LIMITS } from '../../model/governance.ts'
import type { DecidedLevel } from '../../model/policy-levels.ts'
import type { PolicyTrial, PolicyView } from '../../model/policy-api.ts'
import type { Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { begin } from './deciding.ts'

/** The kind of change that decides upon each. */
const KINDS = { cluster: 'policy', network: 'network-policy' } as const satisfies Record<DecidedLevel, string>

/** Checks a policy file at the daemon, and proposes it. @throws CliError with file, line and field of each mistake */
export async function proposePolicy(
  context: Context,
  level: DecidedLevel,
  file: Buffer,
  name: string,
  out: string | undefined,
): Promise<void> {
  const { client } = context
  const view = await client.get<ClusterView>('/v1/cluster')
  if (file.length > GOVERNANCE_LIMITS.policyBytes) {
    throw usageError(
      `${name}: ${file.length} bytes; the policy of a cluster has at most ${GOVERNANCE_LIMITS.policyBytes}`,
      'join rules that say the same; a policy of single nodes may be larger',
    )
  }
  const query = new URLSearchParams({ file: name, level }).toString()
  await client.send<PolicyTrial>(`/v1/policy/test?${query}`, 'application/yaml', file)
  await begin(context, view, { kind: KINDS[level], text: file.toString('utf8') }, out)
}

/** Proposes that there is none of a level any more. @throws CliError `not-found` where there is none */
export async function proposeNoPolicy(context: Context, level: DecidedLevel, out: string | undefined): Promise<void> {
  const { client } = context
  const view = await client.get<ClusterView>('/v1/cluster')
  const { text } = await client.get<PolicyView>(`/v1/policy?level=${level}`)
  if (text === undefined) {
    throw new CliError('not-found', `there is no ${level} policy`, {
      fix: '`althing policy get` prints that of this node; `althing policy remove` takes it out of force',
    })
  }
  await begin(context, view, { kind: KINDS[level], text: '' }, out)
}
