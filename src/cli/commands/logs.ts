/** `althing logs TASK`: what a task wrote. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { CliError } from '../errors.ts'
import { oneOf, taskArgument } from '../options.ts'
import { readLog } from '../streams.ts'
import { taskPath, whyUnplaced } from '../views.ts'

const STREAMS = ['stdout', 'stderr', 'both'] as const

const NOTES = `
What went to stdout and what went to stderr are each in their order; between the
two there is none once the task has ended. Where that matters, let the task write
both to one: althing run -- sh -c 'make 2>&1'

Examples:
  althing logs -f TASK
  althing logs --stream stderr TASK`

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('logs')
    .summary('what a task wrote')
    .description('Print what a task wrote: its stdout to stdout, its stderr to stderr, byte for byte.')
    .argument('<task>', 'its id, or the beginning of it', taskArgument)
    .option('-f, --follow', 'go on until the task has ended')
    .option('--stream <which>', 'stdout, stderr or both', oneOf(STREAMS), 'both')
    .addHelpText('after', NOTES)
    .action(async (task: string, { follow, stream }: { follow?: boolean; stream: string }, command: Command) => {
      const { client, json, note } = contextOf(command)
      const query = new URLSearchParams({ stream, ...(follow === true && { follow: 'true' }) })
      const response = await client.open(taskPath(task, `/logs?${query.toString()}`))
      const lost = await readLog(response, (line) => {
        if (json) process.stdout.write(`${JSON.stringify(line)}\n`)
        else process[line.stream].write(Buffer.from(line.data, 'base64'))
      })
      const { exit, state, taskId } = await client.get<TaskView>(taskPath(task))
      const unplaced = whyUnplaced(exit)
      if (unplaced !== undefined) note(`${taskId} never ran: ${unplaced}`)
      else if (exit?.startError !== undefined) note(`${taskId} never ran: ${exit.startError}`)
      if (exit?.logTruncated === true) note(`${taskId} ${state}; of each stream the first 16 MiB are kept`)
      if (lost !== undefined) throw new CliError('log-unavailable', `the rest of the log could not be had: ${lost}`)
    })
}
