/** Places to dial, as two peers tell them to each other: how many, and each a multiaddr, its length before it. */
import { multiaddr } from '@multiformats/multiaddr'
import type { Duplex } from 'node:stream'
import { parseTcpAddress } from '../addresses.ts'
import { readExactly } from './read-exactly.ts'

/** Places told, and bytes of one: an IPv6 address and a port have 20. */
export const MAX_PLACES = 3
const MAX_PLACE_BYTES = 32

/** The first `MAX_PLACES` of some hosts, all at one port. */
export function placesToBytes(hosts: readonly string[], port: number): Uint8Array {
  const places = hosts.slice(0, MAX_PLACES).map((host) => {
    const { bytes } = multiaddr(`/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`)
    return Buffer.concat([Uint8Array.of(bytes.length), bytes])
  })
  return Buffer.concat([Uint8Array.of(places.length), ...places])
}

/**
 * Reads them; those that are no IP address with a port are left out.
 * @throws RangeError and libp2p's errors for bytes that are no such list; whatever the signal says when it fires
 */
export async function readPlaces(duplex: Duplex, signal: AbortSignal): Promise<string[]> {
  const [count = 0] = await readExactly(duplex, 1, signal)
  if (count > MAX_PLACES) throw new RangeError(`${count} places: at most ${MAX_PLACES}`)
  const places: string[] = []
  for (let n = 0; n < count; n += 1) {
    const [length = 0] = await readExactly(duplex, 1, signal)
    if (length === 0 || length > MAX_PLACE_BYTES) throw new RangeError(`a place of ${length} bytes`)
    const place = multiaddr(await readExactly(duplex, length, signal)).toString()
    const parsed = parseTcpAddress(place)
    if (parsed?.family.startsWith('ip') === true && parsed.peer === undefined && parsed.port > 0) places.push(place)
  }
  return places
}
