import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { isSigned } from '../../src/model/control.ts'
import { fromFrame } from '../../src/node/messages.ts'
import type { Rng } from '../../src/util/rng.ts'
import { decode, encode } from '../../src/wire/codec.ts'
import { openRecord, type VerifiedRecord } from '../../src/wire/envelope.ts'
import { decodeFrame, encodeFrame } from '../../src/wire/frames.ts'
import { recordDomain } from '../../src/wire/protocols.ts'
import { AUTHOR, frames, NEGOTIATION_KINDS, NOW_MS, recordsOf } from './inputs.ts'
import { fuzz, MUTATIONS, SEED } from './fuzz.ts'
import { mutate } from './mutate.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Reads length-delimited protobuf fields the simple way, sharing no code with the decoder under test. */
function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++]!
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      length += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    fields[tag >> 3] = bytes.subarray(at, at + length)
    at += length
  }
  return fields
}

const prefixed = (bytes: Buffer) => {
  const length: number[] = []
  let left = bytes.length
  for (; left > 127; left >>= 7) length.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([...length, left]), bytes])
}

/** The signature by the runtime alone: key from JWK, bytes put together as RFC 0002 says. */
function verifies({ kind, bytes }: Pick<VerifiedRecord, 'kind' | 'bytes'>): boolean {
  const [, publicKey, payloadType, payload, , signature] = fieldsOf(Buffer.from(bytes))
  const x = publicKey!.subarray(-32).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const signed = Buffer.concat([Buffer.from(recordDomain(kind)), payloadType!, payload!].map(prefixed))
  return verify(null, signed, key, signature!)
}

/** Among the mutants go unchanged inputs, so that a decoder that refuses everything does not pass. */
function mutateMost(inputs: readonly Uint8Array[], rng: Rng): Uint8Array {
  return rng.int(100) === 0 ? rng.pick(inputs) : mutate(inputs, rng)
}

describe('fuzz/wire', function () {
  // Some seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('codec: what is accepted encodes to the same bytes', async () => {
    const inputs = ['passport', 'heartbeat', 'offer'].flatMap(recordsOf).map(({ body }) => encode(body))
    const { accepted, refused } = await fuzz({
      name: 'codec',
      next: (rng) => mutate(inputs, rng),
      decode: (bytes) => decode(bytes, 65_536),
      accepted: (value, bytes) => assert.equal(hex(encode(value)), hex(bytes)),
    })
    assert.ok(
      accepted > 1000 && (refused['malformed'] ?? 0) > 1000 && (refused['not-canonical'] ?? 0) > 1000,
      JSON.stringify({ accepted, refused }),
    )
  })

  for (const kinds of [['heartbeat'], ['passport'], NEGOTIATION_KINDS] as const) {
    it(`openRecord, ${kinds.join(', ')}: what is accepted was signed, and is what its author sent`, async () => {
      const inputs = kinds.flatMap(recordsOf).map(({ bytes }) => bytes)
      const originals = new Set(inputs.map(hex))
      const expect = { kinds: new Set<string>(kinds), maxBytes: 69_632, wallNowMs: NOW_MS }
      const { accepted, refused } = await fuzz({
        name: 'openRecord',
        next: (rng) => mutateMost(inputs, rng),
        decode: (bytes) => openRecord(bytes, expect),
        accepted: (record, bytes) => {
          assert.ok(verifies(record), 'accepted, but the signature does not verify')
          assert.ok(originals.has(hex(bytes)), 'accepted, but nobody sealed it')
        },
      })
      assert.ok(accepted >= MUTATIONS / 200, JSON.stringify({ accepted, refused }))
      assert.ok((refused['bad-signature'] ?? 0) > 100 && (refused['malformed'] ?? 0) > 1000, JSON.stringify(refused))
    })
  }

  it('decodeFrame: what is accepted has a type, and encodes to the same bytes', async () => {
    const inputs = frames()
    const { accepted } = await fuzz({
      name: 'decodeFrame',
      next: (rng) => mutate(inputs, rng),
      decode: decodeFrame,
      accepted: (frame, bytes) => {
        assert.equal(typeof frame.t, 'string')
        assert.equal(hex(encodeFrame(frame)), hex(bytes))
      },
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  it('fromFrame: a message is what its sender signed, or encodes to the same bytes', async () => {
    const inputs = frames()
    const kindOf = (bytes: Uint8Array) => decodeFrame(bytes).t as Parameters<typeof isSigned>[0]
    const [signed, plain] = [true, false].map((is) => inputs.filter((bytes) => isSigned(kindOf(bytes)) === is))
    // Half of what goes unchanged is signed, however many kinds of plain messages there come to be.
    const unchanged = (rng: Rng) => rng.pick(rng.int(2) === 0 ? signed! : plain!)
    const understood = { signed: 0, plain: 0 }
    const { refused } = await fuzz({
      name: 'fromFrame',
      next: (rng) => (rng.int(100) === 0 ? unchanged(rng) : mutate(inputs, rng)),
      decode: (bytes) => fromFrame(bytes, AUTHOR, NOW_MS),
      accepted: ({ message, proof }, bytes) => {
        if (isSigned(message.t)) {
          understood.signed++
          assert.ok(proof !== undefined && verifies({ kind: message.t, bytes: proof }), 'signed by nobody')
          assert.equal(openRecord(proof, { kinds: message.t, maxBytes: 69_632, wallNowMs: NOW_MS }).author, AUTHOR)
        } else {
          understood.plain++
          // What stands beside the body in a frame is read by nobody.
          assert.equal(hex(encodeFrame({ ...decodeFrame(bytes), b: message.body } as { t: string })), hex(bytes))
        }
      },
    })
    assert.ok(understood.signed > 100 && understood.plain > 1000, JSON.stringify({ understood, refused }))
    for (const code of ['bad-body', 'foreign-author', 'bad-signature', 'malformed', 'not-canonical'])
      assert.ok((refused[code] ?? 0) > 10, `${code}: ${JSON.stringify(refused)}`)
  })

  it('one frame cannot take much memory, whatever it claims', () => {
    const big = [
      Buffer.concat([Buffer.from('9a00040000', 'hex'), Buffer.alloc(262_139, 0xa0)]), // 262,144 maps, one short
      Buffer.concat([Buffer.from('9a0003fffb', 'hex'), Buffer.alloc(262_139, 0xa0)]), // as many as fit
      Buffer.concat([Buffer.from('9b001fffffffffffff', 'hex'), Buffer.alloc(1000, 0x80)]), // 2^53 lists
      Buffer.alloc(262_144, 0x81), // nesting
      Buffer.concat([Buffer.from('5b000fffffffffffff', 'hex'), Buffer.alloc(1000)]), // a byte string of petabytes
    ]
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 200; i++) for (const frame of big) assert.throws(() => decodeFrame(frame), /dag-cbor/)
    assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
  })
})
