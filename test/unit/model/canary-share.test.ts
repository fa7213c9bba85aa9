import assert from 'node:assert/strict'
import { shareOf, shareSize } from '../../../src/model/canary-share.ts'
import { seededRng } from '../../../src/util/rng.ts'

const rng = seededRng(5)
const hash = () =>
  Array.from({ length: 8 }, () =>
    rng
      .int(2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
const nodesOf = (count: number) => Array.from({ length: count }, () => `12D3KooW${hash()}`)

describe('model/canary-share', () => {
  it('comes to the same nodes whoever asks, in whatever order it sees them, and to some of those it was given', () => {
    for (let turn = 0; turn < 200; turn++) {
      const [nodes, percent, parent] = [nodesOf(1 + rng.int(60)), 1 + rng.int(99), hash()]
      const begin = shareOf(nodes, percent, parent)
      assert.deepEqual(shareOf(rng.shuffle([...nodes]), percent, parent), begin)
      assert.equal(new Set(begin).size, begin.length)
      assert.ok(begin.every((node) => nodes.includes(node)))
      assert.equal(begin.length, shareSize(percent, nodes.length))
    }
  })

  it('is never nobody, and as near to the share as whole nodes are, never below', () => {
    for (let of = 1; of <= 200; of++) {
      for (let percent = 1; percent <= 99; percent++) {
        const size = shareSize(percent, of)
        assert.ok(size >= 1 && size <= of && size >= (percent * of) / 100 && size < (percent * of) / 100 + 1)
      }
    }
    assert.deepEqual(
      [shareSize(25, 1), shareSize(25, 4), shareSize(25, 5), shareSize(1, 100), shareSize(99, 100), shareSize(7, 100)],
      [1, 1, 2, 1, 99, 7],
    )
  })

  it('has all of a smaller share, and keeps whom it had when a node comes that ranks behind', () => {
    const [nodes, parent] = [nodesOf(50), hash()]
    for (let percent = 2; percent <= 99; percent++) {
      const [less, more] = [shareOf(nodes, percent - 1, parent), shareOf(nodes, percent, parent)]
      assert.deepEqual(more.slice(0, less.length), less)
    }
    for (const newcomer of nodesOf(50)) {
      const [before, then] = [shareOf(nodes, 20, parent), shareOf([...nodes, newcomer], 20, parent)]
      assert.ok(before.filter((node) => !then.includes(node)).length <= 1)
      assert.ok(then.filter((node) => !before.includes(node) && node !== newcomer).length <= 1)
    }
  })

  it('falls on each node alike over many versions', () => {
    const nodes = nodesOf(20)
    const turns = new Map(nodes.map((node) => [node, 0]))
    for (let version = 0; version < 2_000; version++)
      for (const node of shareOf(nodes, 25, hash())) turns.set(node, turns.get(node)! + 1)
    // 500 are expected, with a standard deviation of 19.
    for (const times of turns.values()) assert.ok(times > 400 && times < 600, `${times} of 2,000`)
  })
})
