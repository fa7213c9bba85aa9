/** The Store on one SQLite file, as the daemon runs it. */
import type { Logger } from '../util/logger.ts'
import { messageOf } from '../util/errors.ts'
import { openDatabase } from './database.ts'
import type { Database } from './database.ts'
import { decodeDocument, encodeWrites } from './documents.ts'
import { epochAfter } from './epoch.ts'
import type { Collection, Store, Write } from './store.ts'

/** A Store whose file other parts of `store/` may use too (the datastore of libp2p does). */
export interface SqliteStore extends Store {
  readonly database: Database
}

/**
 * Opens the store at `path`, creating the file when there is none; its directory must exist.
 * @throws StoreError (`io`, `corrupt`, `locked`, `newer`, `foreign`, `disk-full`), naming the file and the fix
 */
export function openStore(path: string, log: Logger): SqliteStore {
  const database = openDatabase(path)
  const selectAll = database.prepare('SELECT key, body FROM document WHERE collection = ? ORDER BY key')
  const upsert = database.prepare(
    `INSERT INTO document (collection, key, body) VALUES (?, ?, ?)
     ON CONFLICT (collection, key) DO UPDATE SET body = excluded.body`,
  )
  const remove = database.prepare('DELETE FROM document WHERE collection = ? AND key = ?')

  const write = (writes: readonly Write[], alongside?: () => void): void => {
    if (writes.length === 0 && alongside === undefined) return
    const encoded = encodeWrites(writes)
    database.transaction('write to', () => {
      for (const { collection, key, body } of encoded) {
        if (body === null) remove.run(collection, key)
        else upsert.run(collection, key, body)
      }
      alongside?.()
    })
  }
  return {
    database,
    load: (collection) =>
      decodeRows(
        database.guard('read', () => selectAll.all(collection)),
        collection,
        log,
      ),
    write,
    writeDurably: (writes, alongside) => durably(database, () => write(writes, alongside)),
    nextEpoch: (atLeast, unixSeconds) => nextEpoch(database, atLeast, unixSeconds),
    close: () => database.close(),
  }
}

function decodeRows(rows: Record<string, unknown>[], collection: Collection, log: Logger): Map<string, unknown> {
  const documents = new Map<string, unknown>()
  for (const { key, body } of rows) {
    try {
      documents.set(String(key), decodeDocument(body as Uint8Array))
    } catch (error) {
      log.error({ collection, key, reason: messageOf(error) }, 'a stored document cannot be read and is left out')
    }
  }
  return documents
}

function nextEpoch(database: Database, atLeast: number, unixSeconds: number): number {
  const select = database.prepare(`SELECT value FROM counter WHERE name = 'epoch'`)
  const upsert = database.prepare(
    `INSERT INTO counter (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  )
  // An epoch that was used and then forgotten would make this node accuse itself of equivocation.
  return durably(database, () =>
    database.transaction('write the boot epoch to', () => {
      const epoch = epochAfter(Number(select.get()?.['value'] ?? 0), atLeast, unixSeconds)
      upsert.run(epoch)
      return epoch
    }),
  )
}

/** Flushes to the disk what `work` commits, before it returns. */
function durably<T>(database: Database, work: () => T): T {
  database.exec('PRAGMA synchronous = FULL')
  try {
    return work()
  } finally {
    database.exec('PRAGMA synchronous = NORMAL')
  }
}
