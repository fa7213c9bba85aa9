/** `althing cancel TASK…`: ends tasks. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { ApiProblem } from '../errors.ts'
import { each, taskArgument } from '../options.ts'
import { report } from '../report.ts'
import { taskPath } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('cancel')
    .summary('end tasks')
    .description('End tasks: SIGTERM, a grace, SIGKILL. Does not wait for their end; `althing logs -f` does.')
    .argument('<task...>', 'their ids, or the beginnings of them', each(taskArgument))
    .addHelpText('after', '\nExample:\n  althing cancel TASK OTHER')
    .action(async (tasks: string[], _options: object, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const cancelled: TaskView[] = []
      for (const task of tasks) {
        try {
          cancelled.push(await client.post<TaskView>(taskPath(task, '/cancel')))
        } catch (error) {
          // One that has ended already does not spare the others.
          if (!(error instanceof ApiProblem)) throw error
          process.exitCode = report(error)
        }
      }
      if (json) return printJson(cancelled)
      for (const { taskId } of cancelled) print(taskId)
    })
}
