/** `althing join`: into a cluster, by a ticket. */
import type { Command } from 'commander'
import { type MovedView } from '../../model/cluster.ts'
import { TICKET_PREFIX } from '../../model/cluster-requests.ts'
import { contextOf } from '../context.ts'
import { untilBack } from '../moved.ts'
import { checked } from '../options.ts'

const ticketArgument = checked((text) =>
  text.trim().startsWith(TICKET_PREFIX)
    ? undefined
    : `expected a ticket, ${TICKET_PREFIX}…, as \`althing invite\` prints it`,
)

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('join')
    .summary('join a cluster by a ticket')
    .description(
      'Join a cluster by a ticket of one of its members. The daemon goes to that member, trusts nothing that does ' +
        'not follow from the cluster id in the ticket, and starts anew as a member. Tasks run on meanwhile.',
    )
    .argument('<ticket>', 'as `althing invite` printed it', ticketArgument)
    .addHelpText('after', `\nExample:\n  althing join ${TICKET_PREFIX}…`)
    .action(async (ticket: string, _options: object, command: Command) => {
      const { client, json, printJson, note } = contextOf(command)
      const moved = await client.post<MovedView>('/v1/cluster/join', { ticket })
      const status = await untilBack(client, ({ cluster }) => cluster.endsWith(moved.id.slice(0, 16)))
      if (json) return printJson({ ...moved, state: status.state })
      note(`althing: joined ${moved.cluster}, id ${moved.id}`)
    })
}
