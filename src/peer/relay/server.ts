/**
 * Relaying for others: whoever cannot be dialled holds a place here, and is reached by way of this peer (circuit relay
 * v2). What passes is encrypted from end to end. Until somebody asks, this is a name among the protocols and no more.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { TokenBucket } from '../../util/token-bucket.ts'
import type { Counters } from '../counters.ts'
import type { HostParts } from '../host.ts'
import {
  MAX_RELAYED,
  MAX_RELAYED_PER_PEER,
  MAX_RESERVATIONS,
  RESERVATION_TTL_MS,
  RESERVATIONS_PER_S,
} from '../limits.ts'
import { RELAY_HOP_PROTOCOL, RELAY_STOP_PROTOCOL } from '../protocols.ts'
import type { circuitRelayServer } from './library.ts'

/** What libp2p's class has beyond its interface: here it is driven by hand, so that it can come late. */
type Server = ReturnType<ReturnType<typeof circuitRelayServer>> & {
  onHop(stream: Stream, connection: Connection): Promise<void>
  stop(): Promise<void>
}

/** The relay that this peer is for others. */
export class RelayServer {
  readonly #inner: HostParts
  readonly #counters: Counters
  readonly #log: Logger
  readonly #asking = new TokenBucket(RESERVATIONS_PER_S, MAX_RESERVATIONS, performance.now())
  #server: Promise<Server> | undefined
  #made: Server | undefined
  #willing = false

  constructor(inner: HostParts, counters: Counters, log: Logger) {
    this.#inner = inner
    this.#counters = counters
    this.#log = log
  }

  /** Begins to relay, or ends offering it; what is relayed goes on. Others are told by identify. */
  async setWilling(willing: boolean): Promise<void> {
    if (willing === this.#willing) return
    this.#willing = willing
    const { registrar, events } = this.#inner
    if (!willing) await registrar.unhandle(RELAY_HOP_PROTOCOL)
    else {
      events.addEventListener('peer:disconnect', this.#onDisconnected)
      await registrar.handle(RELAY_HOP_PROTOCOL, this.#onHop, { maxInboundStreams: MAX_RELAYED_PER_PEER + 2 })
    }
  }

  async stop(): Promise<void> {
    this.#willing = false
    this.#inner.events.removeEventListener('peer:disconnect', this.#onDisconnected)
    await this.#inner.registrar.unhandle(RELAY_HOP_PROTOCOL)
    for (const { signal } of this.#made?.reservations.values() ?? []) signal.clear()
    await this.#made?.stop()
    this.#server = this.#made = undefined
  }

  /** Places held here now. */
  get reservations(): number {
    return this.#made?.reservations.size ?? 0
  }

  /** Whether a peer may have a place, or keep it. Asked by the gater. */
  mayReserve(): boolean {
    if (this.#willing && this.#asking.take(performance.now())) return true
    this.#counters.add('relay_refused_total')
    return false
  }

  /** Whether one peer may be connected with another by way of this one. Asked by the gater. */
  mayConnect(from: string, to: string): boolean {
    let all = 0
    let ofSource = 0
    let ofTarget = 0
    for (const { remotePeer, streams } of this.#inner.connectionManager.getConnections()) {
      const peer = remotePeer.toString()
      const hops = streams.filter(({ protocol }) => protocol === RELAY_HOP_PROTOCOL).length
      const stops = streams.filter(({ protocol }) => protocol === RELAY_STOP_PROTOCOL).length
      all += stops
      if (peer === from) ofSource += hops
      if (peer === to) ofTarget += stops
    }
    // The stream that asks is one of the source's already.
    if (all < MAX_RELAYED && ofSource <= MAX_RELAYED_PER_PEER && ofTarget < MAX_RELAYED_PER_PEER) return true
    this.#counters.add('relay_refused_total')
    return false
  }

  readonly #onHop = (stream: Stream, connection: Connection): void => {
    this.#counters.add('relay_requests_total')
    this.#load()
      .then((server) => server.onHop(stream, connection))
      .catch((error: unknown) => {
        // Of words that are none it answers so, on a stream that may be gone.
        this.#log.debug({ error: messageOf(error) }, 'a request to relay failed')
        stream.abort(new Error('not understood'))
      })
  }

  async #load(): Promise<Server> {
    this.#server ??= import('./library.ts').then((library) => {
      const create = library.circuitRelayServer({
        hopTimeout: 10_000,
        maxOutboundStopStreams: MAX_RELAYED_PER_PEER,
        // Its limits of 128 KiB and two minutes are for strangers; here it is the number that is bounded.
        reservations: {
          maxReservations: MAX_RESERVATIONS,
          reservationTtl: RESERVATION_TTL_MS,
          applyDefaultLimit: false,
        },
      })
      return (this.#made = create(this.#inner) as Server)
    })
    return this.#server
  }

  /** A place ends with the connection of who held it: the library keeps it until its time is over. */
  readonly #onDisconnected = ({ detail: peer }: CustomEvent<Connection['remotePeer']>): void => {
    this.#made?.reservations.get(peer)?.signal.clear()
    this.#made?.reservations.delete(peer)
  }
}
