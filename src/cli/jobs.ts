/** Ids that mean a job: all the tasks of a batch. */
import type { TaskView } from '../model/api.ts'
import type { DaemonClient } from './client.ts'
import { ApiProblem } from './errors.ts'

/**
 * The tasks of the job that an id, or its beginning, means.
 * @param error why the daemon takes it for no single task: it is the beginning of several
 * @throws `error` when it is for another reason, or no single job is meant
 */
export async function tasksOfJob(client: DaemonClient, id: string, error: unknown): Promise<TaskView[]> {
  if (!(error instanceof ApiProblem) || error.code !== 'conflict') throw error
  const all = await client.get<TaskView[]>('/v1/tasks?all=true')
  const tasks = all.filter(({ jobId }) => jobId.startsWith(id))
  if (tasks.length < 2 || tasks.some(({ jobId }) => jobId !== tasks[0]!.jobId)) throw error
  return tasks.toSorted((a, b) => a.taskId.localeCompare(b.taskId, 'en', { numeric: true }))
}

/** Does something with each of many, so many at once; they begin in their order. */
export async function withEach<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      await work(items[index]!, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}
