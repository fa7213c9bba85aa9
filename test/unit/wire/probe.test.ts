import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import {
  encodeProbe,
  MAX_PROBE_BYTES,
  MAX_PROBE_NONCE,
  openProbe,
  probeHead,
  probeKey,
  type ProbeMessage,
} from '../../../src/wire/probe.ts'
import { peerIdText, publicKeyProtobuf } from '../../../src/wire/keys.ts'
import { seededRng } from '../../../src/util/rng.ts'

const KEY = probeKey(Uint8Array.from({ length: 32 }, (_, index) => index))
const SUBJECT = '12D3KooW9pP4Seg3kZYhySpuVjn1RPdQBsUFZKiFxGMGQN5MeL6A'
const TAG_BYTES = 16

/** Made with another implementation of HMAC, sha256 and base58, from the table at the head of `wire/probe.ts`. */
const SAMPLES: readonly (readonly [ProbeMessage, number, string])[] = [
  [
    { type: 'ping', nonce: 7, suspects: undefined },
    1,
    '0101630dcd2966c433660000000000000001000000070073156ea1b0ee9f7cac8523ecaafed8d3',
  ],
  [
    { type: 'ping', nonce: MAX_PROBE_NONCE, suspects: { epoch: 1_700_000_000, incarnation: 3 } },
    2 ** 32 + 5,
    '0101630dcd2966c433660000000100000005ffffffff0100006553f10000000000000320868cff417dc566e814477a6792d43e',
  ],
  [{ type: 'pong', nonce: 7 }, 2, '0102630dcd2966c43366000000000000000200000007b05326e8560735140a74e8991365d86e'],
  [
    { type: 'ask', nonce: 8, subject: SUBJECT },
    3,
    '0103630dcd2966c43366000000000000000300000008002408011220000102030405060708090a0b0c0d0e0f' +
      '101112131415161718191a1b1c1d1e1ffe87d1ed5b4c0218b993548276cd689e',
  ],
  [
    { type: 'asked', nonce: 0, subject: SUBJECT },
    Number.MAX_SAFE_INTEGER,
    '0104630dcd2966c43366001fffffffffffff00000000002408011220000102030405060708090a0b0c0d0e0f' +
      '101112131415161718191a1b1c1d1e1f4894a4fd16cc6baa696bfe23d9605d88',
  ],
]

const nonces = fc.integer({ min: 0, max: MAX_PROBE_NONCE })
const pairNumbers = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const subjects = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => peerIdText(publicKeyProtobuf(raw)))
const plain = { noNullPrototype: true } as const
const messages: fc.Arbitrary<ProbeMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant('ping' as const),
      nonce: nonces,
      suspects: fc.option(fc.record({ epoch: pairNumbers, incarnation: pairNumbers }, plain), { nil: undefined }),
    },
    plain,
  ),
  fc.record({ type: fc.constant('pong' as const), nonce: nonces }, plain),
  fc.record({ type: fc.constantFrom('ask' as const, 'asked' as const), nonce: nonces, subject: subjects }, plain),
)

/** What a receiver that holds `key` makes of a datagram. */
function read(bytes: Uint8Array, key = KEY): { counter: number; message: ProbeMessage } | string {
  const head = probeHead(bytes)
  if (typeof head === 'string') return head
  if (head.keyId !== key.id) return 'unknown-key'
  const message = openProbe(bytes, key)
  return typeof message === 'string' ? message : { counter: head.counter, message }
}

/** Bytes with the tag that somebody who holds the key would put to them. */
function tagged(covered: Uint8Array): Uint8Array {
  const tag = createHmac('sha256', KEY.bytes).update(covered).digest().subarray(0, TAG_BYTES)
  return Uint8Array.from(Buffer.concat([covered, tag]))
}

/** A datagram with whatever type and body, made with the key. */
function forged(type: number, body: Uint8Array): Uint8Array {
  const pong = encodeProbe({ type: 'pong', nonce: 1 }, KEY, 1).subarray(0, -TAG_BYTES)
  const covered = Buffer.concat([pong, body])
  covered[1] = type
  return tagged(covered)
}

describe('wire/probe', () => {
  for (const [message, counter, hex] of SAMPLES) {
    it(`writes and reads, as written down, ${hex.length / 2} bytes of ${message.type}`, () => {
      assert.equal(Buffer.from(encodeProbe(message, KEY, counter)).toString('hex'), hex)
      assert.deepEqual(read(Uint8Array.from(Buffer.from(hex, 'hex'))), { counter, message })
    })
  }

  it('brings every message back, in few bytes, from the middle of a larger buffer too', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (message, counter) => {
        const bytes = encodeProbe(message, KEY, counter)
        assert.ok(bytes.length <= MAX_PROBE_BYTES)
        const within = new Uint8Array(bytes.length + 10)
        within.set(bytes, 5)
        assert.deepEqual(read(within.subarray(5, 5 + bytes.length)), { counter, message })
      }),
      { numRuns: 500 },
    )
  })

  it('never answers with more than it was sent', () => {
    const ping = encodeProbe({ type: 'ping', nonce: 1, suspects: undefined }, KEY, 1)
    assert.ok(encodeProbe({ type: 'pong', nonce: 1 }, KEY, 1).length <= ping.length)
  })

  it('refuses every datagram with one bit changed, and every one cut short or made longer', () => {
    for (const [message, counter] of SAMPLES) {
      const bytes = encodeProbe(message, KEY, counter)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Uint8Array.from(bytes)
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
        assert.equal(typeof read(changed), 'string', `${message.type}, bit ${bit}`)
      }
      for (let length = 0; length < bytes.length; length++)
        assert.equal(read(bytes.subarray(0, length)), length < 38 ? 'bad-size' : 'bad-tag')
      for (let extra = 1; extra < 200; extra++) {
        const longer = new Uint8Array(bytes.length + extra)
        longer.set(bytes)
        assert.equal(read(longer), longer.length > MAX_PROBE_BYTES ? 'bad-size' : 'bad-tag')
      }
    }
  })

  it('tells the versions and the keys apart', () => {
    const bytes = encodeProbe({ type: 'pong', nonce: 1 }, KEY, 1)
    bytes[0] = 2
    assert.equal(read(bytes), 'bad-version')
    const other = probeKey(new Uint8Array(32))
    const foreign = encodeProbe({ type: 'pong', nonce: 1 }, other, 1)
    assert.equal(read(foreign), 'unknown-key')
    // Under our key's id, but not made with it.
    assert.equal(read(encodeProbe({ type: 'pong', nonce: 1 }, { ...other, id: KEY.id }, 1)), 'bad-tag')
    assert.throws(() => probeKey(new Uint8Array(31)), RangeError)
  })

  it('refuses what was made with the key but is not as this format writes it', () => {
    const id = Buffer.from(`002408011220${'07'.repeat(32)}`, 'hex')
    const pair = new Uint8Array(12)
    const bad: [string, number, Uint8Array][] = [
      ['an unknown type', 0, new Uint8Array(0)],
      ['a later type', 5, new Uint8Array(0)],
      ['a ping without flags', 1, new Uint8Array(0)],
      ['unknown flags', 1, Uint8Array.of(2)],
      ['a flag for a pair that is missing', 1, Uint8Array.of(1)],
      ['a pair without its flag', 1, Uint8Array.of(0, ...pair)],
      ['a pair and more', 1, Uint8Array.of(1, ...pair, 0)],
      ['a pong with a body', 2, Uint8Array.of(0)],
      ['a subject of nothing', 3, new Uint8Array(0)],
      ['a subject cut short', 3, id.subarray(0, 37)],
      ['a subject and more', 4, Buffer.concat([id, Uint8Array.of(0)])],
      ['a subject with another hash', 3, Buffer.concat([Uint8Array.of(0x12), id.subarray(1)])],
      ['a subject with another kind of key', 3, Buffer.from(`002408021220${'07'.repeat(32)}`, 'hex')],
    ]
    for (const [what, type, body] of bad) assert.equal(read(forged(type, body)), 'malformed', what)
    assert.deepEqual(read(forged(1, Uint8Array.of(0))), {
      counter: 1,
      message: { type: 'ping', nonce: 1, suspects: undefined },
    })
    for (const counter of [0n, 2n ** 53n, 2n ** 64n - 1n]) {
      const covered = Buffer.from(encodeProbe({ type: 'pong', nonce: 1 }, KEY, 1).subarray(0, -TAG_BYTES))
      covered.writeBigUInt64BE(counter, 10)
      assert.equal(read(tagged(covered)), 'malformed')
    }
  })

  it('does not write what it would not read', () => {
    const refused = (message: ProbeMessage, counter: number): void =>
      assert.throws(() => encodeProbe(message, KEY, counter), { code: 'malformed' })
    for (const counter of [0, -1, 1.5, 2 ** 53, NaN]) refused({ type: 'pong', nonce: 1 }, counter)
    for (const nonce of [-1, 0.5, 2 ** 32, NaN]) refused({ type: 'pong', nonce }, 1)
    for (const number of [-1, 0.5, 2 ** 48]) {
      refused({ type: 'ping', nonce: 1, suspects: { epoch: number, incarnation: 0 } }, 1)
      refused({ type: 'ping', nonce: 1, suspects: { epoch: 0, incarnation: number } }, 1)
    }
    // The last has the look of an id, but the number it stands for has another kind of key in it.
    for (const subject of ['', 'node-1', `${SUBJECT}A`, `12D3KooW${'z'.repeat(44)}`])
      refused({ type: 'ask', nonce: 1, subject }, 1)
  })

  it('survives 100,000 mutations: refused, or exactly what would have been written', () => {
    const rng = seededRng(1)
    const originals = SAMPLES.map(([message, counter]) => encodeProbe(message, KEY, counter))
    let accepted = 0
    for (let round = 0; round < 100_000; round++) {
      const original = originals[rng.int(originals.length)] as Uint8Array
      const mutated = mutate(Uint8Array.from(original), (below) => rng.int(below))
      const withTag = round % 2 === 0 ? mutated : tagged(mutated.subarray(0, Math.max(0, mutated.length - TAG_BYTES)))
      const result = read(withTag)
      if (typeof result === 'string') continue
      accepted++
      assert.equal(Buffer.compare(encodeProbe(result.message, KEY, result.counter), withTag), 0)
      // Without the key nothing but the original gets through.
      if (round % 2 === 0) assert.equal(Buffer.compare(withTag, original), 0)
    }
    assert.ok(accepted > 1_000, `only ${accepted} were accepted, so the fuzz proves little`)
  }).timeout(30_000)
})

/** One to three changes: a byte set, a bit flipped, bytes taken out or put in, the end cut off. */
function mutate(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  let out = [...bytes]
  for (let change = 0; change <= below(3); change++) {
    const at = below(out.length + 1)
    const kind = below(5)
    if (kind === 0) out[at % Math.max(1, out.length)] = below(256)
    else if (kind === 1) out[at % Math.max(1, out.length)] = (out[at % Math.max(1, out.length)] ?? 0) ^ (1 << below(8))
    else if (kind === 2) out.splice(at, 1 + below(8))
    else if (kind === 3) out.splice(at, 0, ...Array.from({ length: 1 + below(8) }, () => below(256)))
    else out = out.slice(0, at)
  }
  return Uint8Array.from(out)
}
