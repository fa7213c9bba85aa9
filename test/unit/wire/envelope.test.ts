import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import type { Heartbeat } from '../../../src/model/heartbeat.ts'
import { decode, encode } from '../../../src/wire/codec.ts'
import { createSigner, openRecord, type Expectation, type RecordDraft } from '../../../src/wire/envelope.ts'
import { readEnvelope, writeEnvelope } from '../../../src/wire/envelope-format.ts'
import { WireError, type WireErrorCode } from '../../../src/wire/errors.ts'
import { GOSSIP_KINDS, RECORD_MAX_BYTES } from '../../../src/wire/limits.ts'
import { recordDomain, recordPayloadType } from '../../../src/wire/protocols.ts'

const NOW_MS = 1_790_000_000_000
const SEED = new Uint8Array(32).fill(7)
const signer = createSigner(SEED)

const draft = (change: Partial<RecordDraft> = {}): RecordDraft => ({
  kind: 'passport',
  name: 'default/a',
  epoch: 1_790_000_000,
  seq: 3,
  hlc: NOW_MS,
  ttlMs: 3_600_000,
  body: { hello: 'world' },
  ...change,
})
const expect = (change: Partial<Expectation> = {}): Expectation => ({
  kinds: GOSSIP_KINDS,
  maxBytes: 8192,
  wallNowMs: NOW_MS,
  ...change,
})

function refused(code: WireErrorCode, bytes: Uint8Array, change: Partial<Expectation> = {}): void {
  assert.throws(
    () => openRecord(bytes, expect(change)),
    (error: unknown) => {
      assert.ok(error instanceof WireError, String(error))
      assert.equal(error.code, code, error.message)
      return true
    },
  )
}

/** A record as libp2p's own code makes it, with whatever payload and domain. */
async function sealByLibp2p(payload: Uint8Array, domain: string, payloadType: string): Promise<Uint8Array> {
  const key = await generateKeyPairFromSeed('Ed25519', SEED)
  const record = { domain, codec: new TextEncoder().encode(payloadType), marshal: () => payload, equals: () => false }
  return (await RecordEnvelope.seal(record, key)).marshal()
}

const payloadOf = (change: Record<string, unknown> = {}) => encode({ v: 1, author: signer.id, ...draft(), ...change })

describe('wire/envelope', () => {
  it('opens what it sealed, and keeps the bytes as received', () => {
    const sealed = signer.seal(draft())
    const network = Buffer.concat([Buffer.from('before'), sealed.bytes, Buffer.from('after')])
    const opened = openRecord(network.subarray(6, 6 + sealed.bytes.length), expect())
    assert.deepEqual(
      { ...opened, bytes: undefined },
      { ...draft(), author: signer.id, bytes: undefined, hash: sealed.hash },
    )
    assert.deepEqual(opened.bytes, sealed.bytes)
    assert.equal(opened.bytes.buffer.byteLength, sealed.bytes.length, 'the network buffer must not be kept alive')
    assert.equal(opened.hash, createHash('sha256').update(sealed.bytes).digest('hex'))
  })

  it('has the peer id libp2p has', async () => {
    for (let i = 0; i < 5; i++) {
      const seed = new Uint8Array(randomBytes(32))
      const key = await generateKeyPairFromSeed('Ed25519', seed)
      assert.equal(createSigner(seed).id, peerIdFromPrivateKey(key).toString())
    }
    assert.match(signer.id, /^12D3KooW/)
    assert.throws(() => createSigner(new Uint8Array(31)), RangeError)
  })

  it('is certified by libp2p, in its domain only', async () => {
    const { bytes } = signer.seal(draft())
    const envelope = await RecordEnvelope.openAndCertify(bytes, 'althing/passport/1')
    assert.equal(new TextDecoder().decode(envelope.payloadType), '/althing/passport')
    assert.deepEqual(decode(envelope.payload, 8192), { v: 1, author: signer.id, ...draft() })
    assert.deepEqual(envelope.marshal(), bytes, 'byte for byte what libp2p would write')
    await assert.rejects(RecordEnvelope.openAndCertify(bytes, 'althing/heartbeat/1'), /not valid/)
  })

  it('opens what libp2p sealed', async () => {
    const bytes = await sealByLibp2p(payloadOf(), recordDomain('passport'), recordPayloadType('passport'))
    assert.deepEqual(openRecord(bytes, expect()).body, { hello: 'world' })
    assert.deepEqual(bytes, signer.seal(draft()).bytes)
  })

  it('refuses another application, another domain, another kind', async () => {
    refused('wrong-domain', await sealByLibp2p(payloadOf(), 'libp2p-peer-record', '\u0003\u0001'))
    refused('bad-signature', await sealByLibp2p(payloadOf(), 'althing/heartbeat/1', '/althing/passport'))
    refused(
      'wrong-domain',
      await sealByLibp2p(payloadOf({ kind: 'heartbeat' }), 'althing/passport/1', '/althing/passport'),
    )
    refused('unknown-kind', await sealByLibp2p(payloadOf({ kind: 'spell' }), 'althing/spell/1', '/althing/spell'))
    refused(
      'unknown-kind',
      await sealByLibp2p(payloadOf({ kind: 'toString' }), 'althing/toString/1', '/althing/toString'),
    )
    refused('unknown-kind', signer.seal(draft()).bytes, { kinds: 'heartbeat' })
  })

  it('refuses what another author could have written', async () => {
    const other = createSigner(new Uint8Array(32).fill(9))
    refused(
      'wrong-author',
      await sealByLibp2p(payloadOf({ author: other.id }), 'althing/passport/1', '/althing/passport'),
    )
    const parts = readEnvelope(signer.seal(draft()).bytes)
    refused('wrong-author', writeEnvelope({ ...parts, publicKey: other.publicKey }))
    refused('bad-signature', writeEnvelope({ ...parts, payload: payloadOf({ seq: 4 }) }))
    refused('malformed', writeEnvelope({ ...parts, publicKey: parts.publicKey.subarray(1) }))
  })

  it('refuses unsigned records and signatures that are none', () => {
    const parts = readEnvelope(signer.seal(draft()).bytes)
    refused('unsigned', writeEnvelope({ ...parts, signature: new Uint8Array(0) }).slice(0, -2))
    refused('bad-signature', writeEnvelope({ ...parts, signature: parts.signature.subarray(1) }))
    refused(
      'bad-signature',
      writeEnvelope({ ...parts, signature: parts.signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) }),
    )
  })

  it('refuses the future, but not the past', () => {
    const at = (hlc: number) => signer.seal(draft({ hlc })).bytes
    refused('future-dated', at(NOW_MS + 30_001))
    openRecord(at(NOW_MS + 30_000), expect())
    openRecord(at(NOW_MS - 86_400_000), expect())
    refused('future-dated', at(NOW_MS + 6), { maxAheadMs: 5 })
  })

  it('refuses headers that are not right', async () => {
    for (const change of [
      { v: 2 },
      { epoch: -1 },
      { seq: 0.5 },
      { ttlMs: 86_400_001 },
      { name: 'a b' },
      { name: 'x'.repeat(318) },
      { extra: 1 },
      { hlc: 'now' },
    ]) {
      refused('malformed', await sealByLibp2p(payloadOf(change), 'althing/passport/1', '/althing/passport'))
    }
    refused('malformed', await sealByLibp2p(Uint8Array.of(0xf6), 'althing/passport/1', '/althing/passport'))
    refused('not-canonical', await sealByLibp2p(Uint8Array.of(0x18, 0x01), 'althing/passport/1', '/althing/passport'))
  })

  it('has a cap for each kind, when sealing and when opening', async () => {
    for (const [kind, cap] of Object.entries(RECORD_MAX_BYTES)) {
      const size = (length: number) => signer.seal(draft({ kind, body: 'x'.repeat(length) })).bytes.length
      let length = cap - 400
      const overhead = size(length) - length
      length = cap - overhead
      assert.equal(size(length), cap)
      const code = (error: unknown) => error instanceof WireError && error.code === 'too-large'
      assert.throws(() => size(length + 1), code)
      const big = await sealByLibp2p(
        payloadOf({ kind, body: 'x'.repeat(length + 1) }),
        recordDomain(kind),
        recordPayloadType(kind),
      )
      refused('too-large', big, { kinds: kind, maxBytes: 1e6 })
    }
    refused('too-large', signer.seal(draft()).bytes, { maxBytes: 100 })
    assert.throws(() => signer.seal(draft({ kind: 'spell' })), { code: 'unknown-kind' })
    assert.throws(() => signer.seal(draft({ name: 'a b' })), { code: 'malformed' })
  })

  // A second form of a valid record would have another hash, and frame its author as an equivocator.
  it('has exactly one form: nothing can be added, moved, repeated or padded', () => {
    const { bytes } = signer.seal(draft())
    const parts = readEnvelope(bytes)
    const join = (...chunks: (Uint8Array | number[])[]) =>
      new Uint8Array(Buffer.concat(chunks.map((chunk) => Uint8Array.from(chunk))))
    const field = (tag: number, value: Uint8Array) =>
      join([tag, ...(value.length < 128 ? [value.length] : [(value.length & 127) | 128, value.length >> 7])], value)
    const [key, type, payload, signature] = [
      field(0x0a, parts.publicKey),
      field(0x12, parts.payloadType),
      field(0x1a, parts.payload),
      field(0x2a, parts.signature),
    ]
    assert.deepEqual(join(key, type, payload, signature), bytes)
    for (const other of [
      join(bytes, [0x30, 0x01]), // an unknown field
      join(bytes, [0x22, 0x00]), // field 4, empty
      join(bytes, signature), // repeated
      join(type, key, payload, signature), // moved
      join(signature, key, type, payload),
      join(key, type, payload, signature, [0x1a, 0x00]),
      join([0x0a, 0x80 | parts.publicKey.length, 0x00], parts.publicKey, type, payload, signature), // a padded length
      join([0x8a, 0x00, parts.publicKey.length], parts.publicKey, type, payload, signature), // a padded tag
    ]) {
      refused('malformed', other)
    }
  })

  it('does not accept the signature plus the order of the group (RFC 8032: S < L)', () => {
    const parts = readEnvelope(signer.seal(draft()).bytes)
    const order = (1n << 252n) + 27742317777372353535851937790883648493n
    const s = BigInt(`0x${Buffer.from(parts.signature.slice(32).toReversed()).toString('hex')}`) + order
    const shifted = Uint8Array.from(Buffer.from(s.toString(16).padStart(64, '0'), 'hex')).toReversed()
    refused(
      'bad-signature',
      writeEnvelope({ ...parts, signature: new Uint8Array(Buffer.concat([parts.signature.slice(0, 32), shifted])) }),
    )
  })

  it('carries the largest heartbeat within 1 KiB', () => {
    const most = Number.MAX_SAFE_INTEGER
    const body: Heartbeat = {
      state: 'joining',
      incarnation: 0,
      intervalMs: 1_800_000,
      uptimeMs: most,
      cpuRatio: 0.123456789,
      memoryAvailableBytes: most,
      free: { cpuMilli: most, memoryBytes: most },
      tasks: most,
      passport: { epoch: most, seq: most },
    }
    const { bytes } = signer.seal({
      kind: 'heartbeat',
      name: '',
      epoch: most,
      seq: most,
      hlc: most,
      ttlMs: 86_400_000,
      body,
    })
    assert.ok(bytes.length <= 512, `${bytes.length} bytes`)
  })
})
