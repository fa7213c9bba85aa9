import assert from 'node:assert/strict'
import { digest, merge, nextExpiryMs, nodes, release, setApart } from '../../../src/registry/registry.ts'
import { heartbeat, machine, passport, registryOf, signerOf, T0 } from './fixtures.ts'

describe('registry: authors that are set apart', () => {
  function known() {
    const registry = registryOf('me')
    for (const record of [machine('ann'), passport('ann', 'writer', { seq: 2 }), heartbeat('ann'), machine('bob')])
      merge(registry, record, 0, T0)
    return registry
  }
  const { id } = signerOf('ann')
  const listed = (registry: ReturnType<typeof known>) => {
    const opening = digest(registry)
    return opening.t === 'sync-digest' ? opening.body.authors.map(([author]) => author) : []
  }

  it('are known, and neither summed nor listed, until they are taken back', () => {
    const registry = known()
    const sums = [...registry.sums]
    setApart(registry, id, true)
    setApart(registry, id, true)
    assert.notDeepEqual([...registry.sums], sums)
    assert.deepEqual(listed(registry), [signerOf('bob').id])
    assert.ok(nodes(registry, T0).some(({ peerId }) => peerId === id))
    merge(registry, heartbeat('ann', { seq: 2 }), 0, T0)
    setApart(registry, id, false)
    const all = known()
    merge(all, heartbeat('ann', { seq: 2 }), 0, T0)
    assert.deepEqual([...registry.sums], [...all.sums])
    assert.deepEqual(listed(registry).toSorted(), listed(all).toSorted())
  })

  it('are let go with all they said, on disk too, and nothing is told of it', () => {
    const registry = known()
    setApart(registry, id, true)
    const { events, persist } = release(registry, id)
    assert.deepEqual(events, [])
    assert.deepEqual(persist.map(({ collection }) => collection).toSorted(), [
      'mark',
      'mark',
      'mark',
      'record',
      'record',
    ])
    const fresh = registryOf('me')
    merge(fresh, machine('bob'), 0, T0)
    assert.deepEqual([...registry.sums], [...fresh.sums])
    assert.deepEqual([registry.totalBytes, registry.records.size], [fresh.totalBytes, 1])
    assert.equal(nextExpiryMs(registry), nextExpiryMs(fresh))
    assert.deepEqual(release(registry, id), { events: [], persist: [] })
  })
})
