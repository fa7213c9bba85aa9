/** `althing uncordon`: a node takes tasks again. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askToOperate } from '../operate/ask.ts'
import { nodeToOperate, tell } from '../operate/words.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('uncordon')
    .summary('take tasks again')
    .description(
      'Let a node take tasks again; a drain ends with it. Without a name it is this node, in all clusters of the ' +
        'machine unless --in names one. Whoever may cordon another node may lift it, too.',
    )
    .addArgument(nodeToOperate())
    .addHelpText('after', '\nExamples:\n  althing uncordon\n  althing uncordon attic')
    .action(async (node: string | undefined, _options: object, command: Command) => {
      const context = contextOf(command)
      tell(context, await askToOperate(context, { name: 'uncordon' }, { node }))
    })
}
