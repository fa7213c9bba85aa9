/** `althing wait TASK…`: until tasks have ended. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { EXIT } from '../errors.ts'
import { each, taskArgument } from '../options.ts'
import { exitCodeOf, explainEnd } from '../run/exit-code.ts'
import { taskPath } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('wait')
    .summary('wait until tasks have ended')
    .description(
      'Wait until tasks have ended, and exit as `althing run` would have: with the exit code of the first in order ' +
        'that failed, or 0.',
    )
    .argument('<task...>', 'their ids, or the beginnings of them', each(taskArgument))
    .addHelpText('after', '\nExamples:\n  althing wait TASK\n  althing wait TASK OTHER && echo both well')
    .action(async (ids: string[], _options: object, command: Command) => {
      const { client, clusters, json, print, printJson, note } = contextOf(command)
      const tasks = await Promise.all(ids.map((id) => client.waitFor<TaskView>(taskPath(id, '?wait=ended'))))
      if (json) printJson(tasks)
      else for (const { taskId, state } of tasks) print(`${taskId} ${state}`)
      for (const task of tasks) {
        const why = explainEnd(task, clusters[0])
        if (why !== undefined) note(why)
      }
      const failed = tasks.find(({ state }) => state !== 'succeeded')
      process.exitCode = failed === undefined ? EXIT.ok : exitCodeOf(failed)
    })
}
