/**
 * Being reached by way of others: while this peer cannot be dialled, it holds places on a few willing neighbours and
 * tells their addresses as its own (circuit relay v2). It is also what dials such addresses of others.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { start } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { isLoopbackAddress } from '../addresses.ts'
import { pickSome } from '../degree.ts'
import type { HostParts } from '../host.ts'
import { ADDRESSES_PER_RELAY, jittered, MAX_RELAYED_PER_PEER } from '../limits.ts'
import { RELAY_HOP_PROTOCOL } from '../protocols.ts'
import type { circuitRelayTransport } from './library.ts'

type Transport = ReturnType<ReturnType<typeof circuitRelayTransport>>
/** What libp2p's class has beyond the interface of a transport. */
interface Internals {
  reservationStore: {
    addRelay(peer: Connection['remotePeer'], type: 'configured'): Promise<unknown>
    hasReservation(peer: Connection['remotePeer']): boolean
    getReservation(peer: Connection['remotePeer']): { addrs: Uint8Array[] } | undefined
    addEventListener(event: 'relay:removed' | 'relay:created-reservation', listener: () => void): void
    cancelReservations(): void
  }
  /** Searches the network for relays; ours are chosen among the neighbours. */
  discovery: unknown
  onStop(stream: Stream, connection: Connection): Promise<void>
  stop(): Promise<void>
}

/** While there are too few relays: how often is looked for one, and a peer that refused is asked again. */
const LOOK_MS = 15_000
const REFUSED_FOR_MS = 60_000

/** What being relayed needs of the rest. */
export interface RelayClientOptions {
  readonly inner: HostParts
  /** Neighbours that this peer has dialled directly. */
  readonly neighbours: () => readonly string[]
  /** Whether an address may be told at all. */
  readonly allowed: (address: string) => boolean
  /** The addresses of `addresses()` are others now. */
  readonly onChanged: () => void
  readonly log: Logger
}

/** The places this peer holds on relays. */
export class RelayClient {
  readonly #options: RelayClientOptions
  readonly #refused = new Map<string, number>()
  #loading: Promise<Internals> | undefined
  #made: Internals | undefined
  #wanted = 0
  #looking = false
  #relays: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: RelayClientOptions) {
    this.#options = options
  }

  /** Peers that relay for this one. */
  get relays(): readonly string[] {
    return this.#relays
  }

  /** Where others reach this peer by way of its relays; complete multiaddrs. */
  addresses(): string[] {
    const { inner, allowed } = this.#options
    return this.#relays.flatMap((relay) => {
      const told = this.#made?.reservationStore.getReservation(peerIdFromString(relay))?.addrs ?? []
      // The first is the one this peer dialled itself.
      const places = told.map((bytes) => multiaddr(bytes).toString())
      return places
        .filter((place, at) => allowed(place) && (at === 0 || !isLoopbackAddress(place)))
        .slice(0, ADDRESSES_PER_RELAY)
        .map((place) => `${place}/p2p-circuit/p2p/${inner.peerId.toString()}`)
    })
  }

  /** Holds so many places from now on; 0 gives up those there are. */
  want(count: number): void {
    if (count === this.#wanted) return
    this.#wanted = count
    if (count > 0) return this.look()
    this.#made?.reservationStore.cancelReservations()
    this.#recount()
  }

  /** Looks for relays if there are too few: a neighbour was won, or lost. */
  look(): void {
    if (this.#looking || this.#stopped || this.#wanted <= this.#relays.length) return
    this.#looking = true
    this.#search()
      .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'looking for a relay failed'))
      .finally(() => {
        this.#looking = false
        clearTimeout(this.#timer)
        if (this.#stopped || this.#wanted <= this.#relays.length) return
        this.#timer = setTimeout(() => this.look(), jittered(LOOK_MS))
        this.#timer.unref()
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wanted = 0
    clearTimeout(this.#timer)
    this.#relays = []
    // libp2p stops its transports itself, this one too, since it was added to them.
    await this.#made?.stop()
  }

  /** Makes relayed addresses dialable; to be awaited before one is dialled. */
  async load(): Promise<Internals> {
    this.#loading ??= import('./library.ts').then(async (library) => {
      const { inner } = this.#options
      const transport = library.circuitRelayTransport({
        maxInboundStopStreams: MAX_RELAYED_PER_PEER,
        maxOutboundStopStreams: MAX_RELAYED_PER_PEER,
      })(inner) as Transport & Internals
      transport.discovery = undefined
      const onStop = transport.onStop.bind(transport)
      transport.onStop = async (stream, connection) => {
        // The library would take anybody who opens this stream for its relay from then on.
        const isOurs = transport.reservationStore.hasReservation(connection.remotePeer)
        if (!isOurs) return stream.abort(new Error('no relay of ours'))
        await onStop(stream, connection).catch((error: unknown) => stream.abort(error as Error))
      }
      for (const event of ['relay:removed', 'relay:created-reservation'] as const) {
        transport.reservationStore.addEventListener(event, () => this.#recount())
      }
      await start(transport)
      inner.transportManager.add(transport)
      return (this.#made = transport)
    })
    return this.#loading
  }

  async #search(): Promise<void> {
    const { neighbours, log } = this.#options
    const nowMs = performance.now()
    for (const [peer, atMs] of this.#refused) if (nowMs - atMs > REFUSED_FOR_MS) this.#refused.delete(peer)
    const mayAsk = (peer: string) => !this.#relays.includes(peer) && !this.#refused.has(peer)
    const { reservationStore } = await this.load()
    for (const peer of pickSome(neighbours().filter(mayAsk), Infinity)) {
      if (this.#stopped || this.#wanted <= this.#relays.length) return
      if (!(await this.#relaysForOthers(peer))) continue
      try {
        await reservationStore.addRelay(peerIdFromString(peer), 'configured')
        log.info({ peer }, 'this node cannot be dialled: it is reached by way of this peer')
      } catch (error) {
        // At most one for each neighbour there was within a minute.
        this.#refused.set(peer, performance.now())
        log.debug({ peer, error: messageOf(error) }, 'this peer does not relay')
      }
    }
  }

  async #relaysForOthers(peer: string): Promise<boolean> {
    const known = await this.#options.inner.peerStore.get(peerIdFromString(peer)).catch(() => undefined)
    return known?.protocols.includes(RELAY_HOP_PROTOCOL) === true
  }

  /** What the library holds is what counts: it drops a place with its connection. */
  #recount(): void {
    const { inner, onChanged } = this.#options
    if (this.#stopped) return
    const peers = new Set(inner.connectionManager.getConnections().map(({ remotePeer }) => remotePeer.toString()))
    const held = [...peers].filter((peer) => this.#made?.reservationStore.hasReservation(peerIdFromString(peer)))
    const changed = held.length !== this.#relays.length || held.some((peer) => !this.#relays.includes(peer))
    this.#relays = held
    if (changed) onChanged()
    this.look()
  }
}
