import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Key } from 'interface-datastore'
import type * as Suite from 'interface-datastore-tests'
import { openDatabase } from '../../../src/store/database.ts'
import type { Database } from '../../../src/store/database.ts'
import { createDatastore } from '../../../src/store/datastore.ts'

/** The suite of libp2p itself; its `expect` comes from test/support/expect.ts, which says why. */
async function loadSuite(): Promise<typeof Suite> {
  const expectUrl = new URL('../../support/expect.ts', import.meta.url).href
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'aegir/chai' ? { url: expectUrl, shortCircuit: true } : next(specifier, context),
  })
  try {
    return await import('interface-datastore-tests')
  } finally {
    hooks.deregister()
  }
}
const { interfaceDatastoreTests } = await loadSuite()

describe('datastore on SQLite', () => {
  let directory: string
  let database: Database

  const setup = () => {
    directory = mkdtempSync(join(tmpdir(), 'althing-datastore-'))
    database = openDatabase(join(directory, 'store.db'))
    return createDatastore(database)
  }
  const teardown = () => {
    database.close()
    rmSync(directory, { recursive: true })
  }

  interfaceDatastoreTests({ setup, teardown })

  describe('beyond the interface', () => {
    let datastore: ReturnType<typeof setup>
    beforeEach(() => {
      datastore = setup()
    })
    afterEach(teardown)

    it('finds every key of a prefix across pages, and no other', async () => {
      const count = 700
      const batch = datastore.batch()
      for (let i = 0; i < count; i++) batch.put(new Key(`/b/${String(i).padStart(4, '0')}`), Uint8Array.of(1))
      for (const other of ['/a/x', '/b-/x', '/b', '/b0', '/c/x']) batch.put(new Key(other), Uint8Array.of(2))
      await batch.commit()

      const keys: string[] = []
      for await (const key of datastore.queryKeys({ prefix: '/b/' })) keys.push(key.toString())
      assert.equal(keys.length, count)
      assert.ok(keys.every((key) => key.startsWith('/b/')))
      assert.deepEqual(keys, keys.toSorted())
    })

    it('counts a key among those of the prefix that is the key itself', async () => {
      await datastore.put(new Key('/b'), Uint8Array.of(1))
      const keys: string[] = []
      for await (const key of datastore.queryKeys({ prefix: '/b' })) keys.push(key.toString())
      assert.deepEqual(keys, ['/b'])
    })

    it('applies a batch wholly or not at all', async () => {
      const batch = datastore.batch()
      batch.put(new Key('/one'), Uint8Array.of(1))
      // A value SQLite cannot bind makes the second step throw.
      batch.put(new Key('/two'), { not: 'bytes' } as unknown as Uint8Array)
      assert.throws(() => batch.commit())
      assert.equal(await datastore.has(new Key('/one')), false)
    })

    it('keeps what was put across a restart', async () => {
      await datastore.put(new Key('/kept'), Uint8Array.of(7))
      database.close()
      database = openDatabase(join(directory, 'store.db'))
      assert.deepEqual(await createDatastore(database).get(new Key('/kept')), Uint8Array.of(7))
    })
  })
})
