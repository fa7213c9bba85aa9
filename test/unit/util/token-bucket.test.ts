import assert from 'node:assert/strict'
import { TokenBucket } from '../../../src/util/token-bucket.ts'

describe('a token bucket', () => {
  it('gives a burst, then its rate, and says how long the next one takes', () => {
    const bucket = new TokenBucket(4, 2, 1_000)
    assert.equal(bucket.waitMs(1_000), 0)
    assert.deepEqual(
      [1, 2, 3].map(() => bucket.take(1_000)),
      [true, true, false],
    )
    assert.deepEqual([bucket.waitMs(1_000), bucket.waitMs(1_100), bucket.isEmpty(1_249)], [250, 150, true])
    assert.deepEqual([bucket.waitMs(1_250), bucket.take(1_250), bucket.waitMs(1_250)], [0, true, 250])
  })

  it('gives all of its burst, whatever its rate', () => {
    for (let rate = 0.1; rate < 400; rate *= 1.3) {
      const bucket = new TokenBucket(rate, 100, 0)
      const taken = Array.from({ length: 101 }, () => bucket.take(0))
      assert.equal(taken.indexOf(false), 100, String(rate))
    }
  })

  it('keeps no more than the burst', () => {
    const bucket = new TokenBucket(4, 2, 0)
    const taken = [1, 2, 3].map(() => bucket.take(60_000))
    assert.deepEqual(taken, [true, true, false])
  })
})
