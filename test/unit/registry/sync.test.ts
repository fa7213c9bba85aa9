import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hash } from 'node:crypto'
import { SyncBuckets, SyncDigest, SyncRecords, SYNC_LIMITS } from '../../../src/model/sync.ts'
import {
  answerBuckets,
  answerDigest,
  digest,
  digestOf,
  merge,
  node,
  noteVerdict,
  tick,
  type RegistryState,
} from '../../../src/registry/registry.ts'
import { REGISTRY_LIMITS } from '../../../src/registry/types.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { decodeFrame, encodeFrame, MAX_FRAME_BYTES } from '../../../src/wire/frames.ts'
import {
  EPOCH,
  heartbeat,
  mergeAll,
  passport,
  registryOf,
  seededRng,
  signerOf,
  syncRound,
  T0,
  visible,
} from './fixtures.ts'

/** Size of the frame that carries it; also checks that it passes the receiver's schema. */
function frameBytes(message: unknown): number {
  const frame = encodeFrame({ t: 'sync', b: message } as { t: string })
  const { b } = decodeFrame(frame)
  const fits = [SyncBuckets, SyncDigest, SyncRecords].some((schema) => schema.safeParse(b).success)
  assert.ok(fits, 'no schema accepts it')
  return frame.length
}

function syncFully(a: RegistryState, b: RegistryState, nowMs: number, seed = 1): { rounds: number; largest: number } {
  const rng = seededRng(seed)
  let largest = 0
  for (let rounds = 1; ; rounds++) {
    const round = syncRound(a, b, nowMs, rng, frameBytes)
    largest = Math.max(largest, round.largestMessageBytes)
    if (!round.more || round.fresh === 0) return { rounds, largest }
    assert.ok(rounds < 200, 'sync does not end')
  }
}

/** A note that makes a passport about as large as it may be. */
const BULK = 'x'.repeat(6_500)

describe('registry/sync', function () {
  this.timeout(120_000)

  it('brings two members to the same view in one round', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    mergeAll(a, [
      passport('ann', 'x', { seq: 2, note: 'newer' }),
      passport('ann', 'only-a', { seq: 3 }),
      heartbeat('cid'),
    ])
    mergeAll(b, [passport('ann', 'x', { seq: 1 }), passport('bob', 'only-b'), heartbeat('cid', { seq: 2, tasks: 5 })])
    const { rounds } = syncFully(a, b, T0)
    assert.equal(rounds, 1)
    assert.deepEqual(visible(a, T0), visible(b, T0))
    assert.equal(a.records.size, 4)
    assert.equal(syncRound(a, b, T0, seededRng(1), frameBytes).sentRecords, 0, 'nothing is sent twice')
  })

  it('never revives the dead, by whatever way they come', () => {
    const [a, b, c] = [registryOf('a'), registryOf('b'), registryOf('c')]
    merge(a, passport('ann', 'x', { ttlMs: 10_000 }), 0, T0)
    syncFully(a, b, T0 + 6_000)
    tick(a, T0 + 9_999)
    syncFully(b, c, T0 + 9_999)
    assert.deepEqual([a.records.size, b.records.size, c.records.size], [1, 1, 1])
    for (const state of [a, b, c]) tick(state, T0 + 10_000)
    assert.deepEqual([a.records.size, b.records.size, c.records.size], [0, 0, 0])
    // One who has not ticked yet must not hand it out either.
    const d = registryOf('d')
    merge(d, passport('ann', 'x', { ttlMs: 10_000 }), 0, T0)
    const { sentRecords } = syncRound(registryOf('e'), d, T0 + 10_000, seededRng(1), frameBytes)
    assert.equal(sentRecords, 0)
  })

  it('does not make a dead node look alive to a newcomer', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    merge(a, heartbeat('ann', { ttlMs: 60_000 }), 0, T0)
    syncFully(a, b, T0 + 35_000)
    assert.equal(node(b, signerOf('ann').id, T0 + 35_000)?.state, 'offline')
  })

  it('fetches its own records of a later epoch, so that the epoch can be raised', () => {
    const me = registryOf('me')
    const other = registryOf('other')
    merge(other, passport('me', 'x', { epoch: EPOCH + 9 }), 0, T0)
    const listed = digest(other)
    assert.equal(listed.t, 'sync-digest')
    const { wants } = answerDigest(me, listed.body, T0, seededRng(1))
    assert.deepEqual(wants, [[signerOf('me').id, 'passport', 'default/x']])
  })

  it('converges from any two sets, through lists as through sums', () => {
    const pool: VerifiedRecord[] = []
    for (const author of ['ann', 'bob', 'cid']) {
      for (let seq = 1; seq <= 8; seq++) pool.push(passport(author, `p${seq % 4}`, { seq }), heartbeat(author, { seq }))
    }
    const subset = fc.subarray(pool)
    fc.assert(
      fc.property(subset, subset, fc.nat(), (left, right, seed) => {
        const [a, b] = [registryOf('a'), registryOf('b')]
        mergeAll(a, left)
        mergeAll(b, right)
        syncFully(a, b, T0, seed)
        assert.deepEqual(visible(a, T0), visible(b, T0))
      }),
      { numRuns: 60 },
    )
  })

  it('stays within a frame at 10,000 records, finds few differences by sums, and fills a newcomer', () => {
    const [a, b, fresh] = [registryOf('a'), registryOf('b'), registryOf('fresh')]
    // 160 authors with 63 passports each; signing 10,000 takes seconds, so this is the slow part.
    const note = 'n'.repeat(120)
    for (let author = 0; author < 160; author++) {
      for (let i = 0; i < 63; i++) {
        const record = passport(`author-${author}`, `service-${i}.with.a.rather.long.name`, { seq: i, note })
        merge(a, record, 0, T0)
        // Three in a thousand never reached b.
        if ((author * 63 + i) % 333 !== 0) merge(b, record, 0, T0)
      }
    }
    assert.equal(a.records.size, 10_080)
    assert.equal(digest(a).t, 'sync-buckets')
    assert.ok(b.records.size < a.records.size)
    const close = syncFully(b, a, T0)
    assert.equal(b.records.size, a.records.size)
    assert.ok(close.rounds <= 2, `${close.rounds} rounds`)
    assert.ok(close.largest < MAX_FRAME_BYTES, `${close.largest} bytes`)
    assert.equal(syncRound(a, b, T0, seededRng(3), frameBytes).sentRecords, 0)

    // Someone with as many records, none of them the same: every bucket differs.
    const stranger = registryOf('stranger')
    for (let i = 0; i < SYNC_LIMITS.listAll + 20; i++)
      merge(stranger, passport(`stranger-${i % 20}`, `s${i}`, { seq: i }), 0, T0)
    assert.equal(digest(stranger).t, 'sync-buckets')
    const apart = syncRound(stranger, a, T0, seededRng(4), frameBytes)
    assert.ok(apart.largestMessageBytes < MAX_FRAME_BYTES, `${apart.largestMessageBytes} bytes`)
    assert.equal(apart.more, true)

    const filled = syncFully(fresh, a, T0)
    assert.equal(fresh.records.size, a.records.size)
    assert.ok(filled.largest < MAX_FRAME_BYTES, `${filled.largest} bytes`)
  })

  it('tells a newcomer that a member is missed, whose last heartbeat is not old', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    const rare = { intervalMs: 100_000, ttlMs: 600_000 }
    mergeAll(a, [heartbeat('ann', rare), heartbeat('bob', rare)])
    const [ann, bob] = [signerOf('ann').id, signerOf('bob').id]
    noteVerdict(a, ann, true, T0 + 1_000)
    syncFully(a, b, T0 + 2_000)
    assert.deepEqual([node(b, ann, T0 + 2_000)?.state, node(b, bob, T0 + 2_000)?.state], ['offline', 'ready'])
    assert.equal(node(b, bob, T0 + 2_000)?.heartbeatAgeMs, 2_000)
    merge(b, heartbeat('ann', { ...rare, seq: 2 }), 0, T0 + 3_000)
    assert.equal(node(b, ann, T0 + 3_000)?.state, 'ready', 'its next heartbeat refutes it')
  })

  it('costs a few kilobytes a round among 10,000 members that differ in a few records', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    // Signing twenty thousand records would only take time: what is compared is names, numbers and hashes.
    const [beat, passed] = [heartbeat('ann'), passport('ann', 'writer')]
    for (let i = 0; i < 10_000; i++) {
      const author = `12D3KooW${String(i).padStart(44, 'x')}`
      for (const [at, record] of [beat, passed].entries()) {
        const copy = { ...record, author, hash: hash('sha256', `${i} ${at}`, 'hex') }
        merge(a, copy, 0, T0)
        if (i >= 3) merge(b, copy, 0, T0)
      }
    }
    assert.equal(a.records.size, 20_000)
    const rng = seededRng(1)
    const sums = digest(b)
    assert.ok(sums.t === 'sync-buckets')
    const list = answerBuckets(a, sums.body, rng)
    assert.ok(list)
    const wanted = answerDigest(b, list, T0, rng)
    assert.equal(wanted.wants.length, 6)
    const bytes = [sums.body, list, wanted].reduce((sum, message) => sum + frameBytes(message), 0)
    assert.ok(bytes < 64 * 1024, `${bytes} bytes`)
    assert.ok(frameBytes(sums.body) < 2_200, `${frameBytes(sums.body)} bytes where nothing differs`)
    assert.equal(answerBuckets(a, (digest(a) as typeof sums).body, rng), undefined)
    const parts = digestOf(
      a,
      Array.from({ length: 64 }, (_, bucket) => bucket),
    )
    assert.ok(parts.scope.length < 64 && frameBytes(parts) < 48 * 1024, `${frameBytes(parts)} bytes for a part`)
    assert.equal(digestOf(a, [7]).scope.length, 1)
  })

  it('fills a newcomer in as many messages as it takes', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    for (let i = 0; i < 60; i++) merge(a, passport(`author-${i}`, 'p', { note: BULK }), 0, T0)
    const { rounds } = syncFully(b, a, T0)
    assert.equal(b.records.size, 60)
    assert.ok(rounds >= 3 && rounds <= 8, `${rounds} rounds`)
  })

  it('is not held up for ever by records that the other refuses', () => {
    const [a, b] = [registryOf('a'), registryOf('b')]
    // b has as many passports of ann as it takes, and a has enough others of hers to fill each message.
    for (let i = 0; i < REGISTRY_LIMITS.passportsPerAuthor; i++) {
      merge(a, passport('ann', `a${i}`, { seq: i, note: BULK }), 0, T0)
      merge(b, passport('ann', `b${i}`, { seq: 100 + i }), 0, T0)
    }
    merge(a, passport('bob', 'wanted', { note: BULK }), 0, T0)
    const rng = seededRng(5)
    let rounds = 0
    while (!b.authors.has(signerOf('bob').id)) {
      syncRound(b, a, T0, rng, frameBytes)
      assert.ok(++rounds < 20, 'what b lacks does not come through')
    }
  })
})
