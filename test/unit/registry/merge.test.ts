import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createRegistry, merge, tick, type RegistryState } from '../../../src/registry/registry.ts'
import { REGISTRY_LIMITS } from '../../../src/registry/types.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import {
  EPOCH,
  heartbeat,
  machine,
  mergeAll,
  nodes,
  odd,
  passport,
  passportBody,
  registryOf,
  signerOf,
  T0,
  visible,
} from './fixtures.ts'

const outcomes = (state: RegistryState, records: readonly VerifiedRecord[]) =>
  mergeAll(state, records).map(({ outcome }) => outcome)

describe('registry/merge', function () {
  this.timeout(60_000)

  it('keeps the newest per author, kind and name', () => {
    const state = registryOf('me')
    assert.deepEqual(
      outcomes(state, [
        passport('ann', 'a', { seq: 2 }),
        passport('ann', 'a', { seq: 2 }),
        passport('ann', 'a', { seq: 1 }),
        passport('ann', 'a', { seq: 3, note: 'third' }),
        passport('ann', 'b', { seq: 4 }),
        passport('ann', 'a', { epoch: EPOCH - 1, seq: 99 }),
        passport('ann', 'a', { epoch: EPOCH + 1, seq: 1, note: 'next life' }),
        passport('bob', 'a', { seq: 1 }),
      ]),
      ['new', 'duplicate', 'stale', 'updated', 'new', 'stale', 'updated', 'new'],
    )
    const ann = nodes(state, T0).find(({ peerId }) => peerId === signerOf('ann').id)
    assert.deepEqual(
      ann?.services.map(({ metadata }) => [metadata.name, metadata.annotations['note']]),
      [
        ['a', 'next life'],
        ['b', undefined],
      ],
    )
  })

  it('asks for passports and their marks to be stored, and for heartbeats only a mark now and then', () => {
    const state = registryOf('me')
    const record = passport('ann', 'a', { seq: 5 })
    const key = `${record.author}/passport/default/a`
    assert.deepEqual(merge(state, record, 2_000, T0).persist, [
      { collection: 'mark', key, doc: { epoch: EPOCH, seq: 5 } },
      { collection: 'record', key, doc: { bytes: record.bytes, bornMs: T0 - 2_000 } },
    ])
    const marks: number[] = []
    for (let seq = 1; seq <= 70; seq++) {
      for (const { collection, doc } of merge(state, heartbeat('ann', { seq }), 0, T0).persist) {
        assert.equal(collection, 'mark')
        marks.push((doc as { seq: number }).seq)
      }
    }
    assert.deepEqual(marks, [1, 32, 64])
  })

  it('refuses bodies that are not of their kind, and says what is wrong', () => {
    const state = registryOf('me')
    const cases: [VerifiedRecord, RegExp][] = [
      [odd('ann', 'passport', 'default/a', { kind: 'Pod' }), /^apiVersion: /],
      [
        odd('ann', 'passport', 'default/x', passportBody('a'), { seq: 2 }),
        /^name: the passport of default\/a published as default\/x/,
      ],
      [
        odd('ann', 'passport', 'default/a', passportBody('a', { machineOf: signerOf('bob').id }), { seq: 3 }),
        /^spec\.node\.peerId: /,
      ],
      [odd('ann', 'heartbeat', '', { state: 'asleep' }), /^state: /],
      [odd('ann', 'heartbeat', 'x', heartbeat('ann').body, { seq: 2 }), /^name: a heartbeat has none/],
    ]
    for (const [record, problem] of cases) {
      const merged = merge(state, record, 0, T0)
      assert.equal(merged.outcome, 'invalid-body')
      assert.match(merged.problem ?? '', problem)
      assert.deepEqual([merged.events, merged.persist], [[], []])
    }
    assert.equal(merge(state, { ...passport('ann', 'a'), kind: 'offer' }, 0, T0).outcome, 'invalid-body')
    assert.deepEqual(nodes(state, T0, { includeDead: true }), [])
  })

  it('expires at birth plus ttl, whatever the age on arrival, and stays dead', () => {
    const state = registryOf('me')
    const record = passport('ann', 'a', { ttlMs: 10_000 })
    assert.equal(merge(state, record, 4_000, T0).outcome, 'new')
    assert.deepEqual(tick(state, T0 + 5_999).persist, [])
    assert.deepEqual(tick(state, T0 + 6_000).persist, [
      { collection: 'record', key: `${record.author}/passport/default/a`, doc: null },
    ])
    assert.equal(state.records.size, 0)
    assert.equal(merge(state, record, 0, T0 + 6_001).outcome, 'duplicate')
    assert.equal(
      merge(state, passport('ann', 'a', { ttlMs: 10_000, note: 'x', seq: 0 }), 0, T0 + 6_001).outcome,
      'stale',
    )
    assert.equal(state.records.size, 0)
  })

  it('takes no record that is older than its ttl, and is not kept from it by a neighbour who says so falsely', () => {
    const state = registryOf('me')
    const record = passport('ann', 'a', { ttlMs: 10_000 })
    assert.equal(merge(state, record, 10_000, T0).outcome, 'stale')
    assert.equal(state.records.size, 0)
    assert.equal(merge(state, record, 0, T0).outcome, 'new')
  })

  it('withdraws by a record without lifetime', () => {
    const state = registryOf('me')
    mergeAll(state, [passport('ann', 'a', { seq: 1 }), passport('ann', 'b', { seq: 2 })])
    const { outcome, events, persist } = merge(state, passport('ann', 'a', { seq: 3, ttlMs: 0 }), 0, T0)
    assert.equal(outcome, 'updated')
    assert.deepEqual(events, [{ type: 'passport-removed', peerId: signerOf('ann').id, name: 'default/a' }])
    assert.deepEqual(
      persist.map(({ collection, doc }) => [collection, doc]),
      [
        ['mark', { epoch: EPOCH, seq: 3 }],
        ['record', null],
      ],
    )
    assert.deepEqual(outcomes(state, [passport('ann', 'a', { seq: 1 })]), ['duplicate'])
    assert.deepEqual(
      nodes(state, T0)[0]?.services.map(({ metadata }) => metadata.name),
      ['b'],
    )
  })

  it('caps the passports of one author, without touching its heartbeat or others', () => {
    const state = registryOf('me')
    for (let i = 0; i < REGISTRY_LIMITS.passportsPerAuthor; i++)
      merge(state, passport('ann', `p${i}`, { seq: i }), 0, T0)
    const more = passport('ann', 'more', { seq: 100 })
    assert.deepEqual(
      outcomes(state, [more, heartbeat('ann'), passport('ann', 'p3', { seq: 101 }), passport('bob', 'a')]),
      ['full', 'new', 'updated', 'new'],
    )
    merge(state, passport('ann', 'p4', { seq: 102, ttlMs: 0 }), 0, T0)
    assert.deepEqual(outcomes(state, [more]), ['new'], 'once there is room it is taken')
  })

  it('bounds marks and what it remembers of an author', () => {
    const state = registryOf('me')
    for (let i = 0; i < 1000; i++) {
      merge(state, passport('ann', `p${i}`, { seq: i, ttlMs: 1000 }), 0, T0 + i * 1000)
      tick(state, T0 + i * 1000)
    }
    const author = state.authors.get(signerOf('ann').id)
    assert.ok(author)
    assert.equal(author.marks.size, REGISTRY_LIMITS.marksPerAuthor)
    assert.ok(author.marks.has('passport/default/p999'))
    assert.equal(author.recent.get('passport')?.length, REGISTRY_LIMITS.recentPerKind)
    tick(state, T0 + 2_000_000)
    assert.equal(state.records.size, 0)
    assert.equal(state.totalBytes, 0)
    assert.ok(state.sums.every((word) => word === 0))
  })

  it('tells when its own key has signed in a later epoch', () => {
    const state = createRegistry({ selfId: signerOf('me').id, ownEpoch: EPOCH })
    assert.equal(merge(state, passport('me', 'a', { epoch: EPOCH - 1 }), 0, T0).ownEpochAhead, undefined)
    assert.equal(merge(state, passport('me', 'a'), 0, T0).ownEpochAhead, undefined)
    assert.equal(merge(state, passport('me', 'a', { epoch: EPOCH + 50 }), 0, T0).ownEpochAhead, EPOCH + 50)
    assert.equal(merge(state, passport('me', 'a', { epoch: EPOCH + 50 }), 0, T0).ownEpochAhead, EPOCH + 50)
    assert.equal(merge(state, passport('ann', 'a', { epoch: EPOCH + 90 }), 0, T0).ownEpochAhead, undefined)
  })
})

describe('registry/merge, any order', function () {
  this.timeout(60_000)

  const AUTHORS = ['ann', 'bob', 'cid']
  const spec = fc.record({
    author: fc.constantFrom(...AUTHORS),
    what: fc.constantFrom('heartbeat', 'machine', 'a', 'b'),
    epoch: fc.constantFrom(EPOCH, EPOCH + 1),
    seq: fc.integer({ min: 1, max: 3 }),
    note: fc.constantFrom('x', 'y'),
  })
  const made = new Map<string, VerifiedRecord>()
  const make = ({
    author,
    what,
    epoch,
    seq,
    note,
  }: {
    author: string
    what: string
    epoch: number
    seq: number
    note: string
  }): VerifiedRecord => {
    const key = JSON.stringify([author, what, epoch, seq, note])
    let record = made.get(key)
    if (record === undefined) {
      if (what === 'heartbeat') record = heartbeat(author, { epoch, seq, tasks: note === 'x' ? 1 : 2 })
      else
        record =
          what === 'machine' ? machine(author, { epoch, seq, note }) : passport(author, what, { epoch, seq, note })
      made.set(key, record)
    }
    return record
  }

  it('the same records give the same view, equivocators quarantined', () => {
    let quarantines = 0
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (specs, numbers) => {
        const records = specs.map(make)
        const one = registryOf('me')
        const other = registryOf('me')
        const shuffled = records
          .map((record) => ({ record, at: numbers.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
        mergeAll(one, records)
        mergeAll(
          other,
          shuffled.map(({ record }) => record),
        )
        assert.deepEqual(visible(one, T0), visible(other, T0))
        quarantines += one.quarantined.size
      }),
      { numRuns: 400 },
    )
    assert.ok(quarantines > 50, 'the case of equivocation must have come up')
  })

  it('marks never fall', () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 20 }), (specs) => {
        const state = registryOf('me')
        const highest = new Map<string, [number, number]>()
        for (const record of specs.map(make)) {
          merge(state, record, 0, T0)
          for (const author of state.authors.values()) {
            for (const [name, { epoch, seq }] of author.marks) {
              const key = `${author.id}/${name}`
              const [oldEpoch, oldSeq] = highest.get(key) ?? [0, 0]
              assert.ok(epoch > oldEpoch || (epoch === oldEpoch && seq >= oldSeq))
              highest.set(key, [epoch, seq])
            }
          }
        }
        for (const key of highest.keys()) {
          const [author = ''] = key.split('/')
          assert.ok(state.authors.get(author)?.marks.has(key.slice(author.length + 1)), 'a mark outlives its record')
        }
      }),
      { numRuns: 200 },
    )
  })
})
