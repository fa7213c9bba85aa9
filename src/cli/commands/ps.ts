/** `althing ps`: tasks submitted or run here. */
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { formatDuration, shortPeer } from '../format.ts'
import type { Cell, Column } from '../table.ts'
import { describeExit, styleOfTask } from '../views.ts'

const COLUMNS: readonly Column[] = [
  { title: 'TASK', whole: true },
  { title: 'JOB', whole: true },
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'NODE' },
  { title: 'TRY', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'TOOK', align: 'right' },
  { title: 'ROLE' },
  { title: 'HOW' },
]

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('ps')
    .summary('tasks submitted or run here')
    .description('List tasks that were submitted on this machine or run on it.')
    .option('-a, --all', 'also those that ended')
    .addHelpText('after', '\nExamples:\n  althing ps -a\n  althing ps --json')
    .action(async ({ all }: { all?: boolean }, command: Command) => {
      const { client, json, printJson, printTable } = contextOf(command)
      const tasks = await client.get<TaskView[]>(`/v1/tasks${all === true ? '?all=true' : ''}`)
      if (json) printJson(tasks)
      else
        printTable(
          COLUMNS,
          tasks.map((task) => rowOf(task, Date.now())),
        )
    })
}

function rowOf(task: TaskView, nowMs: number): Cell[] {
  const { submittedAtMs, startedAtMs, endedAtMs, node } = task
  return [
    task.taskId,
    task.jobId === task.taskId ? '-' : task.jobId,
    task.name,
    { text: task.state, style: styleOfTask(task) },
    task.nodeName ?? (node === undefined ? '-' : shortPeer(node)),
    task.attempt === 0 ? '-' : String(task.attempt),
    submittedAtMs === undefined ? '-' : formatDuration(nowMs - submittedAtMs),
    startedAtMs === undefined ? '-' : formatDuration((endedAtMs ?? nowMs) - startedAtMs),
    task.tenant === undefined ? task.role : `${task.role}, ${task.tenant}`,
    task.waiting ?? (describeExit(task) || task.command.join(' ')),
  ]
}
