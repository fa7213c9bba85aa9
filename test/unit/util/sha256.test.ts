import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { sha256Hex } from '../../../src/util/sha256.ts'

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
})
