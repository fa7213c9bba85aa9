/** `althing cordon`: a node takes no new tasks. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askToOperate } from '../operate/ask.ts'
import { nodeToOperate, reasonOption, tell } from '../operate/words.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('cordon')
    .summary('take no new tasks')
    .description(
      'Let a node take no new tasks until `althing uncordon`, over restarts too; those it has run on. Others are ' +
        'told, with the reason, and do not ask it. Without a name it is this node, in all clusters of the machine ' +
        'unless --in names one; another node decides by its policy whether it may be asked.',
    )
    .addArgument(nodeToOperate())
    .addOption(reasonOption())
    .addHelpText('after', '\nExamples:\n  althing cordon --reason "kernel update"\n  althing cordon attic')
    .action(async (node: string | undefined, { reason }: { reason?: string }, command: Command) => {
      const context = contextOf(command)
      const operation = { name: 'cordon', ...(reason !== undefined && { reason }) } as const
      tell(context, await askToOperate(context, operation, { node }))
    })
}
