/** What the CLI knows about tasks and nodes, without the schemas. */
import type { NodeView, TaskView } from '../model/api.ts'
import type { Cell } from './table.ts'
import type { Style } from './terminal.ts'

/** True while a task may still change by itself. */
export function isLive({ state }: TaskView): boolean {
  return state === 'queued' || state === 'awarded' || state === 'running'
}

/** Whether a task was ever started: what never ran has left nothing. */
export function hasRun({ exit }: TaskView): boolean {
  return exit !== undefined && exit.startError === undefined
}

/** Good, in between, bad. */
export function styleOfTask({ state }: TaskView): Style {
  if (state === 'succeeded') return 'green'
  return state === 'queued' || state === 'awarded' || state === 'running' ? 'yellow' : 'red'
}

/** The address of a task in the API. */
export function taskPath(taskId: string, rest = ''): string {
  return `/v1/tasks/${encodeURIComponent(taskId)}${rest}`
}

/** How the submitter marks a task that nobody took in time. */
const UNPLACED = 'NoCapableNodes: '

/** Why no node took a task that failed; undefined when one did. */
export function whyUnplaced(exit: TaskView['exit']): string | undefined {
  return exit?.startError?.startsWith(UNPLACED) === true ? exit.startError.slice(UNPLACED.length) : undefined
}

/** How a task ended, in a few words; empty while it has not. */
export function describeExit({ exit, state }: Pick<TaskView, 'state' | 'exit'>): string {
  const unplaced = whyUnplaced(exit)
  if (unplaced !== undefined) return unplaced
  if (exit?.startError !== undefined) return `not started: ${exit.startError}`
  if (exit === undefined) return state === 'failed' ? 'not placed' : ''
  if (exit.killedFor !== undefined) return `killed: ${exit.killedFor}`
  return exit.signal === undefined ? `exit ${exit.exitCode}` : exit.signal
}

/** Green for what takes work, yellow for what may soon, red for what is gone. */
export function styleOfNode(state: NodeView['state']): Style {
  if (state === 'ready') return 'green'
  return state === 'offline' ? 'red' : 'yellow'
}

/** A node that is there and takes nothing new says so in place of how busy it is. */
export function cellOfState({
  state,
  cordon,
}: {
  readonly state: NodeView['state']
  readonly cordon?: NodeView['cordon'] | undefined
}): Cell {
  if (cordon !== undefined && state !== 'offline') return { text: cordon.state, style: 'yellow' }
  return { text: state, style: styleOfNode(state) }
}
