/** `althing status`: this machine's daemon. */
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { describeStatus, pageLink } from '../describe-status.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('status')
    .summary("this machine's daemon")
    .description(
      'Show the daemon of this machine: who it is, where it listens, what it runs, and the link to its page.',
    )
    .addHelpText('after', '\nExamples:\n  althing status\n  althing status --json\n  althing status --in partners')
    .action(async (_options: object, command: Command) => {
      const { client, clientOf, clusters, isRemote, json, printJson, print, paint } = contextOf(command)
      const status = await client.get<StatusView>('/v1/status')
      if (json) return printJson(status)
      const [cluster] = clusters
      // One beside the first has a directory of its own; the token is in that of the daemon, which is the first's.
      const daemon = cluster === undefined ? status : await clientOf(undefined).get<StatusView>('/v1/status')
      print(describeStatus(status, paint, pageLink(daemon, isRemote ? undefined : daemon.dataDir, cluster)))
    })
}
