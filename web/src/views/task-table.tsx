/** Tasks as a table, for the first view and for the list of all. */
import type { TaskView } from '../../../src/model/api.ts'
import { Command } from '../components/copy.tsx'
import { Empty } from '../components/facts.tsx'
import { State } from '../components/state.tsx'
import { Cell, Table } from '../components/table.tsx'
import { commandIn } from '../clusters.ts'
import { formatAge, formatCommand, formatDuration, formatExit, formatWhen, isBadExit } from '../format.ts'
import { cluster, nodePath, taskPath } from '../route.ts'
import { nowMs } from '../store.ts'

const COLUMNS = [
  { name: 'Task' },
  { name: 'State' },
  { name: 'Node' },
  { name: 'Attempt', numeric: true },
  { name: 'Submitted', numeric: true },
  { name: 'Took', numeric: true },
  { name: 'Exit' },
]

export function TaskTable({ tasks, label }: { readonly tasks: readonly TaskView[]; readonly label: string }) {
  return (
    <Table label={label} class="tasks" columns={COLUMNS}>
      {tasks.map((task) => (
        <TaskRow key={task.taskId} task={task} />
      ))}
    </Table>
  )
}

function TaskRow({ task }: { readonly task: TaskView }) {
  const command = formatCommand(task.command)
  return (
    <tr role="row" data-task={task.taskId}>
      <Cell of="Task" class="main">
        <a class="row-link" href={taskPath(task.taskId)} title={command}>
          <code>{command}</code>
        </a>
        <span class="sub">
          {task.taskId}
          {task.name !== task.command[0] && ` · ${task.name}`}
          {task.role === 'executor' && ' · from another node'}
        </span>
      </Cell>
      <Cell of="State" class="state-cell">
        <State state={task.state} />
        {task.waiting !== undefined && <span class="sub waiting">{task.waiting}</span>}
      </Cell>
      <Cell of="Node">
        {task.node !== undefined && (
          <a class="node-link" href={nodePath(task.node)}>
            {task.nodeName ?? task.node.slice(-8)}
          </a>
        )}
      </Cell>
      <Cell of="Attempt" numeric>
        {task.attempt > 0 ? task.attempt : undefined}
      </Cell>
      <Cell of="Submitted" numeric>
        {task.submittedAtMs !== undefined && <Ago atMs={task.submittedAtMs} />}
      </Cell>
      <Cell of="Took" numeric>
        {task.startedAtMs !== undefined && <Took startMs={task.startedAtMs} endMs={task.endedAtMs} />}
      </Cell>
      <Cell of="Exit" class="exit">
        {task.exit !== undefined && <span class={isBadExit(task.exit) ? 'bad' : ''}>{formatExit(task.exit)}</span>}
      </Cell>
    </tr>
  )
}

function Ago({ atMs }: { readonly atMs: number }) {
  return <time title={formatWhen(atMs, nowMs.value)}>{formatAge(nowMs.value - atMs)} ago</time>
}

/** How long it ran, or has been running: only the latter ticks. */
export function Took({ startMs, endMs }: { readonly startMs: number; readonly endMs: number | undefined }) {
  return <>{endMs === undefined ? formatAge(nowMs.value - startMs) : formatDuration(endMs - startMs)}</>
}

/** How to make the first task. */
export function NoTasks() {
  return (
    <Empty title="No tasks yet. Run one:">
      <Command text={commandIn(cluster.value, 'run', '-- true')} />
    </Empty>
  )
}
