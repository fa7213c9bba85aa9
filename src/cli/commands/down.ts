/** `althing down`: ends this machine's daemon. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import { processStartOf } from '../../node/process-start.ts'
import { localContextOf } from '../context.ts'
import { CliError } from '../errors.ts'
import { count } from '../format.ts'

/** What a daemon is given to say goodbye, write what must be kept, and end. */
const DEADLINE_MS = 15_000
const POLL_MS = 10

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('down')
    .summary("end this machine's daemon")
    .description(
      'End the daemon of this machine and wait until it has. Its tasks run on; the next `althing up` adopts them.',
    )
    .addHelpText('after', '\nExample:\n  althing down')
    .action(async (_options: object, command: Command) => {
      const { client, json, printJson, note, paths } = localContextOf(command)
      const status = await client.get<StatusView>('/v1/status').catch((error: unknown) => {
        if (error instanceof CliError && error.code === 'no-daemon') return undefined
        throw error
      })
      if (status !== undefined) {
        const start = processStartOf(status.pid)
        await client.post('/v1/shutdown')
        await ended(status.pid, start)
      }
      if (json) return printJson({ stopped: status !== undefined })
      if (status === undefined) return note(`althing: no daemon runs here (tried ${paths.socketPath})`)
      note(`althing: stopped ${status.name}`)
      if (status.running > 0)
        note(`althing: left running: ${count(status.running, 'task')}; \`althing up\` takes them up again`)
    })
}

/** By the process, not by its socket: the next daemon needs the lock that goes with the process. */
async function ended(pid: number, start: string | undefined): Promise<void> {
  if (start === undefined) return
  const endsAt = performance.now() + DEADLINE_MS
  while (processStartOf(pid) === start) {
    if (performance.now() > endsAt) {
      throw new CliError('still-running', `the daemon was told to end, but pid ${pid} still runs`, {
        fix: `kill ${pid}`,
      })
    }
    await delay(POLL_MS)
  }
}
