/**
 * The SQLite file: opened, set up, migrated, its errors translated. Everything in `store/` goes
 * through a `Database`; nothing outside it sees SQL.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import { StoreError, toStoreError } from './errors.ts'
import { APPLICATION_ID, MIGRATION_TABLE, MIGRATIONS } from './schema.ts'

/** How long a statement waits for another process to let go. It blocks the event loop, so it is short. */
const BUSY_TIMEOUT_MS = 2_000
/** What a WAL that grew is cut back to at the next checkpoint. Twice the size at which SQLite checkpoints. */
const WAL_SIZE_LIMIT_BYTES = 8 * 1024 * 1024

/** An open database file. All calls are synchronous. */
export interface Database {
  readonly path: string
  /** Compiles a statement once, for as long as the database is open. @throws StoreError */
  prepare(sql: string): StatementSync
  /** Runs statements that return nothing. @throws StoreError */
  exec(sql: string): void
  /** Runs `work` and turns what SQLite throws into a StoreError. `doing` completes "cannot …". */
  guard<T>(doing: string, work: () => T): T
  /** As `guard`, in one transaction: all of `work` or none of it. Does not nest. */
  transaction<T>(doing: string, work: () => T): T
  /** Checkpoints and closes. A second call does nothing. */
  close(): void
}

/**
 * Opens the file, creating it (mode 0600) when there is none; its directory must exist.
 * @throws StoreError (`io`, `corrupt`, `locked`, `newer`, `foreign`, `disk-full`); the file is then
 * closed and unchanged
 */
export function openDatabase(path: string): Database {
  const sqlite = openFile(path)
  const database = wrap(sqlite, path)
  try {
    database.guard('open the store', () => setUp(sqlite, path))
    migrate(sqlite, database)
    return database
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function openFile(path: string): DatabaseSync {
  try {
    // SQLite would create it readable by all; the WAL and its index take the mode of this file.
    closeSync(openSync(path, 'a', 0o600))
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  } catch (error) {
    throw toStoreError(error, 'open the store', path)
  }
}

function wrap(sqlite: DatabaseSync, path: string): Database {
  const guard = <T>(doing: string, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw toStoreError(error, doing, path)
    }
  }
  return {
    path,
    guard,
    prepare: (sql) => guard('prepare a statement on', () => sqlite.prepare(sql)),
    exec: (sql) => guard('run a statement on', () => sqlite.exec(sql)),
    transaction: (doing, work) =>
      guard(doing, () => {
        sqlite.exec('BEGIN IMMEDIATE')
        try {
          const result = work()
          sqlite.exec('COMMIT')
          return result
        } catch (error) {
          // On a full disk SQLite may have rolled back by itself; a second ROLLBACK would throw.
          if (sqlite.isTransaction) sqlite.exec('ROLLBACK')
          throw error
        }
      }),
    close() {
      if (sqlite.isOpen) guard('close the store', () => sqlite.close())
    },
  }
}

/** One value of a one-row, one-column query. */
function valueOf(sqlite: DatabaseSync, sql: string, ...parameters: SQLInputValue[]): unknown {
  return Object.values(sqlite.prepare(sql).get(...parameters) ?? {})[0]
}

function setUp(sqlite: DatabaseSync, path: string): void {
  const applicationId = valueOf(sqlite, 'PRAGMA application_id')
  const tables = valueOf(sqlite, 'SELECT count(*) FROM sqlite_schema')
  if (applicationId !== APPLICATION_ID && tables !== 0) {
    throw new StoreError('foreign', `${path} is a database of another program`, {
      fix: 'Give the daemon a data directory of its own with --data-dir or ALTHING_DATA_DIR.',
      meta: { path, applicationId },
    })
  }
  const mode = valueOf(sqlite, 'PRAGMA journal_mode = WAL')
  if (mode !== 'wal') {
    throw new StoreError(
      'io',
      `the file system of ${path} cannot do write-ahead logging (SQLite says "${String(mode)}")`,
      {
        fix: 'Put the data directory on a local disk, not on a network share.',
        meta: { path },
      },
    )
  }
  // NORMAL survives a crash of the process; the epoch alone must survive loss of power, and says so itself.
  sqlite.exec(`PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`)
}

function migrate(sqlite: DatabaseSync, database: Database): void {
  database.transaction('migrate the store', () => {
    sqlite.exec(MIGRATION_TABLE)
    const version = Number(valueOf(sqlite, 'SELECT coalesce(max(version), 0) FROM migration'))
    if (version > MIGRATIONS.length) {
      throw new StoreError(
        'newer',
        `${database.path} has schema version ${version}; this Althing knows ${MIGRATIONS.length}`,
        {
          fix: 'Run the version of Althing that wrote it, or a later one.',
          meta: { path: database.path, version },
        },
      )
    }
    if (version === MIGRATIONS.length) return
    const applied = sqlite.prepare(`INSERT INTO migration (version, applied_at) VALUES (?, datetime('now'))`)
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue
      sqlite.exec(sql)
      applied.run(index + 1)
    }
    sqlite.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  })
}
