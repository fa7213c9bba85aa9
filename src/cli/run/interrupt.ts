/** Ctrl-C while tasks run: once cancels them and waits, twice leaves at once. */
import { constants } from 'node:os'
import type { DaemonClient } from '../client.ts'
import { commandIn } from '../command-in.ts'
import { taskPath } from '../views.ts'
import type { Messages } from './messages.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Cancels sent at once. */
const CANCELLED_AT_ONCE = 16

export interface Interrupts {
  /** 128 + the signal that cancelled the tasks; undefined while none has. */
  readonly exitCode: number | undefined
  /** Hands the signals back to the system. */
  stop(): void
}

/** Watches for signals until `stop`. `cluster`: which one the tasks are in, as advice is to name it. */
export function watchInterrupts(
  client: DaemonClient,
  cluster: string | undefined,
  taskIds: readonly string[],
  messages: Messages,
): Interrupts {
  let exitCode: number | undefined
  const what = taskIds.length === 1 ? `task ${taskIds[0]}` : `${taskIds.length} tasks`
  const onSignal = (signal: (typeof SIGNALS)[number]): void => {
    if (exitCode !== undefined) {
      messages.notice(`left; ${what} may go on: see ${commandIn(cluster, 'ps')}`)
      process.exit(exitCode)
    }
    exitCode = 128 + constants.signals[signal]
    messages.notice('cancelling; once more to leave at once')
    void cancelAll(client, taskIds)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    get exitCode() {
      return exitCode
    },
    stop() {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    },
  }
}

/** Cancels all that have not ended; those that have say no, which is as good. */
export async function cancelAll(client: DaemonClient, taskIds: readonly string[]): Promise<void> {
  const left = [...taskIds]
  const work = async (): Promise<void> => {
    for (let taskId = left.shift(); taskId !== undefined; taskId = left.shift()) {
      await client.post(taskPath(taskId, '/cancel')).catch(() => {})
    }
  }
  await Promise.all(Array.from({ length: CANCELLED_AT_ONCE }, work))
}
