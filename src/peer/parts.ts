/** Makes what a running peer is made of, and joins the parts to each other. Nothing is started here. */
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { AddressBook } from './address-book.ts'
import { Bootstrap } from './bootstrap.ts'
import { ControlLinks } from './control.ts'
import type { ControlHooks } from './control.ts'
import type { Counters } from './counters.ts'
import { DegreeKeeper } from './degree.ts'
import { Dht } from './dht/dht.ts'
import { Dialer } from './dialer.ts'
import { createGater } from './gater.ts'
import { Gossip } from './gossip.ts'
import { createHost } from './host.ts'
import type { Host } from './host.ts'
import { privateKeyFromSeed } from './identity.ts'
import { DEGREE_TARGET, MAX_OUTBOUND } from './limits.ts'
import type { PeerOptions } from './options.ts'
import { LocalAddresses } from './local-addresses.ts'
import { Outbox } from './outbox.ts'
import type { PeerHandlers } from './peer.ts'
import { mdnsServiceTag } from './protocols.ts'
import { Reach } from './reach/reach.ts'
import type { Reputation } from './reputation.ts'
import { BulkStreams } from './streams.ts'
import { TcpConnections } from './tcp-transport.ts'

/** What exists only between start and stop. */
export interface Parts {
  readonly host: Host
  readonly links: ControlLinks
  readonly outbox: Outbox
  readonly dialer: Dialer
  readonly streams: BulkStreams
  readonly gossip: Gossip
  readonly bootstrap: Bootstrap
  readonly degree: DegreeKeeper
  readonly localAddresses: LocalAddresses
  readonly reach: Reach
  readonly dht: Dht | undefined
}

/** What the parts need of the peer they belong to. */
export interface Whole {
  readonly handlers: PeerHandlers
  readonly book: AddressBook
  readonly reputation: Reputation
  readonly counters: Counters
  readonly log: Logger
  readonly controlHooks: ControlHooks
  allowed(peer: string): boolean
  connect(address: string): Promise<string>
  learnAddresses(peer: string, addresses: readonly string[]): void
}

/** Builds the parts of a peer. */
export async function buildParts(options: PeerOptions, whole: Whole): Promise<Parts> {
  const { cluster, mdns, listen, allowPublic = false, debug = false } = options
  const { handlers, book, reputation, counters, log } = whole
  const gossip = new Gossip({
    cluster,
    onGossip: (topic, data, from, ward) => handlers.onGossip(topic, data, from, ward),
    reputation,
    counters,
    log,
  })
  const tcpConnections = new TcpConnections()
  const wanted = typeof listen === 'function' ? listen : undefined
  const { host, inner, restartMdns } = await createHost({
    privateKey: privateKeyFromSeed(options.seed),
    listen: typeof listen === 'function' ? listen() : listen,
    announcePrivateOnly: options.announcePrivateOnly ?? !allowPublic,
    gater: createGater(
      {
        allowPublic,
        allowPeer: (peer) => whole.allowed(peer),
        mayReserve: () => reach.relayServer.mayReserve(),
        mayConnect: (from, to) => reach.relayServer.mayConnect(from, to),
      },
      counters,
    ),
    gossip: gossip.service,
    mdns: mdns
      ? { serviceTag: mdnsServiceTag(cluster), onFound: (...found) => whole.learnAddresses(...found) }
      : undefined,
    counters,
    tcpConnections,
    log,
    debug,
  })
  const links = new ControlLinks(host, whole.controlHooks, counters, log)
  const reach: Reach = new Reach({
    inner,
    tcpConnections,
    book,
    links: () => links,
    dialer: () => dialer,
    allowPublic,
    relay: options.relay ?? !allowPublic,
    onAddresses: () => handlers.onAddresses?.(),
    counters,
    log,
  })
  const dialer = new Dialer(host, book, allowPublic, counters, () => reach.relayClient.load())
  const localAddresses = new LocalAddresses({
    inner,
    wanted,
    abortFrom: (isGone) => tcpConnections.abortFrom(isGone),
    onChanged: () => {
      handlers.onAddresses?.()
      // What could not be reached from there may be reached from here.
      bootstrap.retry()
      degree.retry()
      reach.retry()
      restartMdns().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'mDNS could not be started again'))
    },
    log,
  })
  const isLinked = (peer: string): boolean => links.get(peer) !== undefined
  const bootstrap = new Bootstrap(options.bootstrap, { connect: (address) => whole.connect(address), isLinked }, log)
  const degree = new DegreeKeeper(options.degreeTarget ?? DEGREE_TARGET, MAX_OUTBOUND, {
    known: () => book.peers().filter((peer) => whole.allowed(peer)),
    isLinked,
    linkCount: () => links.peers().length,
    outboundCount: () => host.getConnections().filter(({ direction }) => direction === 'outbound').length,
    dial: async (peer) => {
      await dialer.toPeer(peer)
      await links.linked(peer)
    },
  })
  return {
    host,
    links,
    dialer,
    gossip,
    outbox: new Outbox(links, dialer, counters),
    streams: new BulkStreams(
      host,
      {
        onStream: (kind, peer, stream) => handlers.onStream(kind, peer, stream),
        // Beside the control stream where there is one, so that both fall together.
        connectionTo: async (peer) => links.get(peer)?.connection ?? (await dialer.toPeer(peer)),
      },
      counters,
      log,
    ),
    localAddresses,
    reach,
    dht:
      options.dht === true
        ? new Dht({
            inner,
            cluster,
            onFound: (...found) => whole.learnAddresses(...found),
            onForgotten: (peer) => {
              if (!isLinked(peer)) book.forget(peer)
            },
            log,
          })
        : undefined,
    bootstrap,
    degree,
  }
}
