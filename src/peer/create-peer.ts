/** Puts the parts together: the one way to make a `Peer`. */
import type { Connection } from '@libp2p/interface'
import type { Duplex } from 'node:stream'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { CONTROL_PROTOCOL } from '../wire/protocols.ts'
import { AddressBook } from './address-book.ts'
import { isLoopbackAddress, isPrivateAddress, parseRelayedAddress, parseTcpAddress } from './addresses.ts'
import type { ControlHooks } from './control.ts'
import { Counters } from './counters.ts'
import { brokenStep, PeerError } from './errors.ts'
import { startHost } from './host.ts'
import { peerIdFromSeed } from './identity.ts'
import type { PeerOptions } from './options.ts'
import { buildParts } from './parts.ts'
import type { Parts } from './parts.ts'
import type { LinkInfo, NetworkInfo, Peer, PeerHandlers, PeerIdText, StreamKind, Topic } from './peer.ts'
import { topicName } from './protocols.ts'
import { redial } from './redial.ts'
import { Reputation } from './reputation.ts'

/**
 * Makes a peer. Nothing runs before `start`.
 *
 * @throws RangeError for a seed that has not 32 bytes, or a cluster name that cannot be in a topic
 */
export function createPeer(options: PeerOptions, handlers: PeerHandlers): Peer {
  return new MeshPeer(options, handlers)
}

class MeshPeer implements Peer {
  readonly id: PeerIdText
  readonly #options: PeerOptions
  readonly #handlers: PeerHandlers
  readonly #log: Logger
  readonly #counters = new Counters()
  readonly #reputation = new Reputation()
  readonly #book: AddressBook
  #running: Parts | undefined

  constructor(options: PeerOptions, handlers: PeerHandlers) {
    this.id = peerIdFromSeed(options.seed)
    // Refuses a cluster name that cannot be in a topic.
    topicName(options.cluster, 'records')
    this.#options = options
    this.#handlers = handlers
    this.#log = options.log.child({ component: 'peer' })
    this.#book = new AddressBook(this.id, (address) => options.allowPublic === true || isPrivateAddress(address))
  }

  addresses(): string[] {
    const direct = (this.#running?.host.getMultiaddrs() ?? []).map((address) => address.toString())
    return [...direct, ...(this.#running?.reach.relayClient.addresses() ?? [])]
  }

  peers(): PeerIdText[] {
    return this.#running?.links.peers() ?? []
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return
    const running = await buildParts(this.#options, {
      handlers: this.#handlers,
      book: this.#book,
      reputation: this.#reputation,
      counters: this.#counters,
      log: this.#log,
      controlHooks: this.#controlHooks(),
      allowed: (peer) => this.#allowed(peer),
      connect: (address) => this.connect(address),
      learnAddresses: (peer, addresses) => this.learnAddresses(peer, addresses),
    })
    this.#running = running
    try {
      // Handlers first: a peer that dials the moment the port opens must find everything in place.
      running.host.addEventListener('peer:identify', this.#onIdentify)
      await running.links.start()
      await running.streams.start()
      await running.reach.start()
      await startHost(running.host)
      running.gossip.start()
      await running.dht?.start()
      running.bootstrap.start()
      running.degree.start()
      running.localAddresses.start()
      void running.bootstrap.firstRound.then(() => this.#recall())
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    await running.localAddresses.stop()
    running.bootstrap.stop()
    running.degree.stop()
    running.gossip.stop()
    running.outbox.stop()
    running.host.removeEventListener('peer:identify', this.#onIdentify)
    await running.dht?.stop()
    await running.reach.stop()
    await running.streams.stop()
    await running.links.stop()
    await running.host.stop()
  }

  async send(peer: PeerIdText, frame: Uint8Array, when?: 'now' | 'soon'): Promise<void> {
    await this.#started().outbox.send(peer, frame, when)
  }

  publish(topic: Topic, data: Uint8Array, ward?: string): void {
    this.#started().gossip.publish(topic, data, ward)
  }

  listen(wards: readonly string[], digests: boolean): void {
    this.#started().gossip.listen(wards, digests)
  }

  async openStream(kind: StreamKind, peer: PeerIdText, signal: AbortSignal): Promise<Duplex> {
    return this.#started().streams.open(kind, peer, signal)
  }

  async connect(address: string): Promise<PeerIdText> {
    const { dialer, links } = this.#started()
    const connection = await dialer.toAddress(address)
    const peer = connection.remotePeer.toString()
    try {
      await links.linked(peer)
    } catch (cause) {
      const step = brokenStep(cause)
      throw new PeerError(step.code, `${address}: ${step.text}`, { cause, meta: { address, peer } })
    }
    this.#book.learn(peer, [connection.remoteAddr.toString()])
    return peer
  }

  async redial(peer: PeerIdText): Promise<'linked' | 'refused' | 'unreachable'> {
    return this.#running === undefined ? 'unreachable' : redial(peer, this.#running)
  }

  keepLinks(peers: readonly PeerIdText[]): void {
    this.#running?.degree.keep(peers)
  }

  link(peer: PeerIdText): LinkInfo | undefined {
    const connection = this.#running?.links.get(peer)?.connection
    if (connection === undefined) return undefined
    const address = connection.remoteAddr.toString()
    const direction = this.#running?.reach.isPunched(connection) === true ? 'both' : connection.direction
    return { address, direction, relay: parseRelayedAddress(address)?.relay.peer }
  }

  network(): NetworkInfo {
    const running = this.#running
    if (running === undefined) return { dialable: 'unknown', seenAs: [], relays: [], relaysFor: 0, missing: [] }
    return { ...running.reach.network(), missing: running.bootstrap.missing }
  }

  remoteHost(peer: PeerIdText): string | undefined {
    const address = this.link(peer)?.address
    return address === undefined ? undefined : parseTcpAddress(address)?.host
  }

  learnAddresses(peer: PeerIdText, addresses: readonly string[]): void {
    this.#book.learn(peer, addresses)
    this.#running?.degree.poke()
  }

  addressesOf(peer: PeerIdText): readonly string[] {
    return this.#book.of(peer)
  }

  async answersAt(address: string, peer: PeerIdText, signal: AbortSignal): Promise<boolean> {
    return this.#running?.reach.answersAt(address, peer, signal) ?? false
  }

  hangUp(peer: PeerIdText): void {
    for (const connection of this.#connectionsTo(peer)) connection.abort(new Error('no longer needed'))
  }

  letGo(peer: PeerIdText): void {
    this.#running?.bootstrap.letGo(peer)
    this.hangUp(peer)
  }

  expel(peer: PeerIdText): void {
    this.#book.forget(peer)
    for (const connection of this.#connectionsTo(peer)) connection.abort(new Error('no member any more'))
  }

  penalise(peer: PeerIdText): void {
    if (!this.#reputation.penalise(peer)) return
    this.#log.warn({ peer }, 'peer turned away for a minute')
    this.#counters.add('turned_away_total')
    for (const connection of this.#connectionsTo(peer)) connection.abort(new Error('turned away'))
  }

  stats(): Record<string, number> {
    const running = this.#running
    const connections = running?.host.getConnections() ?? []
    return {
      ...this.#counters.snapshot(),
      ...running?.gossip.gauges(),
      connections_in: connections.filter(({ direction }) => direction === 'inbound').length,
      connections_out: connections.filter(({ direction }) => direction === 'outbound').length,
      control_links: running?.links.peers().length ?? 0,
      streams_open: running?.streams.openCount ?? 0,
      known_peers: this.#book.size,
    }
  }

  /** What an earlier life knew, after what the user said. */
  #recall(): void {
    for (const { peer, addresses } of this.#options.remembered ?? []) this.learnAddresses(peer, addresses)
  }

  #started(): Parts {
    if (this.#running === undefined) throw new PeerError('stopped', 'the peer is not running')
    return this.#running
  }

  #allowed(peer: string): boolean {
    return !this.#reputation.isBanned(peer) && (this.#options.allowPeer?.(peer) ?? true)
  }

  #controlHooks(): ControlHooks {
    return {
      onUp: (peer, link) => {
        this.#log.info({ peer }, 'peer up')
        this.#running?.reach.onUp(peer, link.connection)
        this.#running?.dht?.onUp()
        this.#guarded('onPeerUp', () => this.#handlers.onPeerUp(peer))
        this.#running?.outbox.flush(peer, link)
      },
      onDown: (peer, why) => {
        this.#log.info({ peer, why }, 'peer down')
        this.#running?.reach.onDown(peer)
        this.#guarded('onPeerDown', () => this.#handlers.onPeerDown(peer))
        this.#running?.bootstrap.onPeerDown(peer)
        this.#running?.degree.poke()
      },
      onFrame: (peer, frame) => this.#guarded('onFrame', () => this.#handlers.onFrame(peer, frame)),
      // Worth no dial of its own; a bootstrap address that leads here keeps being tried.
      onForeign: (peer) => this.#book.forget(peer),
      onViolation: (peer) => this.penalise(peer),
    }
  }

  #connectionsTo(peer: string): Connection[] {
    return (this.#running?.host.getConnections() ?? []).filter(({ remotePeer }) => remotePeer.toString() === peer)
  }

  /** A handler that throws must take neither the link nor the process with it. */
  #guarded(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#counters.add('handler_errors_total')
      this.#log.error({ handler: what, error: messageOf(error) }, 'a peer handler threw')
    }
  }

  /** A peer tells its listen addresses once it is connected. */
  readonly #onIdentify = ({ detail }: CustomEvent<Identified>): void => {
    if (!detail.protocols.includes(CONTROL_PROTOCOL)) return
    if (detail.observedAddr !== undefined) {
      this.#running?.reach.onSeenAs(detail.connection, detail.observedAddr.toString())
    }
    const addresses = detail.listenAddrs.map((address) => address.toString())
    const remote = parseTcpAddress(detail.connection.remoteAddr.toString())
    // Loopback addresses mean this machine only when the peer is on it.
    const local = remote !== undefined && this.#isLocal(remote.host)
    this.#book.learn(detail.peerId.toString(), local ? addresses : addresses.filter((text) => !isLoopbackAddress(text)))
  }

  #isLocal(host: string): boolean {
    return this.addresses().some((address) => parseTcpAddress(address)?.host === host)
  }
}

interface Identified {
  peerId: { toString(): string }
  protocols: string[]
  listenAddrs: { toString(): string }[]
  observedAddr?: { toString(): string } | undefined
  connection: Connection
}
