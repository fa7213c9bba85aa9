import assert from 'node:assert/strict'
import { BoundedMap } from '../../../src/util/bounded-map.ts'

describe('util/bounded-map', () => {
  it('pushes out the oldest and counts it', () => {
    const map = new BoundedMap<string, number>(2, 'evict-oldest')
    map.set('a', 1)
    map.set('b', 2)
    map.set('a', 3)
    assert.equal(map.set('c', 4), true)
    assert.deepEqual(
      [...map],
      [
        ['b', 2],
        ['c', 4],
      ],
    )
    assert.equal(map.evictions, 1)
  })

  it('refuses new keys when told to, but still updates old ones', () => {
    const map = new BoundedMap<string, number>(1, 'refuse')
    assert.equal(map.set('a', 1), true)
    assert.equal(map.set('b', 2), false)
    assert.equal(map.set('a', 3), true)
    assert.deepEqual([...map], [['a', 3]])
    assert.equal(map.refusals, 1)
  })

  it('touch makes a key the youngest', () => {
    const map = new BoundedMap<string, number>(2, 'evict-oldest')
    map.set('a', 1)
    map.set('b', 2)
    assert.equal(map.touch('a'), 1)
    assert.equal(map.touch('x'), undefined)
    map.set('c', 3)
    assert.deepEqual([...map.keys()], ['a', 'c'])
  })

  it('wants a cap', () => {
    assert.throws(() => new BoundedMap(0, 'refuse'), RangeError)
  })
})
