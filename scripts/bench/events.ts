/** What a daemon's event stream says of tasks, with the moment each line arrived here. */
import { readEvents } from '../../src/cli/streams.ts'
import type { TaskState } from '../../src/model/task.ts'
import type { BenchDaemon } from './mesh.ts'
import { deadline } from './wait.ts'

const ENDED = new Set<string>(['succeeded', 'failed', 'cancelled', 'timed-out'] satisfies TaskState[])

interface Seen {
  /** When each state was first heard of, `performance.now()`. */
  readonly states: Map<string, number>
}

export class TaskEvents {
  readonly #seen = new Map<string, Seen>()
  readonly #waiting = new Map<string, () => void>()
  readonly #closing = new AbortController()

  /** Begins to listen; resolves once the daemon has taken the subscription. */
  static async open({ client }: BenchDaemon): Promise<TaskEvents> {
    const events = new TaskEvents()
    const response = await client.open('/v1/events', { signal: events.#closing.signal })
    events.#listen(response).catch((error: unknown) => {
      if (!events.#closing.signal.aborted) throw error
    })
    return events
  }

  close(): void {
    this.#closing.abort()
  }

  /** When the task was first heard to be in `state`. */
  at(taskId: string, state: TaskState): number | undefined {
    return this.#seen.get(taskId)?.states.get(state)
  }

  /** Resolves with the state the task ended in. @throws Error after `ms` */
  async ended(taskId: string, ms: number): Promise<string> {
    const find = (): string | undefined =>
      [...(this.#seen.get(taskId)?.states.keys() ?? [])].find((state) => ENDED.has(state))
    const now = find()
    if (now !== undefined) return now
    const told = new Promise<void>((resolve) => this.#waiting.set(taskId, resolve))
    await deadline(told, ms, `the end of task ${taskId}`)
    return find()!
  }

  /** Forgets what was heard so far. */
  clear(): void {
    this.#seen.clear()
  }

  async #listen(response: AsyncIterable<Buffer>): Promise<void> {
    for await (const { type, subject, what } of readEvents(response)) {
      if (type !== 'task') continue
      const nowMs = performance.now()
      const seen = this.#seen.get(subject) ?? { states: new Map() }
      this.#seen.set(subject, seen)
      if (!seen.states.has(what)) seen.states.set(what, nowMs)
      if (!ENDED.has(what)) continue
      this.#waiting.get(subject)?.()
      this.#waiting.delete(subject)
    }
  }
}
