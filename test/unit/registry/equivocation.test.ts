import assert from 'node:assert/strict'
import { find, merge, type RegistryState } from '../../../src/registry/registry.ts'
import {
  heartbeat,
  machine,
  mergeAll,
  nodes,
  opened,
  passport,
  registryOf,
  seededRng,
  signerOf,
  syncRound,
  T0,
} from './fixtures.ts'

const ANN = signerOf('ann').id
const noSize = () => 0

describe('registry/equivocation', () => {
  it('two records of one number quarantine their author, with both as proof', () => {
    const state = registryOf('me')
    const first = passport('ann', 'a', { seq: 7, capabilities: ['sing'] })
    const second = passport('ann', 'b', { seq: 7 })
    mergeAll(state, [machine('ann', { seq: 1 }), heartbeat('ann'), first, passport('bob', 'c')])
    const { outcome, events, persist } = merge(state, second, 0, T0)
    assert.equal(outcome, 'equivocation')
    assert.deepEqual(events, [
      { type: 'quarantined', peerId: ANN, kind: 'passport', epoch: second.epoch, seq: 7 },
      { type: 'node-offline', peerId: ANN, reason: 'quarantined' },
      { type: 'node-gone', peerId: ANN },
    ])
    const proof = persist.find(({ collection }) => collection === 'proof')
    assert.deepEqual(proof, {
      collection: 'proof',
      key: ANN,
      doc: { first: first.bytes, second: second.bytes, name: 'ann' },
    })
    assert.equal(persist.filter(({ collection, doc }) => collection === 'record' && doc === null).length, 2)

    assert.deepEqual(
      nodes(state, T0, { includeDead: true }).map(({ name }) => name),
      ['c'],
    )
    assert.equal(find(state, 'sing', T0).ok, false)
    assert.deepEqual(
      mergeAll(state, [heartbeat('ann', { seq: 9 }), first]).map((merged) => merged.outcome),
      ['quarantined', 'quarantined'],
    )
  })

  it('a proof convinces whoever checks the signatures', () => {
    const state = registryOf('me')
    mergeAll(state, [
      heartbeat('ann', { seq: 4, tasks: 1 }),
      heartbeat('ann', { seq: 5 }),
      heartbeat('ann', { seq: 4, tasks: 2 }),
    ])
    const proof = state.quarantined.get(ANN)
    assert.ok(proof)
    const [one, two] = [opened(proof.first), opened(proof.second)]
    assert.deepEqual([one.author, one.kind, one.epoch, one.seq], [two.author, two.kind, two.epoch, two.seq])
    assert.notEqual(one.hash, two.hash)
  })

  it('numbers of different kinds, epochs and authors do not contradict each other', () => {
    const state = registryOf('me')
    const records = [
      heartbeat('ann', { seq: 1 }),
      machine('ann', { seq: 1 }),
      machine('ann', { seq: 1, epoch: 1 }),
      machine('bob', { seq: 1 }),
    ]
    assert.deepEqual(
      mergeAll(state, records).map(({ outcome }) => outcome),
      ['new', 'new', 'stale', 'new'],
    )
    assert.equal(state.quarantined.size, 0)
  })

  it('notices it after newer records, and replaying old ones hides nothing', () => {
    const state = registryOf('me')
    const early = heartbeat('ann', { seq: 100, tasks: 1 })
    mergeAll(state, [early, heartbeat('ann', { seq: 101 })])
    for (let seq = 1; seq < 40; seq++) merge(state, heartbeat('ann', { seq }), 0, T0)
    assert.equal(merge(state, heartbeat('ann', { seq: 100, tasks: 2 }), 0, T0).outcome, 'equivocation')
    assert.deepEqual(state.quarantined.get(ANN)?.first, early.bytes)
  })

  it('notices it however old, while the record still counts', () => {
    const state = registryOf('me')
    const early = passport('ann', 'a', { seq: 100 })
    merge(state, early, 0, T0)
    for (let seq = 101; seq < 140; seq++) merge(state, passport('ann', 'b', { seq }), 0, T0)
    assert.equal(merge(state, passport('ann', 'a', { seq: 100, note: 'other' }), 0, T0).outcome, 'equivocation')
    assert.deepEqual(state.quarantined.get(ANN)?.first, early.bytes)
  })

  it('confirms a proof by itself, however much it has seen since', () => {
    const state = registryOf('me')
    for (let seq = 10; seq < 40; seq++) merge(state, heartbeat('ann', { seq }), 0, T0)
    const proof = [heartbeat('ann', { seq: 3, tasks: 1 }), heartbeat('ann', { seq: 3, tasks: 2 })]
    assert.deepEqual(
      mergeAll(state, proof).map(({ outcome }) => outcome),
      ['stale', 'equivocation'],
    )
    assert.deepEqual(state.quarantined.get(ANN)?.first, proof[0]!.bytes)
  })

  it('takes an old record that comes again and again for no contradiction, and one author for no other', () => {
    const state = registryOf('me')
    for (let seq = 10; seq < 40; seq++) mergeAll(state, [heartbeat('ann', { seq }), heartbeat('bob', { seq })])
    const again = [heartbeat('ann', { seq: 3 }), heartbeat('bob', { seq: 3, tasks: 2 }), heartbeat('ann', { seq: 3 })]
    assert.deepEqual(
      mergeAll(state, again).map(({ outcome }) => outcome),
      ['stale', 'stale', 'stale'],
    )
    assert.equal(state.quarantined.size, 0)
  })

  it('never quarantines this daemon itself, but raises the alarm', () => {
    const state = registryOf('me')
    mergeAll(state, [machine('me', { seq: 1 })])
    const { outcome, events } = merge(state, machine('me', { seq: 1, note: 'copy' }), 0, T0)
    assert.equal(outcome, 'equivocation')
    assert.deepEqual(
      events.map(({ type }) => type),
      ['own-key-copied'],
    )
    assert.equal(nodes(state, T0).length, 1)
  })

  // The two members hold different records of one number and never hear the other by gossip.
  for (const [what, one, two] of [
    ['under different names', passport('ann', 'a', { seq: 7 }), passport('ann', 'b', { seq: 7 })],
    ['under one name', passport('ann', 'a', { seq: 7, note: 'x' }), passport('ann', 'a', { seq: 7, note: 'y' })],
  ] as const) {
    it(`is found by sync, ${what}, and then by third parties from the proof`, () => {
      const rng = seededRng(1)
      const [bea, cid, dan] = [registryOf('bea'), registryOf('cid'), registryOf('dan')] as [
        RegistryState,
        RegistryState,
        RegistryState,
      ]
      merge(bea, one, 0, T0)
      merge(cid, two, 0, T0)
      merge(dan, one, 0, T0)
      syncRound(bea, cid, T0, rng, noSize)
      assert.ok(bea.quarantined.has(ANN) && cid.quarantined.has(ANN))
      syncRound(dan, bea, T0, rng, noSize)
      assert.ok(dan.quarantined.has(ANN))
      assert.equal(syncRound(dan, bea, T0, rng, noSize).sentRecords, 0, 'once all know, the proof is not sent again')
    })
  }
})
