/** `althing leave`: out of the cluster, for ever. */
import type { Command } from 'commander'
import type { MovedView } from '../../model/cluster.ts'
import { contextOf } from '../context.ts'
import { untilBack } from '../moved.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('leave')
    .summary('leave the cluster')
    .description(
      'Leave the cluster. This node revokes its own key, which never comes back, and starts anew alone with another. ' +
        'Wait for its tasks first, or cancel them.',
    )
    .addHelpText('after', '\nExample:\n  althing leave')
    .action(async (_options: object, command: Command) => {
      const { client, json, printJson, note } = contextOf(command)
      const left = await client.post<MovedView>('/v1/cluster/leave')
      const status = await untilBack(client, ({ peerId }) => peerId !== left.peerId)
      if (json) return printJson({ left: left.cluster, id: left.id, peerId: status.peerId })
      note(`althing: left ${left.cluster}; this node is ${status.peerId} from now on`)
    })
}
