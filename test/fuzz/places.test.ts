/** What a peer says of where it can be dialled: read without harm, whatever it is, and no more than a few. */
import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { isPrivateAddress, parseRelayedAddress, parseTcpAddress } from '../../src/peer/addresses.ts'
import { MAX_PLACES, placesToBytes, readPlaces } from '../../src/peer/reach/places.ts'
import { fuzz, SEED } from './fuzz.ts'
import { mutate } from './mutate.ts'

const NEVER = new AbortController().signal

/** Reads what is there already, and then the end. */
function read(bytes: Uint8Array): Promise<string[]> {
  const stream = new Duplex({ read() {} })
  stream.push(bytes)
  stream.push(null)
  return readPlaces(stream, NEVER)
}

/** Whatever it throws is a refusal, but a bug of ours. */
const nameOf = (error: unknown) =>
  error instanceof Error && !(error instanceof TypeError || error instanceof ReferenceError) ? error.name : undefined

describe('fuzz: places to be dialled at', function () {
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('come back as they were told', async () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6())
    await fc.assert(
      fc.asyncProperty(fc.array(host, { maxLength: 6 }), fc.integer({ min: 1, max: 65_535 }), async (hosts, port) => {
        const back = await read(placesToBytes(hosts, port))
        assert.equal(back.length, Math.min(hosts.length, MAX_PLACES))
        assert.ok(back.every((place) => parseTcpAddress(place)?.port === port))
      }),
    )
  })

  it('are IP addresses and ports, a few at most, whatever the bytes are', async () => {
    const valid = [['10.0.0.1', 'fd00::1', '8.8.8.8'], ['192.168.1.7'], []].map((hosts) => placesToBytes(hosts, 4100))
    const one = valid[1]!.slice(1)
    const tooMany = Uint8Array.of(5, ...Array.from({ length: 5 }, () => [...one]).flat())
    const { bytes: named } = multiaddr('/dns4/host.lan/tcp/4100')
    const { accepted, refused } = await fuzz({
      name: 'places',
      next: (rng) => mutate([...valid, tooMany, Uint8Array.of(1, named.length, ...named)], rng),
      decode: read,
      accepted: (back) => {
        assert.ok(back.length <= MAX_PLACES)
        for (const place of back) assert.ok(parseTcpAddress(place)?.family.startsWith('ip'), place)
      },
      codeOf: nameOf,
    })
    assert.ok(accepted > 1000 && refused['RangeError']! > 1000, JSON.stringify({ accepted, refused }))
  })

  it('as text by way of a relay are such, or are not, and private only when the relay is', async () => {
    const relay = '/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit'
    const parts = ['/ip4/10.0.0.1/tcp/1', '/ip4/8.8.8.8/tcp/1', '/dns4/host.lan/tcp/1', relay, '/p2p/x', '']
    const texts = parts.flatMap((one) => parts.map((other) => new TextEncoder().encode(one + other)))
    let relayed = 0
    const { accepted } = await fuzz({
      name: 'relayed places',
      next: (rng) => new TextDecoder().decode(rng.int(4) === 0 ? rng.pick(texts) : mutate(texts, rng)),
      decode: (text) => ({ relayed: parseRelayedAddress(text), isPrivate: isPrivateAddress(text) }),
      accepted: (seen, text) => {
        if (seen.relayed !== undefined) {
          relayed++
          assert.equal(text.split('/p2p-circuit').length, 2)
        }
        if (seen.isPrivate) assert.match(text.split('/p2p-circuit')[0]!, /\/ip4\/+(10|127|169\.254|192\.168|172)\./)
      },
    })
    assert.ok(accepted === 100_000 && relayed > 1000, `${relayed} of ${accepted}`)
  })
})
