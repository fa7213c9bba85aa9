/** `althing drain`: a node takes no new tasks, and is waited for until it has none. */
import type { Command } from 'commander'
import { contextOf, type Context } from '../context.ts'
import { count } from '../format.ts'
import { TASK_LIMITS } from '../../model/defaults.ts'
import { askToOperate, type Stood } from '../operate/ask.ts'
import { waitUntilDrained } from '../operate/wait.ts'
import { nodeToOperate, reasonOption, tell } from '../operate/words.ts'
import { duration } from '../options.ts'
import { printable } from '../terminal.ts'

interface DrainOptions {
  reason?: string
  deadline?: number
  dryRun?: boolean
}

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('drain')
    .summary('take no new tasks, and wait until none runs')
    .description(
      'Cordon a node and wait until nothing runs on it. What still runs at the deadline is ended there and tried on ' +
        'other nodes; without one it is waited for, however long it takes. Ctrl-C ends only the wait: the node stays ' +
        'cordoned, and its deadline stands. Without a name it is this node, in all clusters of the machine unless ' +
        '--in names one; another node decides by its policy whether it may be asked.',
    )
    .addArgument(nodeToOperate())
    .addOption(reasonOption())
    .option('--deadline <duration>', 'when what still runs is ended, such as 10m', duration(0, TASK_LIMITS.timeoutMs))
    .option('--dry-run', 'only tell what runs there')
    .addHelpText(
      'after',
      '\nExamples:\n  althing drain --reason "kernel update" --deadline 10m && sudo reboot\n' +
        '  althing drain attic --dry-run',
    )
    .action(async (node: string | undefined, options: DrainOptions, command: Command) => {
      const { reason, deadline: deadlineMs, dryRun = false } = options
      const context = contextOf(command)
      const how = { ...(reason !== undefined && { reason }), ...(deadlineMs !== undefined && { deadlineMs }) }
      const nodes = await askToOperate(context, { name: 'drain', ...how }, { node, dryRun })
      if (dryRun) return tellWhatRuns(context, nodes)
      tell(context, await waitUntilDrained(nodes, context.note))
    })
}

function tellWhatRuns({ json, printJson, print }: Context, nodes: readonly Stood[]): void {
  if (json) return printJson(nodes.map(({ view }) => view))
  for (const { label, view } of nodes) {
    const { tasks, leftOut } = view
    print(`${label}: ${count(tasks.length + leftOut, 'task')} would be waited for, or ended at the deadline`)
    for (const { taskId, submitterName } of tasks) print(printable(`  ${taskId} of ${submitterName}`))
    if (leftOut > 0) print(`  and ${leftOut} more`)
  }
}
