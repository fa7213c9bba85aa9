/**
 * A daemon: one machine's part in one cluster or several. What is here is the daemon's once, its data directory and
 * what its clusters share; each cluster's own parts are put together in `membership.ts`.
 */
import { dirname } from 'node:path'
import { probeHardware } from '../hw/inventory.ts'
import { systemClock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { Broker } from './clusters/broker.ts'
import type { Machine } from './clusters/machine.ts'
import { Memberships } from './clusters/memberships.ts'
import { loadToken } from './identity.ts'
import { lockDataDir } from './lock.ts'
import type { Operations } from './operations.ts'
import type { DaemonOptions } from './options.ts'
import { Undo } from './undo.ts'

/** A daemon that takes part in the mesh. */
export interface Daemon {
  /** Of its first cluster; those of the others by `within`. */
  readonly operations: Operations
  /** Bearer token of the loopback API. */
  readonly token: string
  /** Resolves when somebody asked it to end, by `Operations.shutdown`, or to start anew in another cluster. */
  readonly endAsked: Promise<'shutdown' | 'restart'>
  /** Told where the page and the API listen, and when that changes, so that `status` can name them. */
  setUrls(urls: Machine['urls']): void
  /** Says goodbye, stops listening, keeps what must be kept. Tasks run on. */
  stop(): Promise<void>
}

/**
 * Starts a daemon on a data directory.
 * @throws LockError, IdentityError, StoreError, PeerError, PassportError; nothing is left running then
 */
export async function startDaemon(options: DaemonOptions, log: Logger): Promise<Daemon> {
  const undo = new Undo(log)
  try {
    return await compose(options, log, undo)
  } catch (error) {
    await undo.run()
    throw error
  }
}

async function compose(options: DaemonOptions, log: Logger, undo: Undo): Promise<Daemon> {
  const { dataDir, socketPath } = options.paths
  const lock = lockDataDir(dataDir)
  undo.add('lock', () => lock.release())
  const token = loadToken(dataDir)
  const ended = Promise.withResolvers<'shutdown' | 'restart'>()
  const machine: Machine = {
    options,
    log,
    clock: systemClock(),
    hardware: await probeHardware(),
    broker: new Broker(),
    hidden: [dataDir, dirname(socketPath)],
    shutdown: () => ended.resolve('shutdown'),
    urls: {},
  }
  const memberships = new Memberships(machine, () => ended.resolve('restart'))
  undo.add('memberships', () => memberships.stop())
  const operations = await memberships.startFirst()
  await memberships.startOthers()
  return {
    operations,
    token,
    endAsked: ended.promise,
    setUrls: (urls) => (machine.urls = urls),
    stop: () => undo.run(),
  }
}
