import assert from 'node:assert/strict'
import { encode } from '../../../src/wire/codec.ts'
import { decodeFrame, encodeFrame, MAX_FRAME_BYTES } from '../../../src/wire/frames.ts'
import { pulseTopic, recordsTopic } from '../../../src/wire/protocols.ts'

describe('wire/frames', () => {
  it('brings a message back', () => {
    const message = { t: 'offer', e: Uint8Array.of(1, 2, 3), b: { deep: [1, 'two', null] } }
    assert.deepEqual(decodeFrame(encodeFrame(message)), message)
  })

  it('refuses what is no message', () => {
    for (const value of [null, 1, 'offer', ['t'], {}, { t: 1 }, { x: 'offer' }, Uint8Array.of(1)]) {
      assert.throws(() => decodeFrame(encode(value)), { code: 'malformed' })
    }
    assert.throws(() => decodeFrame(new Uint8Array(0)), { code: 'malformed' })
  })

  it('keeps to its limit in both directions', () => {
    const fits = { t: 'x', b: new Uint8Array(MAX_FRAME_BYTES - 20) }
    assert.ok(encodeFrame(fits).length <= MAX_FRAME_BYTES)
    assert.throws(() => encodeFrame({ t: 'x', b: new Uint8Array(MAX_FRAME_BYTES) } as { t: string }), {
      code: 'too-large',
    })
    assert.throws(() => decodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), { code: 'too-large' })
  })
})

describe('wire/protocols', () => {
  it('names the topics of a cluster', () => {
    assert.equal(recordsTopic('home'), '/althing/home/records/1')
    assert.equal(pulseTopic('home'), '/althing/home/pulse/1')
    for (const cluster of ['', 'a/b', 'a b', '.x', 'x'.repeat(65)])
      assert.throws(() => recordsTopic(cluster), RangeError)
  })
})
