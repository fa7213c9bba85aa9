/** `althing join`: into a cluster, by a ticket. */
import type { Command } from 'commander'
import { type MovedView } from '../../model/cluster.ts'
import { TICKET_PREFIX } from '../../model/cluster-requests.ts'
import { AS, BESIDE, besideOf, tellBeside, type BesideOptions } from '../beside.ts'
import { contextOf } from '../context.ts'
import { faultOfLabelName } from '../gov/words.ts'
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
        'not follow from the cluster id in the ticket, and starts anew as a member; with --beside it stays in the ' +
        'clusters it is in, and takes work of all others there as that of guests. Tasks run on meanwhile.',
    )
    .argument('<ticket>', 'as `althing invite` printed it', ticketArgument)
    .option('--beside', BESIDE)
    .option('--as <name>', AS, checked(faultOfLabelName))
    .option('--own', 'with --beside: tasks of its other nodes of this owner run as your own, not isolated')
    .addHelpText('after', `\nExamples:\n  althing join ${TICKET_PREFIX}…\n  althing join --beside ${TICKET_PREFIX}…`)
    .action(async (ticket: string, options: BesideOptions & { own?: boolean }, command: Command) => {
      const context = contextOf(command)
      const { client, clientOf, json, printJson, note } = context
      const moved = await client.post<MovedView>('/v1/cluster/join', {
        ticket,
        ...besideOf(options),
        own: options.own ?? false,
      })
      if (options.beside === true) return tellBeside(context, moved, 'joined')
      // The first is called otherwise from now on.
      const status = await untilBack(clientOf(undefined), ({ cluster }) => cluster.endsWith(moved.id.slice(0, 16)))
      if (json) return printJson({ ...moved, state: status.state })
      note(`althing: joined ${moved.cluster}, id ${moved.id}`)
    })
}
