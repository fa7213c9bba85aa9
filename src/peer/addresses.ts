/** Which addresses are this machine's, which are private, and how host names become addresses. */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net'
import { networkInterfaces } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { PeerError } from './errors.ts'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** RFC 1918, RFC 6598 (CGNAT, what overlay networks use), RFC 3927 and RFC 4291 link-local, RFC 4193. */
const PRIVATE = new BlockList()
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4')
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4')
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4')
PRIVATE.addSubnet('100.64.0.0', 10, 'ipv4')
PRIVATE.addSubnet('169.254.0.0', 16, 'ipv4')
PRIVATE.addSubnet('fe80::', 10, 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')

/** The parts of a TCP multiaddr this folder works with. `host` may be a DNS name. */
export interface TcpAddress {
  family: 'ip4' | 'ip6' | 'dns' | 'dns4' | 'dns6'
  host: string
  port: number
  peer: string | undefined
}

/** Reads a multiaddr; `undefined` when it is not plain TCP with an optional `/p2p` at the end. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  try {
    const [host, tcp, p2p, ...more] = multiaddr(text)
      .getComponents()
      .filter((part) => part.name !== 'ip6zone')
    if (host?.value === undefined || tcp?.name !== 'tcp' || more.length > 0) return undefined
    if (p2p !== undefined && p2p.name !== 'p2p') return undefined
    if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host.name)) return undefined
    return {
      family: host.name as TcpAddress['family'],
      host: host.value,
      port: Number(tcp.value),
      peer: p2p?.value,
    }
  } catch {
    return undefined
  }
}

/**
 * Splits a relayed address, `<address of the relay>/p2p/<relay>/p2p-circuit[/p2p/<peer>]`, at the relay.
 * @returns undefined when the text is no such address; two relays in a row are not
 */
export function parseRelayedAddress(text: string): { relay: TcpAddress; peer: string | undefined } | undefined {
  const [way = '', target, ...more] = text.split('/p2p-circuit')
  if (target === undefined || more.length > 0) return undefined
  const relay = parseTcpAddress(way)
  const peer = /^\/p2p\/([^/]+)$/.exec(target)?.[1]
  if (relay?.peer === undefined || (target !== '' && peer === undefined)) return undefined
  return { relay, peer }
}

function inList(list: BlockList, host: string): boolean {
  return list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6')
}

/** Whether an address is loopback. */
export function isLoopbackAddress(text: string): boolean {
  const parsed = parseTcpAddress(text)
  return parsed !== undefined && parsed.family.startsWith('ip') && inList(LOOPBACK, parsed.host)
}

/**
 * Whether an address is loopback, private (RFC 1918, RFC 4193, CGNAT) or link-local, and so not reachable from
 * the open internet. Host names and anything but TCP are not: what they lead to is not known here. Of a relayed
 * address it is the relay's that counts: it is what is dialled.
 */
export function isPrivateAddress(text: string): boolean {
  const parsed = parseTcpAddress(text) ?? parseRelayedAddress(text)?.relay
  if (parsed === undefined || !parsed.family.startsWith('ip')) return false
  return isPrivateHost(parsed.host)
}

/** The same of an IP address alone, as a socket tells it: with a zone, or IPv4 inside IPv6. */
export function isPrivateHost(host: string): boolean {
  const plain = plainHost(host)
  return plain !== undefined && (inList(LOOPBACK, plain) || inList(PRIVATE, plain))
}

/** An IP address in its one form, without zone, so that two can be compared. Undefined for what is none. */
export function plainHost(host: string): string | undefined {
  const address = host.split('%', 1)[0] as string
  const family = isIP(address)
  if (family === 0) return undefined
  if (family === 4) return address
  return unmapped(new SocketAddress({ address, family: 'ipv6' }).address)
}

/** `::ffff:10.0.0.1` is 10.0.0.1 (RFC 4291, section 2.5.5.2); other text is given back. */
export function unmapped(host: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
}

/**
 * Listen addresses for the default policy: this machine's loopback and private interface addresses.
 * IPv6 link-local is left out, since its zone means nothing to another machine.
 *
 * @param port 0 takes a free port, a different one for each address
 */
export function privateListenAddresses(port: number): string[] {
  const found = new Set<string>()
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, scopeid } of addresses ?? []) {
      if (family === 'IPv6' && scopeid !== 0) continue
      const text = `/${family === 'IPv4' ? 'ip4' : 'ip6'}/${address}/tcp/${port}`
      if (isPrivateAddress(text)) found.add(text)
    }
  }
  return [...found].toSorted((a, b) => Number(isLoopbackAddress(b)) - Number(isLoopbackAddress(a)))
}

/**
 * Turns a host name into the addresses behind it, so that the rule on public addresses is applied to where a
 * dial really goes. Addresses pass unchanged; of one by way of a relay it is the relay's name that counts.
 *
 * @throws PeerError `bad-address`, `name-not-found`
 */
export async function resolveAddress(text: string): Promise<string[]> {
  const [way = '', target] = text.split('/p2p-circuit')
  if (target !== undefined && parseRelayedAddress(text)?.peer !== undefined) {
    return (await resolveAddress(way)).map((place) => `${place}/p2p-circuit${target}`)
  }
  const parsed = parseTcpAddress(text)
  if (parsed === undefined) {
    throw new PeerError('bad-address', `${text}: not a TCP multiaddr`, {
      fix: 'write it as /ip4/10.0.0.5/tcp/4100 or /dns4/host.lan/tcp/4100, with /p2p/<peer id> at the end if known',
    })
  }
  if (parsed.family.startsWith('ip')) return [text]
  const family = parsed.family === 'dns4' ? 4 : parsed.family === 'dns6' ? 6 : 0
  try {
    const found = await lookup(parsed.host, { all: true, family })
    const tail = `/tcp/${parsed.port}${parsed.peer === undefined ? '' : `/p2p/${parsed.peer}`}`
    return found.map((entry) => `/${entry.family === 6 ? 'ip6' : 'ip4'}/${entry.address}${tail}`)
  } catch (cause) {
    throw new PeerError('name-not-found', `${text}: the host name ${parsed.host} does not resolve`, {
      fix: 'check the name, or give the address itself',
      cause,
    })
  }
}
