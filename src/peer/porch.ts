/**
 * The porch: a door beside the mesh's own, for whoever holds a ticket and is no member yet. It is a libp2p node of
 * its own, with the same key and on another port, that speaks the join protocol and nothing else: a stranger meets no
 * gossip, no identify, no relay there, and nothing of the mesh's at all.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Duplex } from 'node:stream'
import type { Logger } from '../util/logger.ts'
import { messageOf } from '../util/errors.ts'
import { JOIN_PROTOCOL } from '../wire/protocols.ts'
import { isPrivateAddress } from './addresses.ts'
import { SILENT_COMPONENTS } from './component-logger.ts'
import { Counters } from './counters.ts'
import { streamDuplex } from './duplex.ts'
import { brokenStep, PeerError } from './errors.ts'
import { startHost, type Host } from './host.ts'
import { privateKeyFromSeed } from './identity.ts'
import {
  ADDRESS_DIAL_TIMEOUT_MS,
  INBOUND_UPGRADE_TIMEOUT_MS,
  MAX_PENDING_INBOUND,
  MAX_PORCH_CONNECTIONS,
  PORCH_PER_HOST_PER_S,
  PORCH_VISIT_MS,
} from './limits.ts'
import { thriftyYamux } from './muxer.ts'
import type { PeerIdText } from './peer.ts'
import { TcpConnections, tcpTransport } from './tcp-transport.ts'

/** What a porch, or a visit to one, is made from. */
export interface PorchOptions {
  /** The node's own: whoever comes recognises by it the member that the ticket names. */
  readonly seed: Uint8Array
  /** Deal with public addresses too. */
  readonly allowPublic: boolean
  readonly log: Logger
  /** Ends a visit before its time. */
  readonly signal?: AbortSignal | undefined
}

/** An open porch. */
export interface Porch {
  /** Where it listens, without `/p2p/`. */
  addresses(): string[]
  close(): Promise<void>
}

function build(options: PorchOptions, listen: readonly string[]): Promise<Libp2p> {
  const denied = (address: { toString(): string }) => !options.allowPublic && !isPrivateAddress(address.toString())
  return createLibp2p({
    start: false,
    privateKey: privateKeyFromSeed(options.seed),
    nodeInfo: { name: 'althing', version: '1', userAgent: 'althing' },
    logger: SILENT_COMPONENTS,
    addresses: { listen: [...listen] },
    transports: [tcpTransport(new Counters(), new TcpConnections())],
    connectionEncrypters: [noise()],
    streamMuxers: [thriftyYamux({})],
    connectionGater: {
      denyInboundConnection: ({ remoteAddr }) => denied(remoteAddr),
      denyDialMultiaddr: (address) => denied(address),
    },
    connectionManager: {
      maxConnections: MAX_PORCH_CONNECTIONS,
      inboundConnectionThreshold: PORCH_PER_HOST_PER_S,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND,
      inboundUpgradeTimeout: INBOUND_UPGRADE_TIMEOUT_MS,
      addressDialTimeout: ADDRESS_DIAL_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
  })
}

/**
 * Opens a porch.
 * @param onVisit gets each visitor's one stream, which is destroyed when it lasts too long; the key was proven
 * @throws PeerError `listen-failed`
 */
export async function openPorch(
  options: PorchOptions,
  listen: readonly string[],
  onVisit: (visitor: PeerIdText, stream: Duplex) => void,
): Promise<Porch> {
  const host = await build(options, listen)
  const receive = (stream: Parameters<typeof streamDuplex>[0], connection: Connection): void => {
    const visitor = connection.remotePeer.toString()
    const duplex = streamDuplex(stream)
    const patience = setTimeout(() => duplex.destroy(new Error('the visit lasted too long')), PORCH_VISIT_MS)
    patience.unref()
    duplex.once('close', () => {
      clearTimeout(patience)
      void connection.close().catch(() => connection.abort(new Error('the visit is over')))
    })
    duplex.on('error', (error) => options.log.debug({ visitor, error: messageOf(error) }, 'a visit to the porch broke'))
    onVisit(visitor, duplex)
  }
  await host.handle(JOIN_PROTOCOL, receive, { maxInboundStreams: 1, maxOutboundStreams: 1 })
  try {
    await startHost(host as unknown as Host)
  } catch (error) {
    await host.stop()
    throw error
  }
  return {
    addresses: () => host.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/[^/]+$/, '')),
    close: async () => host.stop(),
  }
}

/**
 * Goes to a porch: by the first address that answers, and only if the key that answers there is the one expected.
 * @returns what `talk` makes of the stream, which ends with it, and with the time that a visit has
 * @throws PeerError with the step that broke, `timeout` or `aborted` for one that was ended; whatever `talk` throws
 */
export async function visitPorch<T>(
  options: PorchOptions,
  peer: PeerIdText,
  addresses: readonly string[],
  talk: (stream: Duplex) => Promise<T>,
): Promise<T> {
  const host = await build(options, [])
  await host.start()
  const late = AbortSignal.timeout(PORCH_VISIT_MS)
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal])
  try {
    const duplex = await dial(host, peer, addresses, signal)
    duplex.on('error', () => {})
    const end = () => duplex.destroy(new Error('the visit was ended'))
    signal.addEventListener('abort', end, { once: true })
    try {
      return await talk(duplex)
    } catch (error) {
      if (!signal.aborted) throw error
      throw new PeerError(late.aborted ? 'timeout' : 'aborted', 'the member did not answer to the end', {
        cause: error,
        fix: 'see that its daemon is well, and try again: the same ticket is good for the same node',
      })
    } finally {
      signal.removeEventListener('abort', end)
      duplex.destroy()
    }
  } finally {
    await host.stop()
  }
}

async function dial(
  host: Libp2p,
  peer: PeerIdText,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    // Which of them is reached, and by what relay of addresses, is no matter: the key at the other end is.
    const targets = addresses.map((address) => multiaddr(`${address}/p2p/${peerIdFromString(peer).toString()}`))
    const connection = await host.dial(targets, { signal })
    return streamDuplex(await connection.newStream([JOIN_PROTOCOL], { signal }))
  } catch (cause) {
    const step = brokenStep(cause)
    throw new PeerError(step.code, `the member at ${addresses.join(', ')} cannot be joined by: ${step.text}`, {
      cause,
      fix: 'see that its daemon runs and its ticket has not expired, and that a firewall lets its address through',
    })
  }
}
