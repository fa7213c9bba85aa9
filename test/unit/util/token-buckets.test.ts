import assert from 'node:assert/strict'
import { TokenBuckets } from '../../../src/util/token-buckets.ts'

describe('util/token-buckets', () => {
  it('gives each key so many at once, and so many a second from then on', () => {
    const buckets = new TokenBuckets({ perSecond: 2, burst: 3 }, 10)
    const takeFive = (key: string, nowMs: number) =>
      Array.from({ length: 5 }, () => buckets.take(key, nowMs)).filter(Boolean).length
    assert.equal(takeFive('one', 0), 3)
    assert.equal(takeFive('other', 0), 3)
    assert.equal(takeFive('one', 999), 1)
    assert.equal(takeFive('one', 60_000), 3)
  })

  it('says whether there is none left, without taking any', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, 10)
    assert.equal(buckets.isEmpty('one', 0), false, 'one that was never seen')
    assert.equal(buckets.take('one', 0), true)
    assert.equal(buckets.isEmpty('one', 999), true)
    assert.equal(buckets.isEmpty('one', 1_000), false)
    assert.equal(buckets.take('one', 1_000), true)
  })

  it('forgets the one longest unused, never one that goes on taking', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, 2)
    assert.deepEqual(
      [buckets.take('greedy', 0), buckets.take('other', 0), buckets.take('greedy', 0)],
      [true, true, false],
    )
    buckets.take('third', 0)
    assert.equal(buckets.take('greedy', 0), false)
    assert.equal(buckets.take('other', 0), true)
  })
})
