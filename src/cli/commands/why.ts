/** `althing why TASK`: how a task was placed, or why it was not. */
import type { Command } from 'commander'
import type { WhyView } from '../../model/why-view.ts'
import { contextOf } from '../context.ts'
import { taskArgument } from '../options.ts'
import { drawStory } from '../story.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('why')
    .summary('how a task was placed')
    .description(
      'Tell the whole bargaining over a task: who was asked, the bids and what they were worth, who declined for ' +
        'what measured reason, who could not be reached, who was never asked, and what became of each attempt.',
    )
    .argument('<task>', 'its id, or the beginning of it', taskArgument)
    .addHelpText('after', '\nExample:\n  althing why TASK')
    .action(async (task: string, _options: object, command: Command) => {
      const { client, json, printJson, print, paint } = contextOf(command)
      const why = await client.get<WhyView>(`/v1/tasks/${encodeURIComponent(task)}/why`)
      if (json) printJson(why)
      else print(drawStory(why, paint))
    })
}
