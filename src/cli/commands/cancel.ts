/** `althing cancel TASK…`: ends tasks, and all those of a job. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import type { DaemonClient } from '../client.ts'
import { contextOf } from '../context.ts'
import { ApiProblem, CliError } from '../errors.ts'
import { tasksOfJob, withEach } from '../jobs.ts'
import { each, taskArgument } from '../options.ts'
import { report } from '../report.ts'
import { isLive, taskPath } from '../views.ts'

/** Tasks of a job that are cancelled at once. */
const AT_ONCE = 16

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('cancel')
    .summary('end tasks')
    .description(
      'End tasks: SIGTERM, a grace, SIGKILL. The id of a job ends all of its tasks. Does not wait for their end; ' +
        '`althing logs -f` does.',
    )
    .argument('<task...>', 'ids of tasks or jobs, or the beginnings of them', each(taskArgument))
    .addHelpText('after', '\nExamples:\n  althing cancel TASK OTHER\n  althing cancel JOB')
    .action(async (ids: string[], _options: object, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const cancelled: TaskView[] = []
      for (const id of ids) {
        try {
          cancelled.push(...(await cancel(client, id)))
        } catch (error) {
          // One that has ended already does not spare the others.
          if (!(error instanceof ApiProblem) && !isEnded(error)) throw error
          process.exitCode = report(error)
        }
      }
      if (json) return printJson(cancelled)
      for (const { taskId } of cancelled) print(taskId)
    })
}

async function cancel(client: DaemonClient, id: string): Promise<TaskView[]> {
  try {
    return [await client.post<TaskView>(taskPath(id, '/cancel'))]
  } catch (error) {
    return cancelJob(client, await tasksOfJob(client, id, error))
  }
}

async function cancelJob(client: DaemonClient, tasks: readonly TaskView[]): Promise<TaskView[]> {
  const cancelled = new Map<string, TaskView>()
  await withEach(tasks.filter(isLive), AT_ONCE, async ({ taskId }) => {
    try {
      cancelled.set(taskId, await client.post<TaskView>(taskPath(taskId, '/cancel')))
    } catch (error) {
      // It has ended in the meantime, as others of the job had.
      if (!(error instanceof ApiProblem) || error.code !== 'conflict') throw error
    }
  })
  if (cancelled.size > 0) return tasks.flatMap(({ taskId }) => cancelled.get(taskId) ?? [])
  throw new CliError('ended', `all ${tasks.length} tasks of job ${tasks[0]!.jobId} have ended already`)
}

function isEnded(error: unknown): boolean {
  return error instanceof CliError && error.code === 'ended'
}
