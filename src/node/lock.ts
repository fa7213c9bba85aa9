/**
 * One daemon per data directory.
 *
 * What excludes is a lock of the kernel, held through SQLite on `daemon.lock` as long as the
 * process lives: it cannot go stale, however the process dies, and two that start at once cannot
 * both win. Beside it `daemon.pid` only says who holds it, for the error message and for `down`;
 * it names the process by pid and start time, since pids are used again.
 */
import { accessSync, constants, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AlthingError, messageOf } from '../util/errors.ts'
import { makeDirectory } from '../util/make-directory.ts'
import { processStartOf } from './process-start.ts'

/**
 * - `data-dir-locked`: another daemon runs on it; `meta.pid` has its pid where it is known.
 * - `data-dir-unusable`: it cannot be made, read or written; the message says which.
 */
export class LockError extends AlthingError<'data-dir-locked' | 'data-dir-unusable'> {}

/** The process that holds a data directory. */
export interface LockHolder {
  readonly pid: number
  /** What `processStartOf` gave for it. */
  readonly start: string
}

/** A held lock. */
export interface DataDirLock {
  /** Lets go. A second call does nothing. */
  release(): void
}

const LOCK_NAME = 'daemon.lock'
const PID_NAME = 'daemon.pid'
const SQLITE_BUSY = 5

/** Makes the data directory (mode 0700) where there is none, and takes its lock. Never waits. @throws LockError */
export function lockDataDir(dataDir: string): DataDirLock {
  ensureUsable(dataDir)
  const lock = takeKernelLock(dataDir)
  try {
    writeHolder(dataDir)
  } catch (error) {
    lock.close()
    throw unusable(dataDir, error)
  }
  return {
    release() {
      if (!lock.isOpen) return
      // First the name, then the lock: the other way round it could be the next holder's name.
      rmSync(join(dataDir, PID_NAME), { force: true })
      lock.close()
    },
  }
}

/** Who runs on a data directory, or undefined when that process is gone (a crash leaves its name behind). */
export function readLockHolder(dataDir: string): LockHolder | undefined {
  try {
    const { pid, start } = JSON.parse(readFileSync(join(dataDir, PID_NAME), 'utf8')) as Partial<LockHolder>
    if (typeof pid !== 'number' || typeof start !== 'string') return undefined
    return processStartOf(pid) === start ? { pid, start } : undefined
  } catch {
    return undefined
  }
}

function ensureUsable(dataDir: string): void {
  try {
    makeDirectory(dataDir, 0o700)
    if (!statSync(dataDir).isDirectory()) throw new Error('it is not a directory')
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unusable(dataDir, error)
  }
}

function unusable(dataDir: string, error: unknown): LockError {
  return new LockError('data-dir-unusable', `cannot use the data directory ${dataDir}: ${messageOf(error)}`, {
    cause: error,
    fix: 'Make it belong to, and be writable by, the user of the daemon, or name another with --data-dir.',
    meta: { dataDir },
  })
}

/** A write transaction that is never finished: it holds SQLite's RESERVED lock, and writes nothing. */
function takeKernelLock(dataDir: string): DatabaseSync {
  let sqlite: DatabaseSync | undefined
  try {
    sqlite = new DatabaseSync(join(dataDir, LOCK_NAME), { timeout: 0 })
    // Nothing is written, so no journal file need lie beside the lock.
    sqlite.exec('PRAGMA journal_mode = MEMORY')
    sqlite.exec('BEGIN IMMEDIATE')
    return sqlite
  } catch (error) {
    sqlite?.close()
    const busy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
    throw busy ? locked(dataDir) : unusable(dataDir, error)
  }
}

function locked(dataDir: string): LockError {
  const pid = readLockHolder(dataDir)?.pid
  const who = pid === undefined ? 'another daemon, which is just starting or stopping' : `the daemon with pid ${pid}`
  return new LockError('data-dir-locked', `the data directory ${dataDir} is in use by ${who}`, {
    fix: `Stop it with \`althing down --data-dir ${dataDir}\`, or give this daemon another directory with --data-dir.`,
    meta: { dataDir, pid },
  })
}

function writeHolder(dataDir: string): void {
  const holder: LockHolder = { pid: process.pid, start: processStartOf(process.pid) ?? 'unknown' }
  const temporary = join(dataDir, `${PID_NAME}.new`)
  writeFileSync(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  renameSync(temporary, join(dataDir, PID_NAME))
}
