import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../../src/store/errors.ts'
import type { StoreErrorCode } from '../../../src/store/errors.ts'
import { openStore } from '../../../src/store/sqlite.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { SILENT } from '../../../src/util/logger.ts'

describe('store on SQLite', () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'althing-store-'))
    path = join(directory, 'store.db')
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const refuses = (code: StoreErrorCode, message: RegExp, open: () => void = () => openStore(path, SILENT)): void => {
    assert.throws(open, (error) => {
      assert.ok(error instanceof StoreError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.ok(error.message.includes(path), error.message)
      assert.ok(error.fix !== undefined && error.fix.length > 20)
      return true
    })
  }
  /** Reaches into the closed file with a second connection, as no daemon would. */
  const tamper = (sql: string): void => {
    const sqlite = new DatabaseSync(path)
    sqlite.exec(sql)
    sqlite.close()
  }

  it('creates a file that only its owner may read', () => {
    const store = openStore(path, SILENT)
    store.write([{ collection: 'task', key: 'a', doc: 1 }])
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    store.close()
  })

  it('leaves out a document that no longer decodes, and says which', () => {
    openStore(path, SILENT).close()
    tamper(`INSERT INTO document VALUES ('task', 'bad', x'ff00'), ('task', 'good', x'01')`)
    const logged: object[] = []
    const log: Logger = { ...SILENT, error: (fields) => logged.push(fields) }
    const store = openStore(path, log)
    assert.deepEqual(store.load('task'), new Map([['good', 1]]))
    assert.equal(logged.length, 1)
    assert.partialDeepStrictEqual(logged[0], { collection: 'task', key: 'bad' })
    store.close()
  })

  it('closes twice', () => {
    const store = openStore(path, SILENT)
    store.close()
    store.close()
  })

  describe('refuses, changing nothing,', () => {
    it('a file that is no database', () => {
      writeFileSync(path, 'these are someone’s notes, and not a database at all\n'.repeat(100))
      const before = readFileSync(path)
      refuses('corrupt', /cannot open the store .*not a database/)
      assert.deepEqual(readFileSync(path), before)
    })

    it('a damaged database, when its pages are read', () => {
      const store = openStore(path, SILENT)
      for (let i = 0; i < 200; i++) {
        store.write([{ collection: 'task', key: `key-${i}`, doc: 'x'.repeat(500) }])
      }
      store.close()
      const bytes = readFileSync(path)
      bytes.fill(0xa5, 4096 * 2)
      writeFileSync(path, bytes)
      refuses('corrupt', /cannot (open|read)/, () => {
        const damaged = openStore(path, SILENT)
        try {
          damaged.load('task')
        } finally {
          damaged.close()
        }
      })
      assert.equal(statSync(path).size, bytes.length)
    })

    it('a database of another program', () => {
      tamper('CREATE TABLE cookies (value TEXT)')
      const before = readFileSync(path)
      refuses('foreign', /another program/)
      assert.deepEqual(readFileSync(path), before)
    })

    it('a store written by a later version', () => {
      openStore(path, SILENT).close()
      tamper(`INSERT INTO migration VALUES (1000, '')`)
      const copy = join(directory, 'copy.db')
      copyFileSync(path, copy)
      refuses('newer', /schema version 1000/)
      assert.deepEqual(readFileSync(path), readFileSync(copy))
    })

    it('a store that another process holds', function () {
      this.timeout(20_000)
      const store = openStore(path, SILENT)
      const other = new DatabaseSync(path)
      other.exec('BEGIN IMMEDIATE')
      refuses('locked', /cannot write to .*locked/, () => {
        store.write([{ collection: 'task', key: 'a', doc: 1 }])
      })
      other.exec('COMMIT')
      other.close()
      store.write([{ collection: 'task', key: 'a', doc: 1 }])
      store.close()
    })

    it('a directory that does not exist, and one in the file’s place', () => {
      path = join(directory, 'none', 'store.db')
      refuses('io', /ENOENT/)
      path = join(directory, 'folder')
      mkdirSync(path)
      refuses('io', /EISDIR/)
    })
  })

  describe('when there is no more room', () => {
    it('keeps all or nothing of a write, and goes on when there is room', () => {
      const store = openStore(path, SILENT)
      store.write([{ collection: 'task', key: 'before', doc: 'kept' }])
      store.database.exec('PRAGMA max_page_count = 20')
      const large = Array.from({ length: 100 }, (_, i) => ({
        collection: 'task' as const,
        key: `large-${i}`,
        doc: 'x'.repeat(3_000),
      }))
      refuses('disk-full', /cannot write to .*full/, () => {
        store.write(large)
      })
      assert.deepEqual(store.load('task'), new Map([['before', 'kept']]))
      store.write([{ collection: 'task', key: 'small', doc: 1 }])
      store.database.exec('PRAGMA max_page_count = 1000000')
      store.write(large)
      assert.equal(store.load('task').size, 102)
      store.close()
    })
  })

  it('writes the epoch through to the disk, and only the epoch', () => {
    const NORMAL = 1
    const FULL = 2
    const store = openStore(path, SILENT)
    const { database } = store
    database.exec(`CREATE TEMP TABLE seen (what TEXT, synchronous INTEGER);
      CREATE TEMP TRIGGER on_epoch AFTER INSERT ON counter
        BEGIN INSERT INTO seen SELECT 'epoch', synchronous FROM pragma_synchronous; END;
      CREATE TEMP TRIGGER on_document AFTER INSERT ON document
        BEGIN INSERT INTO seen SELECT 'document', synchronous FROM pragma_synchronous; END`)
    store.nextEpoch(0, 0)
    assert.throws(() => store.nextEpoch(Number.NaN, 0), RangeError)
    store.write([{ collection: 'task', key: 'a', doc: 1 }])
    const seen = database.prepare('SELECT * FROM seen').all()
    assert.deepEqual(
      seen.map((row) => ({ ...row })),
      [
        { what: 'epoch', synchronous: FULL },
        { what: 'document', synchronous: NORMAL },
      ],
    )
    store.close()
  })
})
