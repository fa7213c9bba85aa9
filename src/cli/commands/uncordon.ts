/** `althing uncordon`: a node takes tasks again. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askToOperate } from '../operate/ask.ts'
import { tell } from '../operate/words.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('uncordon')
    .summary('take tasks again')
    .description(
      'Let this node take tasks again, in all clusters of this machine, unless --in names one. A drain ends with it.',
    )
    .addHelpText('after', '\nExamples:\n  althing uncordon\n  althing uncordon --in works')
    .action(async (_options: object, command: Command) => {
      const context = contextOf(command)
      tell(context, await askToOperate(context, { name: 'uncordon' }))
    })
}
