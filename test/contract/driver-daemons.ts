/** Daemons in processes of their own, reduced to their drivers: for tests that kill them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { StartOrder } from '../../src/drivers/driver.ts'

const FIXTURE = join(import.meta.dirname, 'fixtures/driver-daemon.ts')

/** The command of one that starts these orders in `dir`, and says so in a line. */
export function daemonCommand(dir: string, orders: readonly StartOrder[]): [program: string, ...args: string[]] {
  return [process.execPath, '--no-warnings', FIXTURE, dir, 'start', JSON.stringify(orders)]
}

/** Those that one test started. */
export class DriverDaemons {
  readonly #all: ChildProcess[] = []

  /** Sees to it that `end` ends this one as well. */
  add<Daemon extends ChildProcess>(daemon: Daemon): Daemon {
    this.#all.push(daemon)
    return daemon
  }

  /** One that has started these orders in `dir`. */
  async start(dir: string, ...orders: StartOrder[]): Promise<ChildProcess> {
    const [program, ...args] = daemonCommand(dir, orders)
    const daemon = this.add(spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
    await once(createInterface({ input: daemon.stdout }), 'line')
    return daemon
  }

  /** Ends whichever are left. */
  end(): void {
    for (const daemon of this.#all.splice(0)) daemon.kill('SIGKILL')
  }
}

/** Kills one, and waits until it is gone. */
export async function killed(daemon: ChildProcess): Promise<void> {
  daemon.kill('SIGKILL')
  await once(daemon, 'exit')
}
