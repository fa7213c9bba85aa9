/**
 * What can go wrong with the store, told apart by what somebody has to do about it.
 */
import { AlthingError, messageOf } from '../util/errors.ts'

/**
 * - `disk-full`: no room; nothing of the write was kept, and the store goes on once there is room.
 * - `io`: the system refused (permissions, a broken disk, a missing directory).
 * - `corrupt`: the file is damaged or is no database.
 * - `locked`: another process holds the file for longer than the busy timeout.
 * - `newer`: written by a later version of Althing.
 * - `foreign`: a database, but not one of ours.
 * - `bad-document`: the document is not plain data; a mistake in the caller, nothing was written.
 */
export type StoreErrorCode = 'disk-full' | 'io' | 'corrupt' | 'locked' | 'newer' | 'foreign' | 'bad-document'

/** Thrown by everything in `store/`; `meta.path` names the file. */
export class StoreError extends AlthingError<StoreErrorCode> {}

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html; the low byte of an extended one. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
/** No room for the shared-memory file beside the WAL: a full disk, though SQLite files it under I/O. */
const SQLITE_IOERR_SHMSIZE = 4874

function codeOf(thrown: Error): 'disk-full' | 'io' | 'corrupt' | 'locked' {
  if ('code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT')) return 'disk-full'
  const extended = 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode : 0
  if (extended === SQLITE_IOERR_SHMSIZE) return 'disk-full'
  switch (extended & 0xff) {
    case SQLITE_FULL:
      return 'disk-full'
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return 'corrupt'
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return 'locked'
    default:
      return 'io'
  }
}

/** What to do, by code; `path` is the database file. */
function fixFor(code: 'disk-full' | 'io' | 'corrupt' | 'locked', path: string): string {
  switch (code) {
    case 'disk-full':
      return `Make room on the file system of ${path}; nothing was lost, and no restart is needed.`
    case 'corrupt':
      return (
        `Keep copies of ${path}, ${path}-wal and ${path}-shm. Then either recover what can be read with ` +
        `\`sqlite3 ${path} .recover | sqlite3 NEW\` and put NEW in its place, or move the three files away ` +
        'and start with an empty store. Althing neither deletes nor overwrites them.'
      )
    case 'locked':
      return `See who holds it with \`fuser ${path}\`, and stop that process.`
    case 'io':
      return `Check that ${path} and its directory exist, belong to the user of the daemon and are writable.`
  }
}

/**
 * SQLite's or the system's error as a StoreError; anything else (a mistake in the caller) as it is.
 * `doing` completes "cannot …": "open the store".
 */
export function toStoreError(thrown: unknown, doing: string, path: string): unknown {
  const ofStorage = thrown instanceof Error && ('errcode' in thrown || 'syscall' in thrown)
  if (!ofStorage) return thrown
  const code = codeOf(thrown)
  return new StoreError(code, `cannot ${doing} ${path}: ${messageOf(thrown)}`, {
    cause: thrown,
    fix: fixFor(code, path),
    meta: { path },
  })
}
