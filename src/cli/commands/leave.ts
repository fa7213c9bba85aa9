/** `althing leave`: out of the cluster, for ever. */
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { DaemonClient } from '../client.ts'
import { contextOf } from '../context.ts'
import { untilBack } from '../moved.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('leave')
    .summary('leave the cluster')
    .description(
      'Leave the cluster. This node revokes its own key, which never comes back, and starts anew alone with another; ' +
        'of several clusters, it stays in the others. ' +
        'Wait for its tasks first, or cancel them.',
    )
    .addHelpText('after', '\nExamples:\n  althing leave\n  althing leave --in partners')
    .action(async (_options: object, command: Command) => {
      const { client, clientOf, clusters, json, printJson, note } = contextOf(command)
      const daemon = clientOf(undefined)
      // Asked before: once it is left, the first goes by another name.
      const beside = await besideNamed(daemon, clusters[0])
      const left = await client.post<MovedView>('/v1/cluster/leave')
      if (beside !== undefined) {
        await untilBack(daemon, ({ clusters: now }) => !now.includes(beside))
        if (json) return printJson({ left: beside, id: left.id })
        return note(`althing: left ${beside}`)
      }
      const status = await untilBack(daemon, ({ peerId }) => peerId !== left.peerId)
      if (json) return printJson({ left: left.cluster, id: left.id, peerId: status.peerId })
      note(`althing: left ${left.cluster}; this node is ${status.peerId} from now on`)
    })
}

/** The cluster that was named, unless it is the daemon's first: that one goes on with another key. */
async function besideNamed(daemon: DaemonClient, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined
  const { clusters } = await daemon.get<StatusView>('/v1/status')
  return clusters[0] === name ? undefined : name
}
