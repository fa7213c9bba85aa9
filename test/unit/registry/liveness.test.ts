import assert from 'node:assert/strict'
import {
  find,
  merge,
  nextExpiryMs,
  node,
  nodes,
  tick,
  type RegistryEvent,
  type RegistryState,
} from '../../../src/registry/registry.ts'
import { parseSelector } from '../../../src/model/selector.ts'
import { heartbeat, machine, mergeAll, passport, registryOf, signerOf, T0 } from './fixtures.ts'

const ANN = signerOf('ann').id
const types = (events: readonly RegistryEvent[]) => events.map(({ type }) => type)
const stateOf = (state: RegistryState, nowMs: number) => node(state, ANN, nowMs)?.state

/** Ticks whenever the registry asks for it, up to `untilMs`. */
function run(state: RegistryState, untilMs: number): { atMs: number; type: string }[] {
  const seen: { atMs: number; type: string }[] = []
  for (let next = nextExpiryMs(state); next !== undefined && next <= untilMs; next = nextExpiryMs(state)) {
    for (const { type } of tick(state, next).events) seen.push({ atMs: next - T0, type })
  }
  return seen
}

describe('registry/liveness', () => {
  it('joining by passport, ready by heartbeat, offline after the lease, gone after death: each told once', () => {
    const state = registryOf('me')
    assert.deepEqual(types(merge(state, machine('ann'), 0, T0).events), ['passport-changed', 'node-joined'])
    assert.equal(stateOf(state, T0), 'joining')
    assert.deepEqual(types(merge(state, heartbeat('ann'), 0, T0).events), ['heartbeat', 'node-changed'])
    assert.deepEqual(types(merge(state, heartbeat('ann', { seq: 2 }), 0, T0 + 10_000).events), ['heartbeat'])
    assert.deepEqual(types(merge(state, heartbeat('ann', { seq: 3, state: 'busy' }), 0, T0 + 20_000).events), [
      'heartbeat',
      'node-changed',
    ])
    assert.equal(stateOf(state, T0 + 49_999), 'busy')
    assert.equal(stateOf(state, T0 + 50_000), 'offline')
    assert.deepEqual(run(state, T0 + 200_000), [
      { atMs: 50_000, type: 'node-offline' },
      { atMs: 80_000, type: 'node-gone' },
    ])
    assert.deepEqual(nodes(state, T0 + 90_000), [])
    const [dead] = nodes(state, T0 + 90_000, { includeDead: true })
    assert.deepEqual([dead?.state, dead?.dead, dead?.heartbeatAgeMs], ['offline', true, 70_000])
    assert.deepEqual(types(merge(state, heartbeat('ann', { seq: 4 }), 0, T0 + 90_000).events), [
      'heartbeat',
      'node-joined',
    ])
  })

  it('reports the lapse once also when nobody ticked for a long time', () => {
    const state = registryOf('me')
    mergeAll(state, [machine('ann'), heartbeat('ann')])
    assert.deepEqual(types(tick(state, T0 + 500_000).events), ['node-offline', 'node-gone'])
    assert.deepEqual(types(tick(state, T0 + 500_001).events), [])
  })

  it('believes a farewell at once', () => {
    const state = registryOf('me')
    mergeAll(state, [machine('ann'), heartbeat('ann')])
    const { events } = merge(state, heartbeat('ann', { seq: 2, state: 'offline' }), 0, T0 + 1)
    assert.deepEqual(events.slice(1), [{ type: 'node-offline', peerId: ANN, reason: 'left' }])
    assert.equal(stateOf(state, T0 + 1), 'offline')
    assert.deepEqual(run(state, T0 + 100_000), [{ atMs: 60_001, type: 'node-gone' }])
  })

  it('counts the age with which a heartbeat came', () => {
    const state = registryOf('me')
    mergeAll(state, [machine('ann')])
    merge(state, heartbeat('ann'), 29_000, T0)
    assert.equal(stateOf(state, T0 + 999), 'ready')
    assert.equal(stateOf(state, T0 + 1_000), 'offline')
    const late = registryOf('me')
    assert.deepEqual(
      types(merge(late, heartbeat('ann'), 40_000, T0).events),
      ['heartbeat'],
      'news of the lapsed is no arrival',
    )
    assert.equal(stateOf(late, T0), 'offline')
  })

  it('gives slow beaters three of their own intervals', () => {
    const state = registryOf('me', { leaseMs: 3_000, deadMs: 6_000 })
    merge(state, heartbeat('ann', { intervalMs: 1_000 }), 0, T0)
    merge(state, heartbeat('bob', { intervalMs: 100_000, ttlMs: 600_000 }), 0, T0)
    assert.deepEqual(
      nodes(state, T0 + 4_000)
        .map(({ state: shown }) => shown)
        .toSorted(),
      ['offline', 'ready'],
    )
    assert.deepEqual(
      nodes(state, T0 + 299_999).map(({ state: shown }) => shown),
      ['ready'],
    )
    assert.deepEqual(
      nodes(state, T0 + 300_000).map(({ state: shown }) => shown),
      ['offline'],
    )
  })

  it('shows who publishes passports without ever beating as joining, then offline', () => {
    const state = registryOf('me')
    merge(state, passport('ann', 'writer', { capabilities: ['write_article'] }), 0, T0)
    const [shown] = nodes(state, T0)
    assert.deepEqual(
      [shown?.name, shown?.state, shown?.passport, shown?.services.length],
      ['writer', 'joining', undefined, 1],
    )
    assert.equal(find(state, 'write_article', T0).ok, true)
    assert.equal(stateOf(state, T0 + 30_000), 'offline')
    assert.equal(find(state, 'write_article', T0 + 30_000).ok, false)
  })

  it('asks to be ticked when there is something to do, and not otherwise', () => {
    const state = registryOf('me')
    assert.equal(nextExpiryMs(state), undefined)
    merge(state, heartbeat('ann', { ttlMs: 20_000 }), 0, T0)
    assert.equal(nextExpiryMs(state), T0 + 20_000)
    assert.deepEqual(run(state, T0 + 1_000_000), [
      { atMs: 30_000, type: 'node-offline' },
      { atMs: 60_000, type: 'node-gone' },
    ])
    assert.equal(nextExpiryMs(state), undefined)
  })
})

describe('registry/query', () => {
  it('lists nodes by name and selects by label', () => {
    const state = registryOf('me')
    mergeAll(state, [
      machine('bob', { labels: { zone: 'attic' } }),
      heartbeat('bob'),
      machine('ann', { labels: { zone: 'cellar' }, seq: 1 }),
      heartbeat('ann'),
      passport('ann', 'writer', { seq: 2 }),
    ])
    assert.deepEqual(
      nodes(state, T0).map(({ name }) => name),
      ['ann', 'bob'],
    )
    assert.deepEqual(
      nodes(state, T0, { selector: parseSelector('zone in (attic)') }).map(({ name }) => name),
      ['bob'],
    )
    const ann = node(state, ANN, T0)
    assert.equal(ann?.passport?.spec.node?.capacity.cpuMilli, 4000)
    assert.deepEqual(
      ann?.services.map(({ metadata }) => metadata.name),
      ['writer'],
    )
    assert.equal(node(state, 'nobody', T0), undefined)
  })

  it('finds who can, least loaded first', () => {
    const state = registryOf('me')
    const can = { capabilities: ['sing', 'dance'] }
    mergeAll(state, [
      passport('ann', 'a', can),
      heartbeat('ann', { cpuRatio: 0.9 }),
      passport('bob', 'b', can),
      heartbeat('bob', { cpuRatio: 0.2 }),
      passport('cid', 'c', can),
      heartbeat('cid', { cpuRatio: 0.1, state: 'busy' }),
      passport('dan', 'd', can),
      passport('eve', 'e', can),
      heartbeat('eve', { cpuRatio: 0.2, tasks: 3 }),
      passport('fay', 'f', { capabilities: ['sin'] }),
      heartbeat('fay'),
    ])
    const result = find(state, 'sing', T0)
    assert.ok(result.ok)
    assert.deepEqual(
      result.found.map(({ passport: { metadata } }) => metadata.name),
      ['b', 'e', 'a', 'c', 'd'],
    )
  })

  it('says why nobody can', () => {
    const state = registryOf('me')
    mergeAll(state, [machine('ann'), passport('ann', 'writer', { seq: 2, capabilities: ['write'] }), heartbeat('ann')])
    const unknown = find(state, 'fly', T0)
    assert.ok(!unknown.ok)
    assert.equal(unknown.error.code, 'no-capable-nodes')
    assert.match(unknown.error.message, /no passport names the capability "fly"/)
    const offline = find(state, 'write', T0 + 42_000)
    assert.ok(!offline.ok)
    assert.match(offline.error.message, /writer on ann: offline, last heartbeat 42 s ago/)
    const elsewhere = find(state, 'write', T0, { selector: parseSelector('zone=attic') })
    assert.ok(!elsewhere.ok)
    assert.match(elsewhere.error.message, /writer on ann: labels do not match/)
  })
})
