/** `althing logs TASK`: what a task wrote, or all those of a job. */
import type { IncomingMessage } from 'node:http'
import type { Command } from 'commander'
import type { LogLine, TaskView } from '../../model/api.ts'
import { contextOf, type Context } from '../context.ts'
import { ApiProblem, CliError } from '../errors.ts'
import { tasksOfJob, withEach } from '../jobs.ts'
import { oneOf, taskArgument } from '../options.ts'
import { report } from '../report.ts'
import { FOLLOWED_AT_ONCE } from '../run/follow.ts'
import { jsonSink, prefixSink } from '../run/sinks.ts'
import { readLog } from '../streams.ts'
import { taskPath, whyUnplaced } from '../views.ts'

const STREAMS = ['stdout', 'stderr', 'both'] as const

/** What is read of a log. */
interface LogOptions {
  readonly follow?: boolean
  readonly stream: string
}

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('logs')
    .summary('what a task wrote')
    .description(
      'Print what a task wrote: its stdout to stdout, its stderr to stderr, byte for byte. Of a job it prints what ' +
        'all of its tasks wrote, each line behind the id of its task.',
    )
    .argument('<task>', 'its id or that of a job, or the beginning of it', taskArgument)
    .option('-f, --follow', 'go on until the task has ended, or all of a job')
    .option('--stream <which>', 'stdout, stderr or both', oneOf(STREAMS), 'both')
    .addHelpText(
      'after',
      '\nExamples:\n  althing logs -f TASK\n  althing logs --stream stderr TASK\n  althing logs JOB',
    )
    .action(async (id: string, options: LogOptions, command: Command) => {
      const context = contextOf(command)
      const response = await openLog(context, id, options).catch(async (error: unknown) =>
        logsOfJob(context, await tasksOfJob(context.client, id, error), options),
      )
      if (response === undefined) return
      await printLog(context, id, response, (line) => {
        if (context.json) process.stdout.write(`${JSON.stringify(line)}\n`)
        else process[line.stream].write(Buffer.from(line.data, 'base64'))
      })
    })
}

/** One after the other; those that are followed side by side. */
async function logsOfJob(context: Context, tasks: readonly TaskView[], options: LogOptions): Promise<void> {
  const sink = context.json ? jsonSink() : prefixSink((index) => tasks[index]!.taskId)
  await withEach(tasks, options.follow === true ? FOLLOWED_AT_ONCE : 1, async ({ taskId }, index) => {
    try {
      const response = await openLog(context, taskId, options)
      await printLog(context, taskId, response, (line) => sink.write(index, taskId, line))
    } catch (error) {
      // One whose log cannot be had does not take those of the others.
      if (!(error instanceof ApiProblem) && !isUnavailable(error)) throw error
      process.exitCode = report(error)
    } finally {
      sink.end(index)
    }
  })
}

const UNAVAILABLE = 'log-unavailable'

function isUnavailable(error: unknown): boolean {
  return error instanceof CliError && error.code === UNAVAILABLE
}

function openLog({ client }: Context, id: string, { follow, stream }: LogOptions): Promise<IncomingMessage> {
  const query = new URLSearchParams({ stream, ...(follow === true && { follow: 'true' }) })
  return client.open(taskPath(id, `/logs?${query.toString()}`))
}

/** @throws CliError when the rest cannot be had */
async function printLog(
  { client, note }: Context,
  id: string,
  response: IncomingMessage,
  write: (line: LogLine) => void,
): Promise<void> {
  const lost = await readLog(response, write)
  const { exit, state, taskId } = await client.get<TaskView>(taskPath(id))
  const unplaced = whyUnplaced(exit)
  if (unplaced !== undefined) note(`${taskId} never ran: ${unplaced}`)
  else if (exit?.startError !== undefined) note(`${taskId} never ran: ${exit.startError}`)
  if (exit?.logTruncated === true) note(`${taskId} ${state}; of each stream the first 16 MiB are kept`)
  if (lost !== undefined) throw new CliError(UNAVAILABLE, `the rest of the log of ${taskId} could not be had: ${lost}`)
}
