/**
 * A daemon in this process: node and status server together, until a signal or `althing down` ends it.
 * It is what `althing up` runs in the foreground, and the entry of the daemon's bundle.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startDaemon, type Daemon } from '../node/daemon.ts'
import { createLog } from '../node/log.ts'
import { DEFAULT_PAGE, type DaemonOptions } from '../node/options.ts'
import { VERSION } from '../node/version.ts'
import type { StatusView } from '../model/api.ts'
import { createStatusServer, type StatusServer } from '../status/server.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

/** A tidy stop that takes longer is given up. */
const STOP_TIMEOUT_MS = 5_000

/** Where the built page is: beside the bundle, or in `dist/` when run from the sources. */
function webDirOf(options: DaemonOptions): string {
  if (options.webDir !== undefined) return options.webDir
  const here = dirname(process.argv[1] ?? '.')
  return (
    [join(here, 'web'), join(import.meta.dirname ?? here, '../../dist/web')].find((dir) => existsSync(dir)) ??
    join(here, 'web')
  )
}

/**
 * Starts a daemon in this process, which is the daemon's from then on: it handles the signals, and ends
 * when one comes or `althing down` asks.
 * @returns its status, once it serves the local API
 * @throws whatever kept it from starting; nothing is left running then
 */
export async function runDaemon(options: DaemonOptions): Promise<StatusView> {
  const log = createLog(options.logLevel ?? 'info')
  const ended = endAsked()
  surviveRejections(log)
  const running = await launch(options, log)
  const status = running.daemon.operations.status()
  void untilEnd(options, running, ended, log)
  return status
}

/** A daemon and what serves people. */
interface Running {
  readonly daemon: Daemon
  readonly server: StatusServer
}

async function launch(options: DaemonOptions, log: Logger): Promise<Running> {
  const daemon = await startDaemon(options, log)
  try {
    return { daemon, server: await serve(options, daemon, log.child({ component: 'status' })) }
  } catch (error) {
    await daemon.stop()
    throw error
  }
}

/** Goes on until it is to end; starts it anew in this process when its place or its key have changed. */
async function untilEnd(options: DaemonOptions, first: Running, ended: Promise<void>, log: Logger): Promise<void> {
  let running = first
  for (;;) {
    const { daemon, server } = running
    const why = await Promise.race([ended, daemon.endAsked])
    if (why !== 'restart') return stop(daemon, server, log)
    log.info({}, 'starting anew')
    try {
      await server.stop()
      await daemon.stop()
      running = await launch(options, log)
    } catch (error) {
      log.error({ error: messageOf(error) }, 'could not start anew')
      process.exit(1)
    }
  }
}

async function stop(daemon: Daemon, server: StatusServer, log: Logger): Promise<void> {
  const patience = setTimeout(() => {
    log.error({}, 'could not stop in time')
    process.exit(1)
  }, STOP_TIMEOUT_MS)
  patience.unref()
  await server.stop()
  await daemon.stop()
  // Whatever a library still holds must not keep a stopped daemon alive.
  process.exit(0)
}

/** A promise nobody looked after: a bug, logged with its origin, that must not take the tasks' keeper down. */
function surviveRejections(log: Logger): void {
  process.on('unhandledRejection', (error) => {
    const stack = error instanceof Error ? error.stack : undefined
    log.error({ error: messageOf(error), stack }, 'unhandled rejection')
  })
}

async function serve(options: DaemonOptions, daemon: Daemon, log: Logger): Promise<StatusServer> {
  const { operations, token } = daemon
  const http = options.page === false ? undefined : (options.page ?? DEFAULT_PAGE)
  const server = createStatusServer({
    operations,
    socketPath: options.paths.socketPath,
    http,
    remote: options.remote,
    jwt: options.jwt,
    token,
    webDir: webDirOf(options),
    log,
    version: VERSION,
  })
  daemon.setUrls(await server.start((urls) => daemon.setUrls(urls)))
  return server
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once: tasks run on either way. */
function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = () => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    process.on('SIGHUP', onSignal)
  })
}
