/** Follows tasks from their submission to their end. */
import type { TaskView } from '../../model/api.ts'
import type { DaemonClient } from '../client.ts'
import { withEach } from '../jobs.ts'
import { readLog } from '../streams.ts'
import { isLive, taskPath } from '../views.ts'
import type { Messages } from './messages.ts'
import type { Sink } from './sinks.ts'

/** Logs followed at once. A further task's output is kept by the daemon until it is its turn. */
export const FOLLOWED_AT_ONCE = 16
/** A task placed faster than this needs no words. */
const FIRST_LOOK_MS = 500
const NEXT_LOOK_MS = 2_000

/**
 * Streams a task's output into the sink. A log that cannot be had says nothing about how the task ends.
 * @returns the task once it has ended and its output is here
 */
async function followTask(
  client: DaemonClient,
  index: number,
  taskId: string,
  sink: Sink,
  messages: Messages,
): Promise<TaskView> {
  const response = await client.open(taskPath(taskId, '/logs?follow=true'))
  const lost = await readLog(response, (line) => {
    messages.clear()
    sink.write(index, taskId, line)
  })
  sink.end(index)
  const task = await client.get<TaskView>(taskPath(taskId, '?wait=ended'))
  // What never ran has no log; whoever asked for it too early was told so by an error.
  if (lost !== undefined && task.exit?.startError === undefined)
    messages.notice(`the rest of the log of ${taskId} could not be had: ${lost}`)
  return task
}

/** One task; while it waits its reason is said, and once it runs where. */
export async function followOne(
  client: DaemonClient,
  taskId: string,
  sink: Sink,
  messages: Messages,
): Promise<TaskView> {
  const stop = watchPlacing(client, taskId, messages)
  try {
    return await followTask(client, 0, taskId, sink, messages)
  } finally {
    stop()
  }
}

/** Many tasks; `onEnd` is told of each as it ends. @returns them in the order of `taskIds` */
export async function followMany(
  client: DaemonClient,
  taskIds: readonly string[],
  sink: Sink,
  messages: Messages,
  onEnd: (task: TaskView) => void,
): Promise<TaskView[]> {
  const ended: TaskView[] = []
  await withEach(taskIds, FOLLOWED_AT_ONCE, async (taskId, index) => {
    const task = await followTask(client, index, taskId, sink, messages)
    ended[index] = task
    onEnd(task)
  })
  return ended
}

/** Says why a task waits whenever the reason changes, and where it runs; then looks no more. @returns what ends it */
function watchPlacing(client: DaemonClient, taskId: string, messages: Messages): () => void {
  let said = ''
  let timer: NodeJS.Timeout
  const look = async (): Promise<void> => {
    const task = await client.get<TaskView>(taskPath(taskId))
    if (task.state === 'running') return messages.progress(`${taskId} runs on ${task.nodeName ?? task.node}`)
    if (!isLive(task)) return undefined
    const place = `${task.state}${task.nodeName === undefined ? '' : ` on ${task.nodeName}`}`
    const waiting = task.state === 'queued' ? (task.waiting ?? place) : place
    // Nodes answer in any order: the same reasons in another one are no news.
    const reasons = waiting.split('; ').toSorted().join('; ')
    // Some reasons are a sentence of their own.
    if (reasons !== said) messages.notice(/^waiting\b/.test(waiting) ? waiting : `waiting: ${waiting}`)
    said = reasons
    // How far its input has come changes all the time, and is no line each.
    if (task.state === 'awarded' && task.waiting !== undefined) messages.status(`${place}: ${task.waiting}`)
    schedule(NEXT_LOOK_MS)
    return undefined
  }
  const schedule = (delayMs: number): void => {
    // A daemon that has gone shows in the log stream, which says so.
    timer = setTimeout(() => void look().catch(() => {}), delayMs)
    timer.unref()
  }
  schedule(FIRST_LOOK_MS)
  return () => clearTimeout(timer)
}
