/** `althing status`: this machine's daemon. */
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { describeStatus } from '../describe-status.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('status')
    .summary("this machine's daemon")
    .description(
      'Show the daemon of this machine: who it is, where it listens, what it runs, and the link to its page.',
    )
    .addHelpText('after', '\nExamples:\n  althing status\n  althing status --json')
    .action(async (_options: object, command: Command) => {
      const { client, isRemote, json, printJson, print, paint } = contextOf(command)
      const status = await client.get<StatusView>('/v1/status')
      if (json) printJson(status)
      else print(describeStatus(status, paint, !isRemote))
    })
}
