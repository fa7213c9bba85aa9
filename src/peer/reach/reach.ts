/**
 * How this peer is reached, and how it reaches those that cannot be dialled: joins finding out, being relayed, relaying
 * for others, and getting rid of relays where there is a direct way.
 */
import type { Connection } from '@libp2p/interface'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import type { AddressBook } from '../address-book.ts'
import { isRelayed } from '../address-book.ts'
import { isLoopbackAddress, isPrivateAddress, parseTcpAddress } from '../addresses.ts'
import type { ControlLinks } from '../control.ts'
import type { Counters } from '../counters.ts'
import type { Dialer } from '../dialer.ts'
import type { HostParts } from '../host.ts'
import { ADDRESS_DIAL_TIMEOUT_MS, RELAYS_WANTED } from '../limits.ts'
import { localHosts } from '../local-addresses.ts'
import type { Dialable, NetworkInfo } from '../peer.ts'
import { RelayClient } from '../relay/client.ts'
import { RelayServer } from '../relay/server.ts'
import type { TcpConnections } from '../tcp-transport.ts'
import { DialBack } from './dial-back.ts'
import { Punch } from './punch.ts'
import { Reachability } from './reachability.ts'
import { Straighten } from './straighten.ts'

/** What it needs of the rest. */
export interface ReachOptions {
  readonly inner: HostParts
  readonly tcpConnections: TcpConnections
  readonly book: AddressBook
  readonly links: () => ControlLinks
  readonly dialer: () => Dialer
  readonly allowPublic: boolean
  /** Relay for others, unless this peer cannot be dialled itself. */
  readonly relay: boolean
  /** The addresses by way of relays are others now. */
  readonly onAddresses: () => void
  readonly counters: Counters
  readonly log: Logger
}

/** Everything about being reached. */
export class Reach {
  readonly relayServer: RelayServer
  readonly relayClient: RelayClient
  readonly #options: ReachOptions
  readonly #dialBack: DialBack
  readonly #reachability: Reachability
  readonly #punch: Punch
  readonly #straighten: Straighten

  constructor(options: ReachOptions) {
    this.#options = options
    const { inner, counters, log, allowPublic, book } = options
    this.relayServer = new RelayServer(inner, counters, log)
    this.relayClient = new RelayClient({
      inner,
      neighbours: () =>
        options
          .links()
          .peers()
          .filter((peer) => this.#isDialledDirectly(peer)),
      allowed: (address) => allowPublic || isPrivateAddress(address),
      onChanged: () => options.onAddresses(),
      log,
    })
    this.#dialBack = new DialBack(inner, counters, log)
    this.#reachability = new Reachability({
      ask: (connection) => this.#ask(connection),
      isLocal: ({ remoteAddr }) => localHosts().includes(parseTcpAddress(remoteAddr.toString())?.host ?? ''),
      onChanged: (dialable) => this.#onDialable(dialable),
    })
    const allowed = (address: string): boolean => allowPublic || isPrivateAddress(address)
    this.#punch = new Punch({
      inner,
      seenAs: () => this.#reachability.seenAs,
      expect: (peer, coming) => options.dialer().expect(peer, coming),
      allowed,
      counters,
      log,
    })
    this.#straighten = new Straighten({
      places: (peer) => book.of(peer).filter((place) => !isRelayed(place) && !isLoopbackAddress(place)),
      reaches: (place, peer, signal) => this.#dialBack.reaches(place, peer, signal),
      punch: (relayed) => this.#punch.begin(relayed),
      dialAnew: (peer, relayed) => {
        log.info({ peer }, 'this peer can be dialled: no relay is needed any more')
        relayed.abort(new Error('there is a direct way'))
        options
          .dialer()
          .toPeer(peer)
          .catch((error: unknown) => log.warn({ peer, error: messageOf(error) }, 'not dialled'))
      },
    })
  }

  async start(): Promise<void> {
    this.#reachability.start()
    await this.#dialBack.start()
    await this.#punch.start()
    await this.relayServer.setWilling(this.#options.relay)
  }

  async stop(): Promise<void> {
    this.#reachability.stop()
    this.#straighten.stop()
    await this.relayClient.stop()
    await this.relayServer.stop()
    await this.#dialBack.stop()
    await this.#punch.stop()
  }

  /** A link stands. */
  onUp(peer: string, connection: Connection): void {
    if (isRelayed(connection.remoteAddr.toString())) this.#straighten.onUp(peer, connection)
    else {
      // That a door lets in what was dialled from behind it shows nothing of others.
      if (!this.isPunched(connection)) this.#reachability.onUp(peer, connection)
      this.relayClient.look()
    }
  }

  /** See `Peer.answersAt`. */
  async answersAt(address: string, peer: string, signal: AbortSignal): Promise<boolean> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(ADDRESS_DIAL_TIMEOUT_MS)])
    return this.#dialBack.reaches(address, peer, inTime)
  }

  /** Whether a connection came about by both sides dialling at one time. */
  isPunched(connection: Connection): boolean {
    return this.#punch.made.has(connection)
  }

  onDown(peer: string): void {
    this.#reachability.onDown(peer)
    this.#straighten.onDown(peer)
  }

  /** By identify: where the other end of a connection sees this peer come from. */
  onSeenAs(connection: Connection, address: string): void {
    const host = parseTcpAddress(address)?.host
    if (host !== undefined) this.#reachability.onSeenAs(connection, host)
    // Its protocols are known now: it may be one that relays.
    this.relayClient.look()
  }

  /** This machine's place in the network has changed. */
  retry(): void {
    this.#reachability.retry()
    this.#straighten.retry()
  }

  network(): Omit<NetworkInfo, 'missing'> {
    const { dialable, seenAs } = this.#reachability
    return { dialable, seenAs, relays: this.relayClient.relays, relaysFor: this.relayServer.reservations }
  }

  #isDialledDirectly(peer: string): boolean {
    const connection = this.#options.links().get(peer)?.connection
    return connection?.direction === 'outbound' && !isRelayed(connection.remoteAddr.toString())
  }

  #onDialable(dialable: Dialable): void {
    const { log, relay } = this.#options
    log.info({ dialable }, 'whether others can dial this node')
    // One relay too many costs little; a peer that nobody in the next network reaches is not there for them.
    this.relayClient.want(dialable === 'no' || dialable === 'partly' ? RELAYS_WANTED : 0)
    this.relayServer
      .setWilling(relay && dialable !== 'no')
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'relaying could not be switched'))
  }

  /** Asks about the port by which that neighbour would come; without one there is nothing to ask. */
  async #ask(connection: Connection): Promise<boolean | undefined> {
    const { inner, tcpConnections } = this.#options
    const remote = connection.remoteAddr.toString()
    const family = parseTcpAddress(remote)?.family
    const host = tcpConnections.localHostOf(remote)
    const places = inner.transportManager.getAddrs().flatMap((address) => parseTcpAddress(address.toString()) ?? [])
    const usable = places.filter(
      (place) => place.family === family && !isLoopbackAddress(`/${family}/${place.host}/tcp/1`),
    )
    const place = usable.find((one) => one.host === host) ?? usable[0]
    return place === undefined ? false : this.#dialBack.ask(connection, place.port)
  }
}
