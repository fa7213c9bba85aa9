/** The libp2p node: transports, muxer, identify and gossip, with the defaults that hurt put right. */
import type { ConnectionGater, Ed25519PrivateKey, Libp2p, PeerDiscovery, PeerInfo, Startable } from '@libp2p/interface'
import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { createLibp2p } from 'libp2p'
import type { Libp2pOptions } from 'libp2p'
import type { Logger } from '../util/logger.ts'
import { isLoopbackAddress, isPrivateAddress } from './addresses.ts'
import { debugComponents, SILENT_COMPONENTS } from './component-logger.ts'
import type { Counters } from './counters.ts'
import { PeerError } from './errors.ts'
import {
  ADDRESS_DIAL_TIMEOUT_MS,
  INBOUND_PER_HOST_PER_S,
  INBOUND_UPGRADE_TIMEOUT_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_CONNECTIONS,
  MAX_PENDING_INBOUND,
  MAX_READ_BUFFER_BYTES,
  MAX_STREAM_WINDOW_BYTES,
  REACH_TIMEOUT_MS,
} from './limits.ts'
import { thriftyYamux } from './muxer.ts'
import { tcpTransport } from './tcp-transport.ts'
import type { TcpConnections } from './tcp-transport.ts'

type Transports = NonNullable<Libp2pOptions['transports']>
/** What libp2p's own parts share, and its `Libp2p` does not show. */
export type HostParts = Parameters<Transports[number]>[0]

export type Host = Libp2p<{ identify: Identify; pubsub: GossipSub }>

/** What the node is made from. */
export interface HostOptions {
  privateKey: Ed25519PrivateKey
  listen: readonly string[]
  announcePrivateOnly: boolean
  gater: ConnectionGater
  gossip: (components: GossipSubComponents) => GossipSub
  /** Where set, mDNS runs under this service tag and finds are handed to `onFound`. */
  mdns: { serviceTag: string; onFound(peer: string, addresses: string[]): void } | undefined
  counters: Counters
  tcpConnections: TcpConnections
  log: Logger
  /** Pass libp2p's own log lines on, at debug level. Costs 10 to 40 % of every request. */
  debug: boolean
}

/** A node, and what lies below its surface. */
export interface BuiltHost {
  readonly host: Host
  readonly inner: HostParts
  /** Looks anew on the local network, by the interfaces there are now. */
  readonly restartMdns: () => Promise<void>
}

/** Builds the node; nothing listens yet. */
export async function createHost(options: HostOptions): Promise<BuiltHost> {
  const discovery = options.mdns === undefined ? undefined : await mdnsDiscovery(options.mdns)
  let inner: HostParts | undefined
  const transport = tcpTransport(options.counters, options.tcpConnections)
  const settings: Libp2pOptions<{ identify: Identify; pubsub: GossipSub }> = {
    start: false,
    privateKey: options.privateKey,
    // Identify tells this to every stranger: neither version nor platform is their business.
    nodeInfo: { name: 'althing', version: '1', userAgent: 'althing' },
    logger: options.debug ? debugComponents(options.log) : SILENT_COMPONENTS,
    addresses: {
      listen: [...options.listen],
      announceFilter: (addresses) =>
        options.announcePrivateOnly ? addresses.filter((address) => isPrivateAddress(address.toString())) : addresses,
    },
    transports: [
      (parts: HostParts) => {
        inner = parts
        return transport(parts)
      },
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      thriftyYamux({
        streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES, maxReadBufferLength: MAX_READ_BUFFER_BYTES },
      }),
    ],
    peerDiscovery: discovery === undefined ? [] : [discovery.create],
    connectionGater: options.gater,
    connectionManager: {
      maxConnections: MAX_CONNECTIONS,
      inboundConnectionThreshold: INBOUND_PER_HOST_PER_S,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND,
      inboundUpgradeTimeout: INBOUND_UPGRADE_TIMEOUT_MS,
      addressDialTimeout: ADDRESS_DIAL_TIMEOUT_MS,
      dialTimeout: REACH_TIMEOUT_MS,
      maxPeerAddrsToDial: MAX_ADDRESSES_PER_PEER,
      // Lost peers are re-dialled by this folder's own rules.
      reconnectRetries: 0,
    },
    // Its ping opens a new stream to everyone every 10 s: 2.6 % of a core with 60 idle links, against 0.3 %.
    connectionMonitor: { enabled: false },
    services: { identify: identify(), pubsub: options.gossip },
  }
  const host = await createLibp2p(settings)
  if (inner === undefined) throw new TypeError('libp2p made no transport')
  return { host, inner, restartMdns: async () => discovery?.restart() }
}

/**
 * Starts listening.
 *
 * @throws PeerError `listen-failed`, naming the address and what is wrong with it
 */
export async function startHost(host: Host): Promise<void> {
  try {
    await host.start()
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const failure = /(\/ip[46]\S+): Error: listen (E[A-Z]+)/.exec(message)
    if (failure === null) throw cause
    const [, address, code] = failure as unknown as [string, string, string]
    const why =
      code === 'EADDRINUSE'
        ? 'the port is in use'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address'
          : code === 'EACCES'
            ? 'not permitted'
            : code
    throw new PeerError('listen-failed', `cannot listen on ${address}: ${why}`, {
      fix:
        code === 'EADDRNOTAVAIL'
          ? 'choose an address of this machine with --listen'
          : 'stop what uses the port, or choose another with --port or --listen (0: any free one)',
      meta: { address, code },
      cause,
    })
  }
}

/** Loaded only where it is used: it costs memory, and many run without. */
async function mdnsDiscovery(
  options: NonNullable<HostOptions['mdns']>,
): Promise<{ create(parts: HostParts): PeerDiscovery; restart(): Promise<void> }> {
  const { mdns } = await import('@libp2p/mdns')
  let made: (PeerDiscovery & Partial<Startable>) | undefined
  const create = (parts: HostParts): PeerDiscovery => {
    const discovery = (made = mdns({ serviceTag: options.serviceTag })(parts))
    discovery.addEventListener('peer', ({ detail }: CustomEvent<PeerInfo>) => {
      const addresses = detail.multiaddrs.map((address) => address.toString())
      // Another machine's loopback is this machine's own: kept only when there is nothing else.
      const elsewhere = addresses.filter((address) => !isLoopbackAddress(address))
      options.onFound(detail.id.toString(), elsewhere.length > 0 ? elsewhere : addresses)
    })
    return discovery
  }
  const restart = async (): Promise<void> => {
    // Its memberships belong to the interfaces there were, and an address that comes back is taken for an old one.
    await made?.stop?.()
    await made?.start?.()
  }
  return { create, restart }
}
