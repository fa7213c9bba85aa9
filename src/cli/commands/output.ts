/** `althing output TASK [DIR]`: brings back what an ended task left in `$ALTHING_OUTPUT`. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { commandIn } from '../command-in.ts'
import { contextOf } from '../context.ts'
import { CliError } from '../errors.ts'
import { filled, taskArgument } from '../options.ts'
import { fetchOutput, prepareOutput } from '../run/output.ts'
import { isLive, taskPath } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('output')
    .summary('bring back what a task left in $ALTHING_OUTPUT')
    .description(
      'Bring back what a task left in $ALTHING_OUTPUT, when it was run with --output: of one that was run with ' +
        '--detach, or whose output could not be brought back then.',
    )
    .argument('<task>', 'its id, or the beginning of it', taskArgument)
    .argument('[dir]', 'where to; made when missing (default: a directory named as the task)', filled('a directory'))
    .addHelpText('after', '\nExamples:\n  althing output TASK\n  althing output TASK ./result')
    .action(async (id: string, dir: string | undefined, _options: object, command: Command) => {
      const { client, clusters, json, print, printJson, note } = contextOf(command)
      const task = await client.get<TaskView>(taskPath(id))
      if (isLive(task)) {
        throw new CliError('not-ended', `${task.taskId} has not ended: it is ${task.state}`, {
          fix: `${commandIn(clusters[0], 'wait', task.taskId)} first`,
        })
      }
      const into = dir ?? task.taskId
      prepareOutput(into)
      const notes = await fetchOutput(client, task, into)
      for (const text of notes) note(text)
      if (json) printJson({ taskId: task.taskId, dir: into, notes })
      else print(into)
    })
}
