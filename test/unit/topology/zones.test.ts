import assert from 'node:assert/strict'
import { cluster, ZONE_BOUNDS, type Clusters } from '../../../src/topology/zones.ts'
import { seededRng } from '../../../src/util/rng.ts'

const NONE: Clusters = new Map()

/** Distances on a line; members without a place are unknown. */
function line(places: Readonly<Record<string, number>>) {
  return (a: string, b: string) => {
    const [x, y] = [places[a], places[b]]
    return x === undefined || y === undefined ? undefined : Math.abs(x - y)
  }
}

function find(places: Readonly<Record<string, number>>, before = NONE, more: readonly string[] = []) {
  return cluster([...Object.keys(places), ...more], line(places), before, ZONE_BOUNDS)
}

const shown = (clusters: Clusters) =>
  [...clusters]
    .map(([id, leader]) => `${id}→${leader}`)
    .toSorted()
    .join(' ')

describe('topology/zones', () => {
  it('puts those together who are near each other, in whatever order they come', () => {
    const places = { a: 0, b: 1, c: 70, d: 72, e: 200 }
    const expected = 'a→a b→a c→c d→c e→e'
    assert.equal(shown(find(places)), expected)
    const rng = seededRng(1)
    for (let i = 0; i < 10; i++) {
      assert.equal(shown(cluster(rng.shuffle(Object.keys(places)), line(places), NONE, ZONE_BOUNDS)), expected)
    }
  })

  it('joins the nearest leader', () => {
    assert.equal(shown(find({ a: 0, b: 8, c: 5 })), 'a→a b→b c→b')
    assert.equal(shown(find({ a: 0, b: 8, c: 3 })), 'a→a b→b c→a')
  })

  it('leaves where it is who trembles at the border', () => {
    let clusters = find({ a: 0, b: 5.9 })
    assert.equal(shown(clusters), 'a→a b→a')
    for (const b of [6.1, 11.9, 7, 12]) {
      clusters = find({ a: 0, b }, clusters)
      assert.equal(shown(clusters), 'a→a b→a', `at ${b} ms`)
    }
    clusters = find({ a: 0, b: 12.1 }, clusters)
    assert.equal(shown(clusters), 'a→a b→b')
    for (const b of [11.9, 6.1]) {
      clusters = find({ a: 0, b }, clusters)
      assert.equal(shown(clusters), 'a→a b→b', `back at ${b} ms`)
    }
    assert.equal(shown(find({ a: 0, b: 5.9 }, clusters)), 'a→a b→a')
  })

  it('keeps a leader when somebody with a lower id comes, and finds another when it goes', () => {
    const before = find({ b: 0, c: 1 })
    assert.equal(shown(find({ a: 0.5, b: 0, c: 1 }, before)), 'a→b b→b c→b')
    assert.equal(shown(find({ c: 1, d: 2 }, before)), 'c→c d→c')
  })

  it('says nothing of those of whom nothing is known, and keeps whom it knew', () => {
    assert.equal(shown(find({ a: 0, b: 1 }, NONE, ['x', 'y'])), 'a→a b→a')
    assert.equal(shown(find({}, NONE, ['x'])), '')
    const before = find({ a: 0, b: 1 })
    assert.equal(shown(find({ a: 0, c: 3 }, before, ['b'])), 'a→a b→a c→a')
  })
})
