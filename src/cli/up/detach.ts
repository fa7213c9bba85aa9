/** `althing up --detach`: the same command line again, in the background. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { StatusView } from '../../model/api.ts'
import type { Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { describeFileError } from '../files.ts'

/** What a daemon is given to be ready; it then goes on in the background. */
const DEADLINE_MS = 30_000
const POLL_MS = 20
/** Lines of the log shown when it did not start. */
const SHOWN_LINES = 15
/** How a line of the CLI's own begins, among the daemon's lines of JSON. */
const OWN_WORDS = 'althing: '

/**
 * Starts the daemon and waits until it is ready.
 * @param args the command line of this very command
 * @throws CliError with what it said, or the last lines of its log, when it ended instead
 */
export async function startDetached({ client, paths }: Context, args: readonly string[]): Promise<StatusView> {
  const logFile = join(paths.dataDir, 'daemon.log')
  const log = openLog(logFile)
  const logStart = statSync(logFile).size
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1]!, ...args.filter((arg) => arg !== '--detach' && arg !== '--json')],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  )
  closeSync(log)
  child.unref()
  const ended = exitOf(child)
  const endsAt = performance.now() + DEADLINE_MS
  for (;;) {
    const how = ended()
    if (how !== undefined) throw notStarted(how, logFile, logStart)
    if (await isReady(client)) return client.get<StatusView>('/v1/status')
    if (performance.now() > endsAt) {
      throw new CliError(
        'not-ready',
        `the daemon (pid ${child.pid}) is not ready after ${DEADLINE_MS / 1000} s; it goes on in the background`,
        {
          fix: '`althing status` shows how far it is',
          detail: linesSince(logFile, logStart).slice(-SHOWN_LINES),
        },
      )
    }
    await delay(POLL_MS)
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600)
  } catch (error) {
    throw new CliError('unwritable', `cannot write the daemon's log ${path}: ${describeFileError(error)}`, {
      cause: error,
    })
  }
}

/** What the daemon said itself when it gave up is the reason; without that, the end of its log has to do. */
function notStarted(how: string, logFile: string, logStart: number): CliError {
  const lines = linesSince(logFile, logStart)
  const at = lines.findLastIndex((line) => line.startsWith(OWN_WORDS))
  if (at < 0) {
    return new CliError('not-started', `the daemon did not start (${how}); the end of ${logFile}:`, {
      detail: lines.slice(-SHOWN_LINES),
    })
  }
  return new CliError('not-started', `the daemon did not start: ${lines[at]!.slice(OWN_WORDS.length)}`, {
    detail: [...lines.slice(at + 1, at + SHOWN_LINES).map((line) => line.trimStart()), `its log: ${logFile}`],
  })
}

/** How a child ended, or undefined while it has not. */
function exitOf(child: ChildProcess): () => string | undefined {
  let how: string | undefined
  child.once('error', (error) => (how = error.message))
  child.once('exit', (code, signal) => (how = signal ?? `exit ${code}`))
  return () => how
}

async function isReady(client: Context['client']): Promise<boolean> {
  try {
    await client.get('/readyz')
    return true
  } catch (error) {
    if (error instanceof CliError) return false
    throw error
  }
}

/** The lines a log got since it had `fromByte` bytes. */
function linesSince(path: string, fromByte: number): string[] {
  return readFileSync(path).subarray(fromByte).toString('utf8').trimEnd().split('\n')
}
