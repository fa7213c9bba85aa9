import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import * as shipped from '../../../scripts/build/native/core-sha256.ts'
import { sha256, sha256Hex } from '../../../src/util/sha256.ts'

describe('util/sha256', () => {
  it('agrees with the runtime', () => {
    assert.equal(
      sha256Hex(new TextEncoder().encode('abc')),
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
    for (const size of [0, 1, 55, 56, 63, 64, 65, 1000]) {
      const bytes = randomBytes(size)
      assert.equal(sha256Hex(bytes), createHash('sha256').update(bytes).digest('hex'))
    }
  })

  it('is the same in what is shipped', () => {
    for (const size of [0, 65, 1000]) {
      const bytes = randomBytes(size)
      assert.equal(shipped.sha256Hex(bytes), sha256Hex(bytes))
      assert.deepEqual(shipped.sha256(bytes), sha256(bytes))
    }
    assert.deepEqual(Object.keys(shipped), ['sha256', 'sha256Hex'])
  })
})
