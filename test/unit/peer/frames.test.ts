import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { FrameDecoder, FrameError, prefixBytes, writeFrame } from '../../../src/peer/frames.ts'
import { MAX_FRAME_BYTES } from '../../../src/wire/limits.ts'

function encode(frames: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + prefixBytes(frame.byteLength) + frame.byteLength, 0))
  let offset = 0
  for (const frame of frames) offset = writeFrame(bytes, offset, frame)
  return bytes
}

describe('peer: frames', () => {
  it('gives back what was written, however the bytes are cut', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 20 })
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = encode(sent)
        const decoder = new FrameDecoder()
        const got: Uint8Array[] = []
        for (let offset = 0, turn = 0; offset < bytes.byteLength; turn += 1) {
          const next = offset + (cuts[turn % cuts.length] as number)
          got.push(...decoder.push(bytes.subarray(offset, next)))
          offset = next
        }
        assert.deepEqual(got, sent)
      }),
    )
  })

  it('writes lengths at every size of prefix', () => {
    for (const length of [1, 127, 128, 16_383, 16_384, MAX_FRAME_BYTES]) {
      const [frame] = new FrameDecoder().push(encode([new Uint8Array(length).fill(1)]))
      assert.equal(frame?.byteLength, length)
    }
  })

  it('keeps nothing of the chunk a frame came in', () => {
    const chunk = encode([new Uint8Array([1, 2, 3])])
    const [frame] = new FrameDecoder().push(chunk)
    chunk.fill(0)
    assert.deepEqual(frame, new Uint8Array([1, 2, 3]))
    assert.equal(frame?.buffer.byteLength, 3)
  })

  it('takes an empty frame for a keepalive', () => {
    assert.deepEqual(new FrameDecoder().push(new Uint8Array([0, 0, 1, 9, 0])), [new Uint8Array([9])])
  })

  const junk: [string, number[]][] = [
    ['one byte over the cap', [0x81, 0x80, 0x10]],
    ['a prefix of four bytes', [0x80, 0x80, 0x80, 0x01]],
    ['a length padded with zeros', [0x81, 0x00]],
  ]
  for (const [what, bytes] of junk) {
    it(`refuses ${what}`, () => assert.throws(() => new FrameDecoder().push(new Uint8Array(bytes)), FrameError))
  }

  it('never holds more than one frame of memory, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoder = new FrameDecoder()
        try {
          for (const frame of decoder.push(bytes)) assert.ok(frame.byteLength <= bytes.byteLength)
        } catch (error) {
          assert.ok(error instanceof FrameError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
