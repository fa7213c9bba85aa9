/** What a peer says of where it can be dialled: read without harm, whatever it is, and no more than a few. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { isPrivateAddress, parseRelayedAddress, parseTcpAddress } from '../../src/peer/addresses.ts'
import { MAX_PLACES, placesToBytes, readPlaces } from '../../src/peer/reach/places.ts'

async function read(bytes: Uint8Array): Promise<string[] | undefined> {
  const stream = new PassThrough()
  stream.end(bytes)
  try {
    return await readPlaces(stream, AbortSignal.timeout(5_000))
  } catch (error) {
    assert.ok(error instanceof Error && error.name !== 'TimeoutError', String(error))
    return undefined
  }
}

describe('fuzz: places to be dialled at', () => {
  it('come back as they were told', async () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6())
    await fc.assert(
      fc.asyncProperty(fc.array(host, { maxLength: 6 }), fc.integer({ min: 1, max: 65_535 }), async (hosts, port) => {
        const back = await read(placesToBytes(hosts, port))
        assert.equal(back?.length, Math.min(hosts.length, MAX_PLACES))
        assert.ok(back.every((place) => parseTcpAddress(place)?.port === port))
      }),
    )
  })

  it('are IP addresses and ports, a few at most, whatever the bytes are', async () => {
    const valid = placesToBytes(['10.0.0.1', 'fd00::1', '8.8.8.8'], 4100)
    const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length)).map(([at, byte, end]) => {
      const bytes = Uint8Array.from(valid)
      bytes[at] = byte
      return bytes.slice(0, Math.max(end, 1))
    })
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
        const back = (await read(bytes)) ?? []
        assert.ok(back.length <= MAX_PLACES)
        for (const place of back) assert.ok(parseTcpAddress(place)?.family.startsWith('ip'), place)
      }),
      { numRuns: 5_000 },
    )
  }).timeout(60_000)

  it('as text by way of a relay are such, or are not, and private only when the relay is', () => {
    const part = fc.constantFrom(
      '/ip4/10.0.0.1/tcp/1',
      '/ip4/8.8.8.8/tcp/1',
      '/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA',
      '/p2p-circuit',
      '/dns4/host.lan/tcp/1',
      '/p2p/x',
      '',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.string(), (parts, tail) => {
        for (const text of [parts.join(''), parts.join('') + tail]) {
          const relayed = parseRelayedAddress(text)
          if (relayed !== undefined) assert.equal(text.split('/p2p-circuit').length, 2)
          if (isPrivateAddress(text)) assert.ok(text.startsWith('/ip4/10.0.0.1/'), text)
        }
      }),
      { numRuns: 5_000 },
    )
  })
})
