/** `althing run -- COMMAND`: runs a command somewhere in the mesh as if it ran here. */
import { join } from 'node:path'
import type { Command } from 'commander'
import type { JobAccepted, TaskView } from '../../model/api.ts'
import {
  DEFAULT_RESOURCES,
  DEFAULT_TASK,
  LEAST_RESERVED,
  SPREAD_OVER,
  TASK_ISOLATION,
  TASK_LIMITS,
} from '../../model/defaults.ts'
import { formatBytes, formatCpu } from '../../model/quantity.ts'
import type { SettingKey } from '../../model/settings.ts'
import { messageOf } from '../../util/errors.ts'
import { commandIn } from '../command-in.ts'
import { contextOfMany, type Context } from '../context.ts'
import { CliError, EXIT } from '../errors.ts'
import { formatDuration } from '../format.ts'
import {
  bytes,
  checked,
  cpu,
  duration,
  each,
  filled,
  integer,
  nodeArgument,
  oneOf,
  pairs,
  selector,
  variable,
} from '../options.ts'
import { whenPipeBreaks } from '../pipes.ts'
import { shownWord } from '../terminal.ts'
import { report } from '../report.ts'
import { bundlePaths, uploadBundle } from '../run/bundle.ts'
import { exitCodeOf, explainEnd } from '../run/exit-code.ts'
import { followMany, followOne } from '../run/follow.ts'
import { cancelAll, watchInterrupts } from '../run/interrupt.ts'
import { createMessages, type Messages } from '../run/messages.ts'
import { fetchOutput, prepareOutput } from '../run/output.ts'
import { checkCommand, jobOf, type RunOptions } from '../run/request.ts'
import { jsonSink, prefixSink, rawSink } from '../run/sinks.ts'
import { hasRun, isLive } from '../views.ts'

const NOTES = `
The task's standard input is empty: what it is to read goes with --input. Of each
of its streams 16 MiB are kept and shown, unless the setting task.log-cap of the
node says otherwise; larger results go to $ALTHING_OUTPUT.
What it says to stdout and stderr at one moment may be shown in either order: a
task that writes both to one (2>&1) keeps it.

Without --cpu and --memory a task reserves a little of both, and is limited in
neither.

On machines of another owner, and with --isolation bwrap, a task runs isolated: it
has no network unless that machine allows it, and sees no files but programs and
its own; $ALTHING_ISOLATION is set.

Paths given to --input keep their names: with --input ./data the task finds
data/… in its working directory. They must lie below the directory the command
is run in. Only files, directories and symbolic links travel, either way; what
else there is, and links that lead out of an output, are left out and named.

Exit codes: the task's own (128 + n when signal n ended it), 124 when it ran out
of time, 125 when no node took it or Althing failed, 126 when it could not be
started, 127 when there is no such command, 2 for wrong usage. With --count,
that of the first task in order that failed. Ctrl-C cancels the task and waits
for it; pressed again, it leaves at once.

Examples:
  althing run -- uname -a
  althing run --cpu 2 --memory 1Gi --input ./data -- wc -w data/a.txt data/b.txt
  althing run --node attic -- df -h
  althing run -l zone=attic --input ./app --output ./result -- sh -c 'make -C app && cp app/app $ALTHING_OUTPUT'
  althing run --count 100 --retries 2 --input ./simulate -- ./simulate
  althing run --count 6 --spread zone --input ./replica -- ./replica
  althing run --in house,partners -- make  where the best bid is, in either cluster
  althing run --detach --output ./result -- sh -c 'sleep 60; date >$ALTHING_OUTPUT/date'
                                          then: althing wait TASK; althing output TASK ./result`

/** What holds where neither the command nor the node says otherwise. */
function defaultOf(ms: number, setting: SettingKey): string {
  return `(default: ${formatDuration(ms)}, or the setting ${setting})`
}

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('run')
    .summary('run a command somewhere in the mesh')
    .description(
      'Run a command on the machine that makes the best bid. Its output streams back, and `run` exits with its ' +
        'exit code.',
    )
    .argument('<command...>', 'the command and its arguments; put -- before it when it has options of its own')
    .passThroughOptions()
    .option(
      '--cpu <cores>',
      `reserve and allow so many cores: 2, 0.5, 500m (default: reserve ${formatCpu(DEFAULT_RESOURCES.cpuMilli)})`,
      cpu(LEAST_RESERVED.cpuMilli),
    )
    .option(
      '--memory <bytes>',
      `reserve and allow so much memory: 512Mi, 2Gi (default: reserve ${formatBytes(DEFAULT_RESOURCES.memoryBytes)})`,
      bytes(LEAST_RESERVED.memoryBytes / 1024 ** 2),
    )
    .option('-l, --selector <labels>', 'only on nodes with these labels: zone=attic,!gpu (default: any)', selector)
    .option(
      '--node <node>',
      'only on this machine: its name or peer id, the beginning of one, or the end of the id',
      nodeArgument,
    )
    .option(
      '--input <path>',
      'a file or directory the task needs; may be given again',
      each(filled('a file or directory')),
    )
    .option('--output <dir>', 'bring back what the task leaves in $ALTHING_OUTPUT', filled('a directory'))
    .option(
      '-e, --env <name=value>',
      'set a variable, or pass on one of here by its name alone; may be given again',
      pairs(variable(process.env)),
    )
    .option(
      '--timeout <duration>',
      `end the task after this: 90s, 5m, 2h, 1d ${defaultOf(DEFAULT_TASK.timeoutMs, 'task.timeout')}`,
      duration(1, TASK_LIMITS.timeoutMs),
    )
    .option(
      '--grace <duration>',
      `between SIGTERM and SIGKILL (default: ${formatDuration(DEFAULT_TASK.graceMs)})`,
      duration(0, TASK_LIMITS.graceMs),
    )
    .option(
      '--place-timeout <duration>',
      `give up when it is not placed by then ${defaultOf(DEFAULT_TASK.placeTimeoutMs, 'task.place-timeout')}`,
      duration(1, TASK_LIMITS.placeTimeoutMs),
    )
    .option('--retries <n>', 'try again so often when it fails (default: 0)', integer(0, TASK_LIMITS.attempts - 1, 3))
    .option('--count <n>', 'run it so many times', integer(1, TASK_LIMITS.tasksPerJob, 10), 1)
    .option(
      '--isolation <kind>',
      'bwrap: only where it runs isolated; none: only where it does not (default: isolated where it is a guest)',
      oneOf(TASK_ISOLATION),
    )
    .option(
      '--spread <domain>',
      'with --count: spread the tasks evenly over host, zone or region; those that would break it wait',
      oneOf(SPREAD_OVER),
    )
    .option(
      '--max-skew <n>',
      'with --spread: so many tasks more than where there are fewest (default: 1)',
      integer(1, TASK_LIMITS.tasksPerJob, 2),
    )
    .option('--name <name>', "shown in lists (default: the command's first word)", checked(faultOfTaskName))
    .option('--detach', 'print the id and do not wait; for later: `althing wait`, `logs -f` and `output`')
    .option('-q, --quiet', 'say nothing but what the task says')
    .option('-v, --verbose', 'say where it runs even when stderr is no terminal')
    .addHelpText('after', NOTES)
    .action(async (argv: string[], options: RunOptions, command: Command) => {
      try {
        process.exitCode = await run(argv, options, contextOfMany(command))
      } catch (error) {
        // The codes 1 and up belong to the task: a failure of ours must not look like one of them.
        process.exitCode = report(error) === EXIT.usage ? EXIT.usage : EXIT.notRun
      }
    })
}

function faultOfTaskName(text: string): string | undefined {
  if (text.trim() !== '' && text.length <= TASK_LIMITS.nameLength) return undefined
  return `expected a name of at most ${TASK_LIMITS.nameLength} characters, such as nightly-build`
}

async function run(argv: readonly string[], options: RunOptions, asked: Context): Promise<number> {
  const messages = createMessages(options.quiet === true, options.verbose === true)
  const { taskIds, jobId, cluster: chosen } = await submit(argv, options, asked, messages)
  const context = chosen === undefined ? asked : { ...asked, clusters: [chosen], client: asked.clientOf(chosen) }
  const [cluster] = context.clusters
  const place = cluster === undefined ? {} : { cluster }
  if (options.detach === true) {
    if (context.json) context.printJson({ jobId, ...place, taskIds })
    else for (const taskId of taskIds) context.print(taskId)
    if (options.output !== undefined) {
      const fetch = commandIn(cluster, 'output', taskIds[0]!, shownWord(options.output))
      messages.notice(`the output is kept; once it has ended: ${fetch}`)
    }
    return EXIT.ok
  }
  const interrupts = watchInterrupts(context.client, cluster, taskIds, messages)
  // A local command dies when its reader goes (`… | head`); so does this one.
  whenPipeBreaks(() => cancelAll(context.client, taskIds))
  try {
    const tasks = await follow(taskIds, context, messages)
    if (context.json)
      for (const task of tasks) process.stdout.write(`${JSON.stringify({ type: 'task', ...place, ...task })}\n`)
    const code = await settle(tasks, options, context, messages)
    return interrupts.exitCode !== undefined && tasks.some(({ state }) => state === 'cancelled')
      ? interrupts.exitCode
      : code
  } catch (error) {
    const ids = taskIds.length === 1 ? taskIds[0]! : `${taskIds[0]} and ${taskIds.length - 1} more`
    throw error instanceof CliError && error.code === 'daemon-gone'
      ? new CliError('daemon-gone', `the daemon went away; ${ids} may go on`, {
          fix: `${commandIn(cluster, 'logs', '-f', taskIds[0]!)} once it is back`,
          cause: error,
        })
      : error
  } finally {
    interrupts.stop()
  }
}

async function submit(
  argv: readonly string[],
  options: RunOptions,
  { client, clusters }: Context,
  messages: Messages,
): Promise<JobAccepted> {
  checkCommand(argv, options.env)
  const paths = bundlePaths(options.input ?? [], process.cwd())
  // Hours of work must not end in a directory that cannot be made.
  if (options.output !== undefined && options.detach !== true) prepareOutput(options.output)
  const onProgress = (sent: number, total: number): void =>
    messages.status(`sending ${formatBytes(total)}: ${Math.min(100, Math.floor((100 * sent) / total))}%`)
  const watched = process.stderr.isTTY && options.quiet !== true
  const onLeftOut = (what: string): void => messages.notice(`not sent with --input: ${what}`)
  const input =
    paths.length === 0
      ? undefined
      : await uploadBundle(client, paths, process.cwd(), onLeftOut, watched ? onProgress : undefined)
  const several = clusters.length > 1 ? { clusters: [...clusters] } : {}
  const accepted = await client.post<JobAccepted>('/v1/jobs', { ...jobOf(argv, options, input), ...several })
  if (accepted.cluster !== undefined) messages.notice(`placed in cluster ${accepted.cluster}`)
  if (accepted.taskIds.length > 1) messages.progress(`${accepted.taskIds.length} tasks of job ${accepted.jobId}`)
  else messages.progress(`task ${accepted.taskIds[0]}`)
  return accepted
}

async function follow(taskIds: readonly string[], { client, json }: Context, messages: Messages): Promise<TaskView[]> {
  if (taskIds.length === 1) return [await followOne(client, taskIds[0]!, json ? jsonSink() : rawSink(), messages)]
  let ended = 0
  let failed = 0
  return followMany(client, taskIds, json ? jsonSink() : prefixSink(), messages, ({ state }) => {
    ended++
    if (state !== 'succeeded') failed++
    messages.status(`${ended} of ${taskIds.length} ended, ${failed} failed`)
  })
}

/** Says what went wrong, fetches outputs, and decides the exit code. */
async function settle(
  tasks: readonly TaskView[],
  options: RunOptions,
  context: Context,
  messages: Messages,
): Promise<number> {
  for (const task of tasks.slice(0, MAX_EXPLAINED)) {
    const why = explainEnd(task, context.clusters[0])
    if (why !== undefined) messages.notice(why)
  }
  const failed = tasks.filter(({ state }) => state !== 'succeeded')
  if (tasks.length > 1)
    messages.notice(`${tasks.length} tasks: ${tasks.length - failed.length} succeeded, ${failed.length} did not`)
  else if (!isLive(tasks[0]!))
    messages.progress(`${tasks[0]!.taskId} ${tasks[0]!.state} on ${tasks[0]!.nodeName ?? 'no node'}`)
  const fetched = options.output === undefined || (await fetchOutputs(tasks, options.output, context, messages))
  const code = failed[0] === undefined ? EXIT.ok : exitCodeOf(failed[0])
  return code === EXIT.ok && !fetched ? EXIT.notRun : code
}

/** More failures than this are told by their number. */
const MAX_EXPLAINED = 20

/** Brings outputs into `dir`, of several tasks into one directory each. @returns false when one is missing */
async function fetchOutputs(
  tasks: readonly TaskView[],
  dir: string,
  { client }: Context,
  messages: Messages,
): Promise<boolean> {
  let complete = true
  for (const [index, task] of tasks.entries()) {
    if (!hasRun(task)) continue
    try {
      const notes = await fetchOutput(client, task, tasks.length === 1 ? dir : join(dir, String(index)))
      for (const note of notes) messages.notice(`the output of ${task.taskId}: ${note}`)
    } catch (error) {
      complete = false
      messages.notice(`the output of ${task.taskId} could not be brought back: ${messageOf(error)}`)
    }
  }
  return complete
}
