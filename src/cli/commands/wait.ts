/** `althing wait TASK…`: until tasks have ended, and all those of a job. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import type { DaemonClient } from '../client.ts'
import { contextOf } from '../context.ts'
import { EXIT } from '../errors.ts'
import { tasksOfJob, withEach } from '../jobs.ts'
import { each, taskArgument } from '../options.ts'
import { exitCodeOf, explainEnd } from '../run/exit-code.ts'
import { isLive, taskPath } from '../views.ts'

/** Tasks of a job that are waited for at once: all must end, so the order is the same to whoever waits. */
const AT_ONCE = 16

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('wait')
    .summary('wait until tasks have ended')
    .description(
      'Wait until tasks have ended, and exit as `althing run` would have: with the exit code of the first in order ' +
        'that failed, or 0. The id of a job means all of its tasks.',
    )
    .argument('<task...>', 'ids of tasks or jobs, or the beginnings of them', each(taskArgument))
    .addHelpText(
      'after',
      '\nExamples:\n  althing wait TASK\n  althing wait TASK OTHER && echo both well\n  althing wait JOB',
    )
    .action(async (ids: string[], _options: object, command: Command) => {
      const { client, clusters, json, print, printJson, note } = contextOf(command)
      const tasks = (await Promise.all(ids.map((id) => ended(client, id)))).flat()
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

/** The task that an id means, or those of a job, once they have ended and their outputs are here. */
async function ended(client: DaemonClient, id: string): Promise<TaskView[]> {
  const waitFor = (taskId: string) => client.waitFor<TaskView>(taskPath(taskId, '?wait=ended'))
  try {
    return [await waitFor(id)]
  } catch (error) {
    const tasks = await tasksOfJob(client, id, error)
    await withEach(tasks, AT_ONCE, async (task, index) => {
      if (isLive(task) || task.output === 'fetching') tasks[index] = await waitFor(task.taskId)
    })
    return tasks
  }
}
