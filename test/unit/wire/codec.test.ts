import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decode, encode } from '../../../src/wire/codec.ts'
import { WireError, type WireErrorCode } from '../../../src/wire/errors.ts'
import { MAX_DEPTH, MAX_ITEMS } from '../../../src/wire/limits.ts'

const MAX_BYTES = 1024 * 1024

function refused(code: WireErrorCode, run: () => unknown, why?: RegExp): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof WireError, String(error))
    assert.equal(error.code, code, error.message)
    if (why) assert.match(error.message, why)
    return true
  })
}

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** What the format carries: JSON and bytes, with keys and texts of all sorts. */
const carried: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary' }).filter((text) => !text.startsWith('\u{feff}')),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(
      fc.string({ unit: 'binary', maxLength: 12 }).filter((key) => key !== '__proto__' && !key.startsWith('\u{feff}')),
      tie('value'),
      { maxKeys: 6, noNullPrototype: true },
    ),
  ),
})).value

describe('wire/codec', () => {
  it('brings back what it carries, and has one encoding for it', () => {
    fc.assert(
      fc.property(carried, (value) => {
        const bytes = encode(value)
        const back = decode(bytes, MAX_BYTES)
        assert.deepEqual(encode(back), bytes)
        // -0 and 0 are one number here, and -0 is not strictly 0.
        assert.deepEqual(JSON.parse(JSON.stringify(back)), JSON.parse(JSON.stringify(value)))
      }),
      { numRuns: 500 },
    )
  })

  it('does not depend on the order in which keys were written', () => {
    assert.deepEqual(encode({ b: 1, aa: 2, a: 3 }), encode({ a: 3, aa: 2, b: 1 }))
    assert.deepEqual(encode({ b: 1, aa: 2, a: 3 }), hex('a3 6161 03 6162 01 626161 02'))
  })

  for (const [what, value] of [
    ['undefined', { a: undefined }],
    ['NaN', [NaN]],
    ['Infinity', Infinity],
    ['a function', () => 1],
    ['an integer beyond 2^53', 2n ** 60n],
    ['a key __proto__', JSON.parse('{"__proto__":1}')],
    ['a text decoders would change', '\u{feff}x'],
  ] as [string, unknown][]) {
    it(`does not encode ${what}`, () => refused('malformed', () => encode(value)))
  }

  const bad: [string, WireErrorCode, string][] = [
    ['nothing', 'malformed', ''],
    ['bytes after the value', 'malformed', '01 01'],
    ['keys out of order', 'not-canonical', 'a2 6162 01 6161 02'],
    ['long keys before short ones', 'not-canonical', 'a2 626161 01 6162 02'],
    ['a key twice', 'malformed', 'a2 6161 01 6161 02'],
    ['a key that is a number', 'malformed', 'a1 01 01'],
    ['a key __proto__', 'malformed', 'a1 69 5f5f70726f746f5f5f 01'],
    ['a small integer in two bytes', 'not-canonical', '18 17'],
    ['a length in four bytes', 'not-canonical', '7a 00000001 61'],
    ['an integer in eight bytes', 'not-canonical', '1b 00000000 00000001'],
    ['an integer beyond 2^53', 'malformed', '1b 00200000 00000000'],
    ['a negative integer beyond -2^53', 'malformed', '3b 001fffff ffffffff'],
    ['an indefinite list', 'not-canonical', '9f 01 ff'],
    ['an indefinite text', 'not-canonical', '7f 6161 ff'],
    ['a reserved length', 'malformed', '1c'],
    ['a half-precision number', 'not-canonical', 'f9 3e00'],
    ['a single-precision number', 'not-canonical', 'fa 3fc00000'],
    ['a whole number as a float', 'not-canonical', 'fb 3ff0000000000000'],
    ['NaN', 'malformed', 'fb 7ff8000000000000'],
    ['infinity', 'malformed', 'fb 7ff0000000000000'],
    ['undefined', 'malformed', 'f7'],
    ['an unknown simple value', 'malformed', 'f8 20'],
    ['a lone break', 'malformed', 'ff'],
    ['a tag', 'malformed', 'd8 2a 41 00'],
    ['broken UTF-8', 'malformed', '62 c328'],
    ['an encoded surrogate', 'malformed', '63 eda080'],
    ['a byte-order mark', 'malformed', '64 efbbbf 61'],
    ['a list cut short', 'malformed', '82 01'],
    ['a list said to hold 2^32 values', 'malformed', '9a ffffffff 01'],
    ['a text said to be 2^52 bytes', 'malformed', '7b 000fffff ffffffff 61'],
    ['bytes cut short', 'malformed', '44 010203'],
    ['a map said to be larger than the message', 'malformed', 'b9 ffff 6161 01'],
  ]
  for (const [what, code, bytes] of bad) {
    it(`refuses ${what}: ${code}`, () => refused(code, () => decode(hex(bytes), MAX_BYTES)))
  }

  it('accepts the limits and refuses one more', () => {
    const nested = (depth: number) => hex('81'.repeat(depth) + '00')
    decode(nested(MAX_DEPTH), MAX_BYTES)
    refused('too-deep', () => decode(nested(MAX_DEPTH + 1), MAX_BYTES))
    refused('too-deep', () => decode(nested(200_000), MAX_BYTES))

    const list = (count: number) =>
      Buffer.concat([hex(count < 65_536 ? '99 ffff' : '9a 00010000'), Buffer.alloc(count, 0xa0)])
    decode(list(MAX_ITEMS - 1), MAX_BYTES)
    refused('too-large', () => decode(list(MAX_ITEMS), MAX_BYTES), /more than 65536 values/)

    const bytes = encode('x'.repeat(100))
    decode(bytes, bytes.length)
    refused('too-large', () => decode(bytes, bytes.length - 1), /102 bytes where at most 101/)
  })

  it('decodes byte strings as copies', () => {
    const bytes = encode(Uint8Array.of(1, 2, 3))
    const back = decode(bytes, MAX_BYTES)
    bytes.fill(0)
    assert.deepEqual(back, Uint8Array.of(1, 2, 3))
  })
})
