/**
 * What every Store does, whatever it is kept in. A `Bed` is where one store lives across restarts.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { StoreError } from '../../src/store/errors.ts'
import type { Collection, Store, Write } from '../../src/store/store.ts'

/** Where a store is kept. */
export interface StoreBed {
  /** Opens the store; called again after `close`, it must find what was written. */
  open(): Store
  dispose(): void
}

const put = (key: string, doc: unknown, collection: Collection = 'task'): Write => ({ collection, key, doc })

/** Declares the suite; `makeBed` gives a new, empty place for each test. */
export function storeContract(name: string, makeBed: () => StoreBed): void {
  describe(`store contract: ${name}`, () => {
    let bed: StoreBed
    let store: Store
    beforeEach(() => {
      bed = makeBed()
      store = bed.open()
    })
    afterEach(() => {
      store.close()
      bed.dispose()
    })
    const reopen = (): void => {
      store.close()
      store = bed.open()
    }

    it('starts empty', () => {
      assert.deepEqual(store.load('task'), new Map())
    })

    it('keeps documents of every kind of plain data across a restart', () => {
      const doc = { n: -1.5, big: 2 ** 53 - 1, text: 'þing', bytes: Uint8Array.of(0, 255), list: [null, true, {}] }
      store.write([put('a', doc)])
      reopen()
      assert.deepEqual(store.load('task'), new Map([['a', doc]]))
    })

    it('replaces and deletes by key, and the last write of a batch wins', () => {
      store.write([put('a', 1), put('b', 2), put('c', 3)])
      store.write([put('a', 10), put('b', null), put('c', null), put('c', 30), put('never', null)])
      reopen()
      assert.deepEqual(
        [...store.load('task')],
        [
          ['a', 10],
          ['c', 30],
        ],
      )
    })

    it('keeps collections apart', () => {
      store.write([put('same', 'task'), put('same', 'job', 'job')])
      store.write([put('same', null, 'job')])
      assert.equal(store.load('task').get('same'), 'task')
      assert.equal(store.load('job').size, 0)
    })

    it('loads in the order of the UTF-8 bytes of the keys', () => {
      const keys = ['b', '\u{1F600}', 'a/1', 'B', '\u{FFFD}', 'a', 'é']
      store.write(keys.map((key) => put(key, 0)))
      assert.deepEqual([...store.load('task').keys()], ['B', 'a', 'a/1', 'b', 'é', '\u{FFFD}', '\u{1F600}'])
    })

    it('writes nothing of a batch that holds a document it cannot keep', () => {
      for (const bad of [undefined, { a: undefined }, Number.NaN, new Date(0), () => {}]) {
        assert.throws(
          () => store.write([put('good', 1), put('bad', bad)]),
          (error) => error instanceof StoreError && error.code === 'bad-document' && /task bad/.test(error.message),
        )
      }
      assert.equal(store.load('task').size, 0)
    })

    it('shares nothing with its callers', () => {
      const doc = { list: [1] }
      store.write([put('a', doc)])
      doc.list.push(2)
      const loaded = store.load('task').get('a') as typeof doc
      assert.deepEqual(loaded, { list: [1] })
      loaded.list.push(3)
      assert.deepEqual(store.load('task').get('a'), { list: [1] })
    })

    it('holds what a map would hold, whatever is written', () => {
      const key = fc.constantFrom('a', 'b', 'c', 'd')
      const doc = fc.oneof(fc.constant(null), fc.record({ n: fc.integer(), s: fc.string() }, { noNullPrototype: true }))
      const batch = fc.array(fc.record({ collection: fc.constantFrom<Collection>('task', 'job'), key, doc }))
      fc.assert(
        fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
          const everything = (['task', 'job'] as const).flatMap((collection) =>
            [...store.load(collection).keys()].map((k): Write => ({ collection, key: k, doc: null })),
          )
          store.write(everything)
          const model = { task: new Map<string, unknown>(), job: new Map<string, unknown>() }
          for (const writes of batches) {
            store.write(writes)
            for (const { collection, key: k, doc: d } of writes) {
              const rows = collection === 'task' ? model.task : model.job
              if (d === null) rows.delete(k)
              else rows.set(k, d)
            }
          }
          for (const collection of ['task', 'job'] as const) {
            const sorted = [...model[collection]].toSorted(([a], [b]) => (a < b ? -1 : 1))
            assert.deepEqual([...store.load(collection)], sorted)
          }
        }),
        { numRuns: 50 },
      )
    })

    describe('the boot epoch', () => {
      it('is Unix seconds at first, and rises with every boot', () => {
        assert.equal(store.nextEpoch(0, 1_700_000_000), 1_700_000_000)
        reopen()
        assert.equal(store.nextEpoch(0, 1_700_000_000), 1_700_000_001)
        reopen()
        assert.equal(store.nextEpoch(0, 1_600_000_000), 1_700_000_002)
      })

      it('is no lower than what is asked for', () => {
        assert.equal(store.nextEpoch(1_900_000_000, 1_700_000_000), 1_900_000_000)
        reopen()
        assert.equal(store.nextEpoch(5, 1_700_000_000), 1_900_000_001)
      })

      it('refuses what no record could carry, and keeps the last one', () => {
        assert.equal(store.nextEpoch(7, 0), 7)
        for (const bad of [Number.NaN, -1, 1.5, 2 ** 53]) {
          assert.throws(() => store.nextEpoch(bad, 0), RangeError)
          assert.throws(() => store.nextEpoch(0, bad), RangeError)
        }
        assert.equal(store.nextEpoch(0, 0), 8)
      })
    })
  })
}
