/** `althing output TASK [DIR]`: brings back what an ended task, or all those of a job, left in `$ALTHING_OUTPUT`. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { messageOf } from '../../util/errors.ts'
import { commandIn } from '../command-in.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { tasksOfJob } from '../jobs.ts'
import { filled, taskArgument } from '../options.ts'
import { report } from '../report.ts'
import { fetchOutput, prepareOutput } from '../run/output.ts'
import { hasRun, isLive, taskPath } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('output')
    .summary('bring back what a task left in $ALTHING_OUTPUT')
    .description(
      'Bring back what a task left in $ALTHING_OUTPUT, when it was run with --output: of one that was run with ' +
        '--detach, or whose output could not be brought back then. Of a job it brings that of each task into a ' +
        'directory of its own, DIR/0, DIR/1 and so on.',
    )
    .argument('<task>', 'its id or that of a job, or the beginning of it', taskArgument)
    .argument(
      '[dir]',
      'where to; made when missing (default: a directory named as the task or job)',
      filled('a directory'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing output TASK\n  althing output TASK ./result\n  althing output JOB ./results',
    )
    .action(async (id: string, dir: string | undefined, _options: object, command: Command) => {
      const context = contextOf(command)
      const { client, json, print, printJson } = context
      const task = await client
        .get<TaskView>(taskPath(id))
        .catch(async (error: unknown) => outputsOfJob(context, await tasksOfJob(client, id, error), dir))
      if (task === undefined) return
      refuseLive(context, task, task.taskId)
      const into = dir ?? task.taskId
      prepareOutput(into)
      const brought = await bring(context, task, into)
      if (json) printJson(brought)
      else print(into)
    })
}

/** What was brought back of one task, and where to. */
interface Brought {
  readonly taskId: string
  readonly dir: string
  readonly notes: readonly string[]
}

async function bring({ client, note }: Context, task: TaskView, dir: string): Promise<Brought> {
  const notes = await fetchOutput(client, task, dir)
  for (const text of notes) note(text)
  return { taskId: task.taskId, dir, notes }
}

/** @throws CliError `not-ended` */
function refuseLive({ clusters }: Context, task: TaskView, waitFor: string): void {
  if (!isLive(task)) return
  throw new CliError('not-ended', `${task.taskId} has not ended: it is ${task.state}`, {
    fix: `${commandIn(clusters[0], 'wait', waitFor)} first`,
  })
}

/** Each into a directory of its own, by its number in the job, as `run --count` does. */
async function outputsOfJob(context: Context, tasks: readonly TaskView[], dir: string | undefined): Promise<undefined> {
  const { json, print, printJson, note } = context
  const { jobId } = tasks[0]!
  for (const task of tasks) refuseLive(context, task, jobId)
  const into = dir ?? jobId
  prepareOutput(into)
  const ran = tasks.filter(hasRun)
  const brought: Brought[] = []
  for (const task of ran) {
    try {
      brought.push(await bring(context, task, join(into, task.taskId.slice(jobId.length + 1))))
    } catch (error) {
      // One that cannot be had does not take those of the others.
      const what = `the output of ${task.taskId} could not be brought back: ${messageOf(error)}`
      process.exitCode = report(new CliError('output-unavailable', what, { cause: error }))
    }
  }
  if (ran.length < tasks.length)
    note(`${tasks.length - ran.length} of ${tasks.length} tasks never ran, and left nothing`)
  if (json) printJson(brought)
  else for (const one of brought) print(one.dir)
  return undefined
}
