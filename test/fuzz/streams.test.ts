/** Junk on the task and bundle protocols: a stream is lost, nothing else. 100,000 mutations of valid frames. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { encode } from '../../src/wire/codec.ts'
import { AlthingError } from '../../src/util/errors.ts'
import { seededRng } from '../../src/util/rng.ts'
import { MAX_STREAM_MESSAGE_BYTES, MessageReader } from '../../src/node/streams/framing.ts'

const SEED = Number(process.env['ALTHING_FUZZ_SEED'] ?? 20_261_121)
const MUTATIONS = 100_000

function frame(message: unknown): Buffer {
  const body = encode(message)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

const VALID = [
  frame({ sha256: 'a'.repeat(64), offset: 0 }),
  frame({ sizeBytes: 1234 }),
  frame({ runId: 'abc.1', stdout: 0, stderr: 7, follow: true }),
  frame({ stream: 'stdout', offset: 5, data: new Uint8Array(40).fill(9) }),
]

describe(`stream frames, fuzzed (seed ${SEED})`, function () {
  this.timeout(60_000)

  it('decode, or are refused with a typed error', async () => {
    const rng = seededRng(SEED)
    let decoded = 0
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = Buffer.from(rng.pick(VALID))
      for (let flips = 1 + rng.int(4); flips > 0; flips--) bytes[rng.int(bytes.length)] = rng.int(256)
      const cut = rng.int(3) === 0 ? bytes.subarray(0, rng.int(bytes.length)) : bytes
      const reader = new MessageReader(Readable.from([cut]))
      try {
        const message = await reader.next()
        if (message !== undefined) decoded++
      } catch (error) {
        assert.ok(error instanceof AlthingError, `unexpected ${String(error)}`)
      }
    }
    assert.ok(decoded > 0, 'some mutations stay valid')
  })

  it('never waits for, nor allocates, more than a message may have', async () => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(MAX_STREAM_MESSAGE_BYTES + 1)
    await assert.rejects(new MessageReader(Readable.from([head])).next(), { code: 'too-large' })
  })
})
