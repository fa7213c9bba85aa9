/** Asks the daemon to cordon, drain or uncordon a node: this one, in all of its clusters unless one is named. */
import type { StatusView } from '../../model/api.ts'
import type { Operation, OperationView } from '../../model/operation.ts'
import type { DaemonClient } from '../client.ts'
import type { Context } from '../context.ts'
import { whoAmI } from '../who-am-i.ts'

/** A node in one of the clusters of the daemon, and how it stands there. */
export interface Stood {
  readonly client: DaemonClient
  /** The name of the node, with that of the cluster where there are several. */
  readonly label: string
  readonly view: OperationView
}

/** Asks, and tells how the node stands then. @throws CliError, ApiProblem */
export async function askToOperate(context: Context, operation: Operation, dryRun = false): Promise<Stood[]> {
  const places = await clustersOf(context)
  const stood: Stood[] = []
  for (const cluster of places) {
    const client = context.clientOf(cluster)
    const view = await client.post<OperationView>('/v1/operations', { operation, by: whoAmI(), dryRun })
    stood.push({ client, label: places.length > 1 ? `${view.name} in ${cluster}` : view.name, view })
  }
  return stood
}

/** That which was named, or all that this machine is in: what is done to it itself holds in each. */
async function clustersOf({ clusters: [named], client }: Context): Promise<(string | undefined)[]> {
  if (named !== undefined) return [named]
  const { clusters } = await client.get<StatusView>('/v1/status')
  return clusters.length > 1 ? clusters : [undefined]
}
