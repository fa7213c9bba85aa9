import assert from 'node:assert/strict'
import { MOST_LINKS } from '../../../src/node/link-budget.ts'
import { begin } from './begin.ts'
import { GOSSIP_DEGREE } from './gossip-mesh.ts'
import { measureJoins, measureTraffic } from './measure.ts'
import { TRAFFIC_KINDS } from './meter.ts'
import { World } from './world.ts'

describe('what a member sends and receives', function () {
  this.timeout(120_000)

  it('is at most twice as much among 1,000 as among 100', () => {
    const few = measureTraffic({ size: 100, seconds: 30, seed: 1 })
    const many = measureTraffic({ size: 1_000, seconds: 30, seed: 1, full: 12 })
    const times = many.meanBytesPerS / few.meanBytesPerS
    assert.ok(times <= 2, `${many.meanBytesPerS} B/s against ${few.meanBytesPerS} B/s`)
    assert.ok(times > 0.5, 'fewer than half would mean that not all is counted')
    for (const one of [few, many]) {
      const { size, byKind, meanBytesPerS, heldRecords } = one
      assert.equal(heldRecords, 2 * size, 'everybody is known, and nobody is lost')
      const sum = TRAFFIC_KINDS.reduce((bytes, kind) => bytes + byKind[kind], 0)
      assert.ok(Math.abs(sum - meanBytesPerS) <= TRAFFIC_KINDS.length, `${sum} of ${meanBytesPerS} B/s`)
      for (const kind of ['probes', 'heartbeats', 'control', 'sync', 'links'] as const) {
        assert.ok(byKind[kind] > 0, `nothing counted of ${kind}`)
      }
    }
  })

  it('is at most twice as much for one by whom many have joined, as long as it keeps to its budget of links', () => {
    const world = { size: 1_000, seconds: 20, seed: 1, full: 6 }
    const usual = measureTraffic(world)
    const hub = measureTraffic({ ...world, hubLinks: MOST_LINKS })
    assert.deepEqual([hub.full, hub.links], [1, MOST_LINKS])
    assert.ok(hub.meanBytesPerS <= 2 * usual.meanBytesPerS, `${hub.meanBytesPerS} of ${usual.meanBytesPerS} B/s`)
  })

  it('is the same for the same seed', () => {
    const run = () => measureTraffic({ size: 10, seconds: 20, seed: 7 })
    assert.deepEqual(run(), run())
    assert.notDeepEqual(run(), measureTraffic({ size: 10, seconds: 20, seed: 8 }))
  })
})

describe('a newcomer', function () {
  this.timeout(60_000)

  it('is known to all of 100 within a second of its start', () => {
    const { joins, p99Ms, missed } = measureJoins({ size: 100, joins: 25, seed: 1 })
    assert.equal(joins, 25)
    assert.equal(missed, 0)
    assert.ok(p99Ms <= 1_000, `${p99Ms} ms`)
    assert.ok(p99Ms >= 20, `${p99Ms} ms is less than a link takes`)
  })
})

describe('the model of gossipsub', () => {
  it('keeps meshes of the degree that is set, and brings each record to all', () => {
    const world = new World({ seed: 3, size: 300, full: 4 })
    begin(world)
    const degrees = Array.from({ length: world.size }, (_, index) => world.gossip.meshOf('pulse').peersOf(index).size)
    assert.ok(Math.min(...degrees) >= 1)
    assert.ok(Math.max(...degrees) <= 2 * GOSSIP_DEGREE.high)
    const mean = degrees.reduce((sum, degree) => sum + degree, 0) / degrees.length
    assert.ok(mean >= GOSSIP_DEGREE.low && mean <= GOSSIP_DEGREE.high, `${mean}`)
    const reached = new Set<number>()
    const { nowMs } = world.time
    world.meter.reset()
    world.gossip.publish(5, { topic: 'pulse', kind: 'heartbeats', bytes: 500, nowMs }, (index) => reached.add(index))
    assert.equal(reached.size, world.size - 1)
    let copies = 0
    for (let index = 0; index < world.size; index++) copies += world.meter.receivedBytes(index, ['heartbeats'])
    // Over each pair of a mesh it goes at least once, and twice when both have got it at the same time.
    const perMember = copies / world.size
    assert.ok(perMember >= (mean / 2) * 500 && perMember <= mean * 800, `${perMember} bytes`)
  })
})
