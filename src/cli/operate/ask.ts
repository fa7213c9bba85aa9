/** Asks the daemon to cordon, drain or uncordon a node: another one, or this one in all of its clusters. */
import type { StatusView } from '../../model/api.ts'
import type { Operation, OperationView } from '../../model/operation.ts'
import type { Context } from '../context.ts'
import { whoAmI } from '../who-am-i.ts'

/** A node in one of the clusters of the daemon, and how it stands there. */
export interface Stood {
  /** How it stands now; nothing is done. */
  readonly look: () => Promise<OperationView>
  /** The name of the node, with that of the cluster where there are several. */
  readonly label: string
  readonly view: OperationView
}

/** Which node, if it is another one, and whether anything is to be done. */
export interface Asking {
  readonly node?: string | undefined
  readonly dryRun?: boolean
}

/** Asks, and tells how the node stands then. @throws CliError, ApiProblem */
export async function askToOperate(context: Context, operation: Operation, asking: Asking = {}): Promise<Stood[]> {
  const { node, dryRun = false } = asking
  const places = node === undefined ? await clustersOf(context) : [context.clusters[0]]
  const request = { operation, by: whoAmI(), dryRun, ...(node !== undefined && { node }) }
  const stood: Stood[] = []
  for (const cluster of places) {
    const client = context.clientOf(cluster)
    const post = (more: object) => client.post<OperationView>('/v1/operations', { ...request, ...more })
    const view = await post({})
    const label = places.length > 1 ? `${view.name} in ${cluster}` : view.name
    stood.push({ look: () => post({ dryRun: true }), label, view })
  }
  return stood
}

/** That which was named, or all that this machine is in: what is done to it itself holds in each. */
async function clustersOf({ clusters: [named], client }: Context): Promise<(string | undefined)[]> {
  if (named !== undefined) return [named]
  const { clusters } = await client.get<StatusView>('/v1/status')
  return clusters.length > 1 ? clusters : [undefined]
}
