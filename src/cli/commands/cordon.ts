/** `althing cordon`: a node takes no new tasks. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askToOperate } from '../operate/ask.ts'
import { reasonOption, tell } from '../operate/words.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('cordon')
    .summary('take no new tasks')
    .description(
      'Let this node take no new tasks until `althing uncordon`, over restarts too; those that it has run on. Others ' +
        'are told, with the reason, and do not ask it. In all clusters of this machine, unless --in names one.',
    )
    .addOption(reasonOption())
    .addHelpText('after', '\nExamples:\n  althing cordon --reason "kernel update"\n  althing cordon --in works')
    .action(async ({ reason }: { reason?: string }, command: Command) => {
      const context = contextOf(command)
      tell(context, await askToOperate(context, { name: 'cordon', ...(reason !== undefined && { reason }) }))
    })
}
