import assert from 'node:assert/strict'
import { filterOf, mayHold } from '../../../../src/mesh/wards/filter.ts'
import {
  contains,
  cutFor,
  holds,
  nameOf,
  parentOf,
  siblingOf,
  wardAt,
  wardOf,
} from '../../../../src/mesh/wards/ward.ts'
import { isWardName, MOST_BITS, NAMELESS_ZONE, WHOLE } from '../../../../src/model/ward.ts'
import { seededRng } from '../../../../src/util/rng.ts'

const at = (zone: string, hash: number) => ({ zone, hash: hash >>> 0 })

describe('mesh/wards/ward', () => {
  it('is named by its zone and bits, and found again by that name', () => {
    const ward = wardAt(at('attic', 0x4000_0000), 2)
    assert.equal(nameOf(ward), 'attic/01')
    assert.deepEqual(wardOf('attic/01'), ward)
    assert.equal(nameOf(wardAt(at(NAMELESS_ZONE, 0xffff_ffff), 0)), '_/')
    assert.equal(nameOf(undefined), WHOLE)
    assert.equal(wardOf(WHOLE), undefined)
    for (const name of ['attic/01', '_/', 'a.b_c/', `z/${'1'.repeat(MOST_BITS)}`]) assert.ok(isWardName(name), name)
    for (const name of ['', '/', '/01', 'attic', 'attic/2', 'a/0/1', '_x/0', 'a b/0', `z/${'1'.repeat(MOST_BITS + 1)}`])
      assert.ok(!isWardName(name), name)
  })

  it('holds whoever has its leading bits, and is in all wards around it', () => {
    const ward = wardAt(at('attic', 0x4000_0000), 2)
    assert.ok(holds(ward, at('attic', 0x7fff_ffff)))
    assert.ok(!holds(ward, at('attic', 0x8000_0000)))
    assert.ok(!holds(ward, at('cellar', 0x4000_0000)))
    assert.ok(holds(undefined, at('cellar', 1)))
    assert.equal(nameOf(parentOf(ward)), 'attic/0')
    assert.equal(nameOf(siblingOf(ward)), 'attic/00')
    assert.equal(parentOf(wardAt(at('attic', 1), 0)), undefined)
    assert.equal(siblingOf(wardAt(at('attic', 1), 0)), undefined)
    assert.ok(contains(parentOf(ward), ward) && contains(undefined, ward) && contains(ward, ward))
    assert.ok(!contains(ward, parentOf(ward)) && !contains(siblingOf(ward), ward) && !contains(ward, undefined))
  })

  it('is cut until it has few enough members: each is in one, and all in one agree', () => {
    const rng = seededRng(3)
    const hashes = Array.from({ length: 3_000 }, () => rng.int(2 ** 32))
    const names = new Map<string, number>()
    for (const hash of hashes) {
      const ward = cutFor(at('attic', hash), hashes, 512)
      names.set(nameOf(ward), (names.get(nameOf(ward)) ?? 0) + 1)
    }
    assert.equal(
      [...names.values()].reduce((sum, members) => sum + members, 0),
      hashes.length,
    )
    for (const [name, members] of names) {
      assert.ok(members <= 512, `${name} has ${members}`)
      const ward = wardOf(name)!
      assert.equal(hashes.filter((hash) => holds(ward, at('attic', hash))).length, members, name)
      const parent = parentOf(ward)!
      assert.ok(hashes.filter((hash) => holds(parent, at('attic', hash))).length > 512, `${name} was cut in vain`)
    }
  })

  it('comes to an end where all have one hash', () => {
    assert.equal(cutFor(at('attic', 7), [7, 7, 7], 2).bits, MOST_BITS)
  })
})

describe('mesh/wards/filter', () => {
  it('leaves no name out, and takes few others for its own', () => {
    const names = Array.from({ length: 512 }, (_, i) => `host-${i}`)
    const filter = filterOf(names)
    assert.ok(names.every((name) => mayHold(filter, name)))
    const others = Array.from({ length: 10_000 }, (_, i) => `other-${i}`)
    const wrong = others.filter((name) => mayHold(filter, name)).length
    assert.ok(wrong < 500, `${wrong} of 10,000`)
    assert.ok(!mayHold(filterOf([]), 'host-1'))
  })
})
