import assert from 'node:assert/strict'
import { seededRng } from '../../../src/util/rng.ts'

describe('util/rng', () => {
  const draw = (seed: number) => {
    const rng = seededRng(seed)
    return Array.from({ length: 20 }, () => rng.next())
  }

  it('replays a seed and differs between seeds, also above 2^32', () => {
    assert.deepEqual(draw(7), draw(7))
    assert.notDeepEqual(draw(7), draw(8))
    assert.notDeepEqual(draw(7), draw(7 + 2 ** 32))
  })

  it('spreads evenly', () => {
    const rng = seededRng(1)
    const counts = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 100_000; i++) counts[rng.int(10)]!++
    // Each expects 10,000 with a standard deviation of 95; six of those is never.
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 570, `counts ${counts.join(' ')}`)
  })

  it('keeps next() in [0, 1) and int() in range', () => {
    const rng = seededRng(3)
    for (let i = 0; i < 10_000; i++) {
      const x = rng.next()
      assert.ok(x >= 0 && x < 1)
      assert.ok(rng.int(3) < 3)
    }
    assert.throws(() => rng.int(0), RangeError)
    assert.throws(() => rng.pick([]), RangeError)
  })

  it('shuffles in place without losing anything', () => {
    const list = Array.from({ length: 50 }, (_, i) => i)
    const shuffled = seededRng(4).shuffle(list)
    assert.equal(shuffled, list)
    assert.notDeepEqual(
      list,
      [...list].toSorted((a, b) => a - b),
    )
    assert.deepEqual(
      [...list].toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, i) => i),
    )
  })

  it('makes ids of the Crockford alphabet, without collisions in practice', () => {
    const rng = seededRng(5)
    const ids = new Set(Array.from({ length: 10_000 }, () => rng.id(12)))
    assert.equal(ids.size, 10_000)
    for (const id of ids) assert.match(id, /^[0-9abcdefghjkmnpqrstvwxyz]{12}$/)
  })
})
