/** The policy of a cluster, as its admins decide upon it: an entry of the governance log like any other. */
import type { ClusterView } from '../../model/cluster.ts'
import { GOVERNANCE_LIMITS } from '../../model/governance.ts'
import type { PolicyTrial, PolicyView } from '../../model/policy-api.ts'
import type { Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { begin } from './signing.ts'

/** Checks a policy file at the daemon, and proposes it. @throws CliError with file, line and field of each mistake */
export async function proposePolicy(
  context: Context,
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
  const query = new URLSearchParams({ file: name, level: 'cluster' }).toString()
  await client.send<PolicyTrial>(`/v1/policy/test?${query}`, 'application/yaml', file)
  await begin(context, view, { kind: 'policy', text: file.toString('utf8') }, out)
}

/** Proposes that the cluster has no policy any more. @throws CliError `not-found` when it has none */
export async function proposeNoPolicy(context: Context, out: string | undefined): Promise<void> {
  const { client } = context
  const view = await client.get<ClusterView>('/v1/cluster')
  const { text } = await client.get<PolicyView>('/v1/policy?level=cluster')
  if (text === undefined) {
    throw new CliError('not-found', 'the cluster has no policy', {
      fix: '`althing policy get` prints that of this node; `althing policy remove` takes it out of force',
    })
  }
  await begin(context, view, { kind: 'policy', text: '' }, out)
}
