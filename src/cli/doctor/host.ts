/** What can be found of a host without its daemon: by the command itself, in the same words. */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StatusView } from '../../model/api.ts'
import type { DoctorStep } from '../../model/doctor.ts'
import { judgeDaemon, judgeDataDirectory, judgeDisk, judgeTimeSync, type DaemonFacts } from '../../diagnosis/host.ts'
import { judgeOwnMulticast } from '../../diagnosis/multicast.ts'
import { readLockHolder } from '../../node/lock.ts'
import { VERSION } from '../../node/version.ts'
import { surveyMulticast } from '../../reach/multicast.ts'
import { messageOf } from '../../util/errors.ts'
import type { Context } from '../context.ts'
import { CliError } from '../errors.ts'

/** A daemon that has not said who it is by then hangs. */
const STATUS_MS = 3_000
/** `timedatectl` asks other services, which may hang. */
const TIMEDATECTL_MS = 1_000

/** Whether a daemon runs here and can be asked. */
export async function findDaemon({ client, paths }: Context, signal: AbortSignal): Promise<DoctorStep> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(STATUS_MS)])
  return judgeDaemon(
    await client.get<StatusView>('/v1/status', inTime).then(
      ({ name, pid, version }): DaemonFacts => ({ state: 'up', name, pid, version, own: VERSION }),
      (error: unknown) => whyNot(error, paths.socketPath, paths.dataDir),
    ),
  )
}

function whyNot(error: unknown, socketPath: string, dataDir: string): DaemonFacts {
  if (error instanceof CliError && error.code === 'no-daemon') {
    return { state: 'down', socketPath, holder: readLockHolder(dataDir)?.pid }
  }
  if (error instanceof CliError) return { state: 'unusable', why: error.message, fix: error.fix }
  const why = `the daemon at ${socketPath} does not answer within ${STATUS_MS / 1_000} s`
  return { state: 'unusable', why, fix: '`althing down`, or kill it; then `althing up`: tasks run on' }
}

/** Directory, disk and clock. */
export async function* examineMachine(dataDir: string): AsyncGenerator<DoctorStep> {
  const exists = existsSync(dataDir)
  const there = nearestThatExists(dataDir)
  yield judgeDataDirectory({ path: dataDir, fault: faultOf(there), exists })
  yield judgeDisk(dataDir, await freeBytesOf(there))
  yield judgeTimeSync({ wallMs: Date.now(), synchronised: await isSynchronised() })
}

/** Multicast of this host, where no daemon can say it. */
export async function examineMulticast(signal: AbortSignal): Promise<DoctorStep> {
  return judgeOwnMulticast(await surveyMulticast(undefined, signal), true)
}

/** `up` makes what is not there yet, in the directory above that is. */
function nearestThatExists(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestThatExists(dirname(path))
}

function faultOf(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

async function freeBytesOf(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/** As systemd says, whoever keeps the clock; undefined where there is no systemd to ask. */
async function isSynchronised(): Promise<boolean | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const args = ['show', '--property=NTPSynchronized', '--value']
  execFile('timedatectl', args, { timeout: TIMEDATECTL_MS }, (error, stdout) =>
    resolve(error === null ? stdout.trim() : undefined),
  )
  const said = await promise
  return said === 'yes' ? true : said === 'no' ? false : undefined
}
