/**
 * libp2p's Datastore (its peer store lives there) as a table of the same SQLite file.
 */
import { BaseDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import type { Batch, KeyQuery, Pair, Query } from 'interface-datastore'
import { AlthingError } from '../util/errors.ts'
import type { Database } from './database.ts'

/** libp2p tells an absent key from a broken store by this very name. */
class NotFoundError extends AlthingError<'not-found'> {}

interface Options {
  signal?: AbortSignal
}

/** Rows read at a time. No statement stays open between them, so a query may be mutated under way. */
const PAGE_ROWS = 256

class SqliteDatastore extends BaseDatastore {
  readonly #database: Database
  readonly #statements

  constructor(database: Database) {
    super()
    this.#database = database
    this.#statements = {
      put: database.prepare(
        'INSERT INTO datastore (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      ),
      get: database.prepare('SELECT value FROM datastore WHERE key = ?'),
      remove: database.prepare('DELETE FROM datastore WHERE key = ?'),
      page: database.prepare('SELECT key, value FROM datastore WHERE key >= ? AND key <> ? ORDER BY key LIMIT ?'),
    }
  }

  override put(key: Key, value: Uint8Array, options?: Options): Key {
    options?.signal?.throwIfAborted()
    this.#database.guard('write to', () => this.#statements.put.run(key.toString(), value))
    return key
  }

  override get(key: Key, options?: Options): Uint8Array {
    options?.signal?.throwIfAborted()
    const row = this.#database.guard('read', () => this.#statements.get.get(key.toString()))
    if (row === undefined) throw new NotFoundError('not-found', `no value under ${key.toString()}`)
    return row['value'] as Uint8Array
  }

  override has(key: Key, options?: Options): boolean {
    options?.signal?.throwIfAborted()
    return this.#database.guard('read', () => this.#statements.get.get(key.toString())) !== undefined
  }

  override delete(key: Key, options?: Options): void {
    options?.signal?.throwIfAborted()
    this.#database.guard('write to', () => this.#statements.remove.run(key.toString()))
  }

  /** Unlike the base class's, all or nothing. */
  override batch(): Batch {
    let steps: (() => void)[] = []
    return {
      put: (key, value) => {
        steps.push(() => this.put(key, value))
      },
      delete: (key) => {
        steps.push(() => this.delete(key))
      },
      commit: (options?: Options) => {
        options?.signal?.throwIfAborted()
        this.#database.transaction('write to', () => {
          for (const step of steps) step()
        })
        steps = []
      },
    }
  }

  override *_all(query: Query, options?: Options): Generator<Pair> {
    for (const [key, value] of this.#rows(query.prefix ?? '', options)) yield { key: new Key(key), value }
  }

  override *_allKeys(query: KeyQuery, options?: Options): Generator<Key> {
    for (const [key] of this.#rows(query.prefix ?? '', options)) yield new Key(key)
  }

  /** Rows whose key starts with `prefix`, in key order. */
  *#rows(prefix: string, options?: Options): Generator<[key: string, value: Uint8Array]> {
    let from = prefix
    let last = ''
    for (;;) {
      options?.signal?.throwIfAborted()
      const page = this.#database.guard('read', () => this.#statements.page.all(from, last, PAGE_ROWS))
      for (const row of page) {
        options?.signal?.throwIfAborted()
        const key = String(row['key'])
        if (!key.startsWith(prefix)) return
        yield [key, row['value'] as Uint8Array]
        from = last = key
      }
      if (page.length < PAGE_ROWS) return
    }
  }
}

/** The datastore table of an open database. Closing it is the database's affair. */
export function createDatastore(database: Database): BaseDatastore {
  return new SqliteDatastore(database)
}
