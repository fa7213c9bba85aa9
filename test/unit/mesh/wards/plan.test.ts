import assert from 'node:assert/strict'
import { membersIn, newestByWard, takeDigest } from '../../../../src/mesh/wards/digests.ts'
import { planFor, type Resident } from '../../../../src/mesh/wards/plan.ts'
import { createWards, DEFAULT_WARDS } from '../../../../src/mesh/wards/state.ts'
import { nameOf, wardAt, wardOf } from '../../../../src/mesh/wards/ward.ts'
import type { WardDigest } from '../../../../src/model/ward.ts'
import { hashOf } from '../../../../src/topology/watchers.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import type { VerifiedRecord } from '../../../../src/wire/envelope.ts'

const T0 = 1_790_000_000_000
const NOTHING = { cpuMilli: 0, memoryBytes: 0 }

let lastKey = 0

/** A digest of a ward, by an author that is in it, another one each time. */
function digest(name: string, members: number, change: Partial<WardDigest> = {}) {
  const ward = wardOf(name)!
  let key = ++lastKey
  while (nameOf(wardAt({ zone: ward.zone, hash: hashOf(`author-${key}`) }, ward.bits)) !== name) key = ++lastKey
  const body: WardDigest = {
    ...{ members, ready: members, free: NOTHING, largest: NOTHING, drivers: [], zones: [], intervalMs: 20_000 },
    names: new Uint8Array(512),
    contacts: [{ peerId: 'a', addresses: [] }],
    ...change,
  }
  const record = { kind: 'digest', name, author: `author-${key}`, epoch: 1, seq: 1, hlc: T0, ttlMs: 60_000, body }
  return { ...record, bytes: new Uint8Array(10), hash: '00' } satisfies VerifiedRecord
}

function wardsWith(...records: VerifiedRecord[]) {
  const wards = createWards()
  for (const record of records) assert.equal(takeDigest(wards, record, 0, T0), 'new')
  return wards
}

const rng = seededRng(1)
const residents = (count: number, label?: string): Resident[] =>
  Array.from({ length: count }, () => ({ label, hash: rng.int(2 ** 32) }))

describe('mesh/wards: digests', () => {
  it('are taken from who is in the ward by its hash, newest first, one of each author', () => {
    const wards = createWards()
    const record = digest('attic/01', 5)
    assert.equal(takeDigest(wards, { ...record, name: 'attic/1' }, 0, T0), 'invalid-body')
    assert.equal(takeDigest(wards, { ...record, name: '/' }, 0, T0), 'invalid-body')
    assert.equal(takeDigest(wards, { ...record, body: {} }, 0, T0), 'invalid-body')
    assert.equal(takeDigest(wards, record, 60_000, T0), 'stale', 'it is as old as it lasts')
    assert.equal(takeDigest(wards, record, 0, T0), 'new')
    assert.equal(takeDigest(wards, record, 0, T0), 'stale')
    assert.equal(takeDigest(wards, { ...record, seq: 2, name: 'cellar/01' }, 0, T0), 'new')
    assert.equal(wards.digests.size, 1)
    assert.equal(wards.digests.get(record.author)?.ward.zone, 'cellar')
  })

  it('name a ward as large as the largest of them says: one that makes it small makes no large mesh one', () => {
    const wards = wardsWith(digest('attic/', 500))
    assert.equal(takeDigest(wards, digest('attic/', 1), 0, T0 + 10), 'new')
    assert.equal(membersIn(newestByWard(wards).values(), undefined), 500)
  })

  it('are as many as the cap', () => {
    const wards = createWards()
    const record = digest('attic/', 5)
    for (let i = 0; i < wards.digests.cap; i++) takeDigest(wards, { ...record, author: `one-${i}` }, 0, T0)
    assert.equal(takeDigest(wards, record, 0, T0), 'full')
  })
})

describe('mesh/wards: where a node should be', () => {
  const [self] = residents(1)

  it('is the whole mesh, as long as that is small', () => {
    const plan = planFor(createWards(), DEFAULT_WARDS, { self: self!, living: residents(1_000) })
    assert.equal(plan.ward, undefined)
  })

  it('is a ward of a large mesh: of its zone where that is large enough, of the nameless one else', () => {
    const living = [...residents(1_500, 'attic'), ...residents(63, 'cellar'), ...residents(200)]
    const planOf = (one: Resident) => planFor(createWards(), DEFAULT_WARDS, { self: one, living })
    assert.match(nameOf(planOf(living[0]!).ward), /^attic\/[01]{2}$/)
    assert.equal(nameOf(planOf(living[1_500]!).ward), '_/')
    assert.equal(nameOf(planOf(living.at(-1)!).ward), '_/')
    assert.equal(planOf(living[0]!).atOnce, false)
  })

  it('is, for a newcomer, the ward that holds it, at once', () => {
    const wards = wardsWith(
      digest('attic/0', 400),
      digest('attic/1', 400),
      digest('_/', 100, { zones: [['cellar', 20]] }),
    )
    const planOf = (label: string | undefined, hash: number) =>
      planFor(wards, DEFAULT_WARDS, { self: { label, hash }, living: [{ label, hash }] })
    assert.deepEqual([nameOf(planOf('attic', 1).ward), planOf('attic', 1).atOnce], ['attic/0', true])
    assert.equal(nameOf(planOf('attic', 0xffff_ffff).ward), 'attic/1')
    assert.equal(nameOf(planOf('cellar', 1).ward), '_/')
    assert.equal(nameOf(planOf(undefined, 1).ward), '_/')
    const few = wardsWith(digest('attic/0', 300), digest('attic/1', 300))
    assert.equal(planFor(few, DEFAULT_WARDS, { self: self!, living: [self!] }).ward, undefined, 'they are to be one')
  })

  const inWard = (name: string, members: number, ...others: VerifiedRecord[]) => {
    const ward = wardOf(name)!
    const wards = wardsWith(...others)
    wards.at = ward
    wards.zones = new Set([ward.zone])
    const living = residents(members, ward.zone).map(({ label, hash }) => {
      const inside = ward.bits === 0 ? hash : ((hash >>> ward.bits) | (ward.prefix << (32 - ward.bits))) >>> 0
      return { label, hash: inside }
    })
    return nameOf(planFor(wards, DEFAULT_WARDS, { self: living[0]!, living }).ward)
  }

  it('is a half of a ward that has grown too large, and the ward around two that are small', () => {
    const others = [digest('cellar/', 500), digest('roof/', 400)]
    assert.match(inWard('attic/0', 513, digest('attic/0', 513), ...others), /^attic\/0[01]$/)
    assert.equal(inWard('attic/0', 512, digest('attic/0', 512), ...others), 'attic/0')
    assert.equal(inWard('attic/0', 100, digest('attic/0', 100), digest('attic/1', 92), ...others), 'attic/0')
    assert.equal(inWard('attic/0', 100, digest('attic/0', 100), digest('attic/1', 91), ...others), 'attic/')
  })

  it('is the whole mesh again, when all wards together are few', () => {
    assert.equal(inWard('attic/', 300, digest('attic/', 300), digest('cellar/', 400)), 'attic/')
    assert.equal(inWard('attic/', 300, digest('attic/', 300), digest('cellar/', 399)), '/')
  })

  it('is the nameless zone when its own has become small, and the other way round', () => {
    const rest = [digest('cellar/', 500), digest('roof/', 400)]
    assert.equal(inWard('attic/', 31, digest('attic/', 31), digest('_/', 90), ...rest), '_/')
    const wards = wardsWith(...rest, digest('_/', 200, { zones: [['attic', 64]] }))
    wards.at = wardOf('_/')
    const attic = { label: 'attic', hash: 5 }
    const plan = planFor(wards, DEFAULT_WARDS, { self: attic, living: residents(200) })
    assert.equal(nameOf(plan.ward), 'attic/')
  })
})
