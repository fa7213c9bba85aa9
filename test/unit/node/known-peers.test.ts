import assert from 'node:assert/strict'
import { KEPT_FOR_MS, KnownPeers, MAX_KEPT_PEERS } from '../../../src/node/known-peers.ts'
import type { LinkInfo } from '../../../src/peer/peer.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'

const dialled = (address: string): LinkInfo => ({ address, direction: 'outbound', relay: undefined })

describe('known peers', () => {
  let store: Store
  const clock = manualClock(1_000_000)
  const list = (cluster = 'home') => new KnownPeers({ store, cluster, clock, log: SILENT })
  beforeEach(() => void (store = createMemoryStore()))

  it('come back after a restart without /p2p, the address that worked last and the latest reached first', () => {
    const first = list()
    first.note('a', dialled('/ip4/10.0.0.1/tcp/1/p2p/12D3KooWJEo2rZ1NHRvVQ8oFg4oVYVRM4HbGHRqJrAq8mNZJkNsz'))
    clock.advance(1)
    first.note('b', dialled('/ip4/10.0.0.2/tcp/1'))
    clock.advance(1)
    first.note('a', dialled('/ip4/10.0.0.3/tcp/1'))
    assert.deepEqual(list().restore(), [
      { peer: 'a', addresses: ['/ip4/10.0.0.3/tcp/1', '/ip4/10.0.0.1/tcp/1'] },
      { peer: 'b', addresses: ['/ip4/10.0.0.2/tcp/1'] },
    ])
  })

  it('are only those that were dialled, and not by way of another', () => {
    const first = list()
    first.note('a', { address: '/ip4/10.0.0.1/tcp/1', direction: 'inbound', relay: undefined })
    first.note('b', { address: '/ip4/10.0.0.1/tcp/1', direction: 'outbound', relay: 'c' })
    first.note('d', undefined)
    assert.deepEqual(list().restore(), [])
  })

  it('are forgotten when they were not reached for long, or belong to another cluster, or are no entries', () => {
    list().note('a', dialled('/ip4/10.0.0.1/tcp/1'))
    list('office').note('b', dialled('/ip4/10.0.0.2/tcp/1'))
    store.write([{ collection: 'peer', key: 'c', doc: { addresses: 'everywhere' } }])
    assert.deepEqual(
      list()
        .restore()
        .map(({ peer }) => peer),
      ['a'],
    )
    clock.advance(KEPT_FOR_MS)
    assert.deepEqual(list().restore(), [])
    assert.equal(store.load('peer').size, 0)
  })

  it('are no more than the cap; the one reached longest ago goes', () => {
    const full = list()
    for (let n = 0; n <= MAX_KEPT_PEERS; n++) {
      full.note(`peer-${n}`, dialled('/ip4/10.0.0.1/tcp/1'))
      clock.advance(1)
    }
    const kept = list().restore()
    assert.equal(kept.length, MAX_KEPT_PEERS)
    assert.ok(!kept.some(({ peer }) => peer === 'peer-0'))
  })
})
