import assert from 'node:assert/strict'
import type { PlaceView } from '../../../src/model/topology-view.ts'
import { layOut } from '../../../web/src/map.ts'

/** A node of a zone, so many milliseconds along some axes. */
function place(name: string, zone: string | undefined, at?: number[]): PlaceView {
  return {
    ...{ peerId: name, name, self: name === 'me', state: 'ready' },
    ...(zone !== undefined && { zone: { name: zone, inferred: zone.startsWith('~') } }),
    ...(at && { coordinate: { at, height: 0, error: 0.1 } }),
  }
}

const apart = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y)

describe('web: map', () => {
  const three = [
    ...[0, 1, 2].map((i) => place(`e${i}`, 'east', [0, i / 10, 0, 5])),
    ...[0, 1].map((i) => place(`w${i}`, 'west', [70, 0, 0, 5])),
    place('far', '~far', [70, 0, 200, 5]),
  ]

  it('puts zones as far apart as they are, whatever axes they lie on', () => {
    const { zones } = layOut(three, 1_200)
    const [east, west, far] = ['east', 'west', '~far'].map((name) => zones.find((zone) => zone.name === name)!)
    assert.ok(apart(east!, far!) > 1.3 * apart(east!, west!), `${apart(east!, far!)} and ${apart(east!, west!)}`)
    assert.deepEqual([east!.inferred, far!.inferred], [false, true])
  })

  it('keeps zones apart, nodes in their zone and off each other, and all within the frame', () => {
    for (const width of [360, 1_240]) {
      const { zones, height } = layOut(three, width)
      for (const zone of zones) {
        for (const other of zones) {
          if (zone !== other) assert.ok(apart(zone, other) >= zone.radius + other.radius, `${zone.name} ${other.name}`)
        }
        for (const node of zone.nodes) {
          assert.ok(apart(node, zone) < zone.radius, `${node.place.name} at ${width}`)
          assert.ok(node.x > 0 && node.x < width && node.y > 0 && node.y < height)
          for (const other of zone.nodes) assert.ok(node === other || apart(node, other) > 15)
        }
      }
    }
  })

  it('is the same for the same mesh, and takes those of whom nothing is known', () => {
    assert.deepEqual(layOut(three, 800), layOut(three.toReversed(), 800))
    const { zones } = layOut([...three, place('new', undefined)], 800)
    assert.equal(zones.find(({ name }) => name === undefined)?.nodes.length, 1)
    const vague = layOut([place('me', 'a', [0, 0, 0, 0]), place('b', 'b'), place('c', 'c')], 800)
    assert.ok(
      vague.zones.every(({ radius }) => radius > 30),
      'none is squeezed',
    )
    assert.deepEqual(layOut([], 800).zones, [])
    const alone = layOut([place('me', undefined)], 800).zones[0]!
    assert.ok(Number.isFinite(alone.x) && Number.isFinite(alone.y))
  })

  it('fits two hundred nodes of forty zones', () => {
    const many = Array.from({ length: 200 }, (_, i) => place(`n${i}`, `z${i % 40}`, [i % 40, (i % 7) * 9, i % 3, 0]))
    const { zones, height } = layOut(many, 1_200)
    assert.equal(zones.length, 40)
    assert.ok(zones.every(({ x, y, radius }) => x - radius >= 0 && x + radius <= 1_200 && y + radius <= height))
  })
})
