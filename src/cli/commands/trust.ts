/** `althing trust`: whose tasks run here. */
import type { Command } from 'commander'
import type { TrustView } from '../../model/api.ts'
import { isPeerId } from '../../model/peer-id.ts'
import { contextOf, type Context } from '../context.ts'
import { checked } from '../options.ts'

/** As the daemon checks it; here it is named. */
const peerId = checked((text) =>
  isPeerId(text) ? undefined : 'expected a peer id: 12D3KooW and 44 more characters, as `althing status` prints it',
)

/** Adds the command. */
export function register(program: Command): void {
  const trust = program
    .command('trust')
    .summary('whose tasks run here')
    .description(
      'The peers whose tasks this machine runs. Others are declined, unless the daemon was started with --open. ' +
        'Add only machines of your own: a task runs with the rights of the daemon.',
    )
    .addHelpText('after', '\nExamples:\n  althing trust add 12D3KooW…\n  althing trust list --json')
  trust
    .command('list')
    .summary('print the list')
    .description('Print the peers whose tasks this machine runs.')
    .addHelpText('after', '\nExamples:\n  althing trust list\n  althing trust list --json')
    .action((_options: object, command: Command) => change(command, ({ client }) => client.get('/v1/trust')))
  trust
    .command('add')
    .summary('run tasks of a peer from now on')
    .description('Run tasks of a peer from now on, and print the list as it is then.')
    .argument('<peer>', 'its peer id, as `althing status` prints it there', peerId)
    .addHelpText('after', '\nExample:\n  althing trust add 12D3KooW…')
    .action((peer: string, _options: object, command: Command) =>
      change(command, ({ client }) => client.post('/v1/trust', { peer })),
    )
  trust
    .command('remove')
    .summary('decline tasks of a peer from now on')
    .description('Decline tasks of a peer from now on; those that run go on. Prints the list as it is then.')
    .argument('<peer>', 'its peer id, as `althing trust list` prints it', peerId)
    .addHelpText('after', '\nExample:\n  althing trust remove 12D3KooW…')
    .action((peer: string, _options: object, command: Command) =>
      change(command, ({ client }) => client.delete(`/v1/trust/${encodeURIComponent(peer)}`)),
    )
}

/** Every subcommand answers with the list as it is then. */
async function change(command: Command, act: (context: Context) => Promise<TrustView>): Promise<void> {
  const context = contextOf(command)
  const trust = await act(context)
  if (context.json) return context.printJson(trust)
  for (const peer of trust.peers) context.print(peer)
  if (trust.open) context.note('althing: this daemon is open: it runs tasks of anyone, in the list or not')
}
