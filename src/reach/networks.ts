/** Which addresses are this machine's, which are on its networks, and what names lead to. */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { messageOf } from '../util/errors.ts'

/** As they are at this moment. */
export interface OwnNetworks {
  /** An address of this machine, loopback included. */
  isOwn(host: string): boolean
  /** On a network that this machine is on, and so reached by its multicast. */
  isOnLink(host: string): boolean
}

/** Looks at the interfaces. */
export function ownNetworks(): OwnNetworks {
  const own = new Set<string>()
  const links = new BlockList()
  for (const { address, cidr, internal, family } of Object.values(networkInterfaces()).flatMap((list) => list ?? [])) {
    own.add(address)
    if (!internal && cidr !== null)
      links.addSubnet(address, Number(cidr.split('/')[1]), family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  return {
    isOwn: (host) => own.has(host) || isLoopbackHost(host),
    isOnLink: (host) => isIP(host) !== 0 && links.check(host, isIPv4(host) ? 'ipv4' : 'ipv6'),
  }
}

/** 127.0.0.0/8 and ::1. */
export function isLoopbackHost(host: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(host) || host === '::1'
}

/** Names are asked for this long: a resolver that does not answer is retried by the system for much longer. */
const LOOKUP_MS = 3_000

/** The addresses behind a host name, or why there are none. An IP address is itself. Never rejects. */
export async function resolveHost(host: string): Promise<readonly string[] | { readonly fault: string }> {
  if (isIP(host) !== 0) return [host]
  const patience = Promise.withResolvers<{ readonly fault: string }>()
  const timer = setTimeout(() => patience.resolve({ fault: 'no name server answers in time' }), LOOKUP_MS)
  const found = lookup(host, { all: true }).then(
    (list) => list.map(({ address }) => address),
    (error: unknown) => ({ fault: messageOf(error) }),
  )
  try {
    return await Promise.race([found, patience.promise])
  } finally {
    clearTimeout(timer)
  }
}
