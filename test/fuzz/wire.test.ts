import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { parseMessage } from '../../src/model/control.ts'
import { Heartbeat } from '../../src/model/heartbeat.ts'
import { Passport } from '../../src/model/passport.ts'
import { decode, encode } from '../../src/wire/codec.ts'
import { openRecord, type VerifiedRecord } from '../../src/wire/envelope.ts'
import { decodeFrame } from '../../src/wire/frames.ts'
import { recordDomain } from '../../src/wire/protocols.ts'
import { frames, NEGOTIATION_KINDS, NOW_MS, recordsOf } from './inputs.ts'
import { fuzz, mutate, MUTATIONS, SEED } from './mutate.ts'

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
function verifies(record: VerifiedRecord): boolean {
  const [, publicKey, payloadType, payload, , signature] = fieldsOf(Buffer.from(record.bytes))
  const x = publicKey!.subarray(-32).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const signed = Buffer.concat([Buffer.from(recordDomain(record.kind)), payloadType!, payload!].map(prefixed))
  return verify(null, signed, key, signature!)
}

describe('fuzz/wire', function () {
  // Some ten seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('codec: what is accepted encodes to the same bytes', () => {
    const inputs = [...recordsOf('passport'), ...recordsOf('heartbeat'), ...recordsOf('offer')].map(({ body }) =>
      encode(body),
    )
    const { accepted, refused } = fuzz(
      'codec',
      MUTATIONS,
      (rng) => mutate(inputs, rng),
      (bytes) => decode(bytes, 65_536),
      (value, bytes) => {
        assert.equal(hex(encode(value)), hex(bytes))
      },
    )
    assert.ok(
      accepted > 1000 && (refused['malformed'] ?? 0) > 1000 && (refused['not-canonical'] ?? 0) > 1000,
      JSON.stringify({ accepted, refused }),
    )
  })

  for (const kinds of [['heartbeat'], ['passport'], NEGOTIATION_KINDS] as const) {
    it(`openRecord, ${kinds.join(', ')}: what is accepted was signed, and is what its author sent`, () => {
      const records = kinds.flatMap((kind) => recordsOf(kind))
      const inputs = records.map(({ bytes }) => bytes)
      const originals = new Set(inputs.map(hex))
      const expect = { kinds: new Set<string>(kinds), maxBytes: 69_632, wallNowMs: NOW_MS }
      // Among the mutants go unchanged records, so that a decoder that refuses everything does not pass.
      const next = (rng: Parameters<typeof mutate>[1]) => (rng.int(100) === 0 ? rng.pick(inputs) : mutate(inputs, rng))
      const { accepted, refused } = fuzz(
        'openRecord',
        MUTATIONS,
        next,
        (bytes) => openRecord(bytes, expect),
        (record, bytes) => {
          assert.ok(verifies(record), 'accepted, but the signature does not verify')
          assert.ok(originals.has(hex(bytes)), 'accepted, but nobody sealed it')
        },
      )
      assert.ok(accepted >= MUTATIONS / 200, JSON.stringify({ accepted, refused }))
      assert.ok((refused['bad-signature'] ?? 0) > 100 && (refused['malformed'] ?? 0) > 1000, JSON.stringify(refused))
    })
  }

  it('frames, down to the schemas of their bodies', () => {
    const inputs = frames()
    let understood = 0
    fuzz(
      'frames',
      MUTATIONS,
      (rng) => mutate(inputs, rng),
      decodeFrame,
      (frame) => {
        assert.equal(typeof frame.t, 'string')
        if (parseMessage(frame.t, frame['b']) !== undefined) understood++
      },
    )
    assert.ok(understood > 100, `${understood} understood`)
  })

  it('bodies that decode but were never meant: schemas refuse without throwing', () => {
    const inputs = [...recordsOf('passport'), ...recordsOf('heartbeat')].map(({ body }) => encode(body))
    fuzz(
      'bodies',
      MUTATIONS / 4,
      (rng) => mutate(inputs, rng),
      (bytes) => decode(bytes, 8192),
      (value) => {
        Passport.safeParse(value)
        Heartbeat.safeParse(value)
      },
    )
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
