import assert from 'node:assert/strict'
import {
  merge,
  nodes,
  restore,
  StoredRecord,
  type RegistryState,
  type RegistryWrite,
} from '../../../src/registry/registry.ts'
import { decode, encode } from '../../../src/wire/codec.ts'
import { heartbeat, machine, opened, passport, registryOf, signerOf, T0 } from './fixtures.ts'

/** What a store does with writes, including the trip through the codec. */
function storeOf() {
  const collections = {
    record: new Map<string, unknown>(),
    mark: new Map<string, unknown>(),
    proof: new Map<string, unknown>(),
  }
  return {
    collections,
    apply(writes: readonly RegistryWrite[]) {
      for (const { collection, key, doc } of writes) {
        if (doc === null) collections[collection].delete(key)
        else collections[collection].set(key, decode(encode(doc), 1e6))
      }
    },
    reload(nowMs: number): RegistryState {
      const state = registryOf('me')
      const records = [...collections.record.values()].map((doc) => {
        const { bytes, bornMs } = StoredRecord.parse(doc)
        return { record: opened(bytes), bornMs }
      })
      this.apply(restore(state, { records, marks: collections.mark, proofs: collections.proof }, nowMs).persist)
      return state
    },
  }
}

describe('registry/restore', () => {
  it('brings back passports with their age, marks of what is gone, and the quarantined', () => {
    const store = storeOf()
    const before = registryOf('me')
    const gone = passport('bob', 'gone', { seq: 1, ttlMs: 5_000 })
    for (const record of [
      machine('ann'),
      heartbeat('ann', { seq: 32 }),
      gone,
      passport('bob', 'stays', { seq: 2 }),
      passport('eve', 'a', { seq: 1 }),
      passport('eve', 'b', { seq: 1 }),
    ])
      store.apply(merge(before, record, 0, T0).persist)
    assert.deepEqual(
      [...store.collections.record.keys()].toSorted(),
      [
        `${signerOf('ann').id}/passport/default/ann`,
        `${signerOf('bob').id}/passport/default/gone`,
        `${signerOf('bob').id}/passport/default/stays`,
      ].toSorted(),
    )

    const after = store.reload(T0 + 10_000)
    assert.deepEqual(
      nodes(after, T0 + 10_000).map(({ name, state }) => [name, state]),
      [
        ['ann', 'joining'],
        ['stays', 'joining'],
      ],
    )
    assert.equal(store.collections.record.size, 2, 'the expired one is removed from the store')
    assert.equal(merge(after, gone, 0, T0 + 10_000).outcome, 'duplicate')
    assert.equal(merge(after, heartbeat('ann', { seq: 31 }), 0, T0 + 10_000).outcome, 'stale', 'a replayed heartbeat')
    assert.equal(merge(after, heartbeat('ann', { seq: 33 }), 0, T0 + 10_000).outcome, 'new')
    assert.equal(merge(after, heartbeat('eve'), 0, T0 + 10_000).outcome, 'quarantined')
  })

  it('does not take passports of long ago for signs of life', () => {
    const store = storeOf()
    store.apply(merge(registryOf('me'), machine('ann'), 0, T0).persist)
    const after = store.reload(T0 + 600_000)
    assert.deepEqual(nodes(after, T0 + 600_000), [])
    assert.deepEqual(
      nodes(after, T0 + 600_000, { includeDead: true }).map(({ name }) => name),
      ['ann'],
    )
  })

  it('skips documents that are damaged', () => {
    const state = registryOf('me')
    restore(
      state,
      {
        records: [],
        marks: new Map<string, unknown>([
          ['x', 1],
          ['a/b/c', { epoch: -1 }],
        ]),
        proofs: new Map([['ann', 'no']]),
      },
      T0,
    )
    assert.equal(state.authors.size + state.quarantined.size, 0)
  })
})
