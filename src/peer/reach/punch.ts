/**
 * Two peers behind doors, both of which let out what their own side began: when both dial each other at one time, each
 * door takes what comes in for the answer, and the two dials become one connection (TCP's simultaneous open, RFC 9293
 * section 3.5). It works through firewalls, and through routers that keep the port when they translate an
 * address, which most do; libp2p's DCUtR is the same idea, but dials from any port, and public addresses alone.
 *
 * Over the relayed connection each names where it is seen from and the port it will dial from; then the one that was
 * dialled says go, waits for as long as that takes to arrive, and both dial.
 */
import type { Connection, MultiaddrConnection, Stream, Upgrader } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { TokenBucket } from '../../util/token-bucket.ts'
import { isRelayed } from '../address-book.ts'
import { isLoopbackAddress } from '../addresses.ts'
import type { Counters } from '../counters.ts'
import { streamDuplex } from '../duplex.ts'
import type { HostParts } from '../host.ts'
import { PUNCH_BURST, PUNCHES_PER_S, REACH_TIMEOUT_MS } from '../limits.ts'
import { PUNCH_PROTOCOL } from '../protocols.ts'
import { placesToBytes, readPlaces } from './places.ts'
import { readExactly } from './read-exactly.ts'

const GO = 1
/** The system repeats an unanswered dial after one second and after three. */
const DIAL_MS = 4_500
/** Who is refused dials again within this, so many times in all. */
const AGAIN_MS = 100
const MAX_TRIES = 4
/** Ports that neither are anybody's service nor what systems take for their own dials first. */
const FIRST_PORT = 20_000
const PORTS = 12_000

/** What punching needs of the rest. */
export interface PunchOptions {
  readonly inner: HostParts
  /** Hosts that others see this peer come from. */
  readonly seenAs: () => readonly string[]
  /** A connection to this peer is about to take the place of another: see `Dialer.expect`. */
  readonly expect: (peer: string, coming: Promise<Connection>) => void
  /** Whether a multiaddr may be dialled. */
  readonly allowed: (address: string) => boolean
  readonly counters: Counters
  readonly log: Logger
}

/** Makes holes. */
export class Punch {
  readonly #options: PunchOptions
  /** Peers it is under way with, whoever began: bounded by the connections. */
  readonly #busy = new Set<string>()
  readonly #asked = new TokenBucket(PUNCHES_PER_S, PUNCH_BURST, performance.now())
  /** The connections that came of it. */
  readonly made = new WeakSet<Connection>()

  constructor(options: PunchOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    await this.#options.inner.registrar.handle(PUNCH_PROTOCOL, this.#onAsked, {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
      runOnLimitedConnection: true,
    })
  }

  async stop(): Promise<void> {
    await this.#options.inner.registrar.unhandle(PUNCH_PROTOCOL)
  }

  /**
   * Begins, over a relayed connection that the other side dialled. Never rejects.
   * @returns whether a direct one stands
   */
  async begin(relayed: Connection): Promise<boolean> {
    return this.#with(relayed, async () => {
      const signal = AbortSignal.timeout(REACH_TIMEOUT_MS)
      const stream = await relayed.newStream([PUNCH_PROTOCOL], { signal, runOnLimitedConnection: true })
      return this.#over(stream, async (duplex) => {
        const port = somePort()
        const askedMs = performance.now()
        duplex.write(placesToBytes(this.#options.seenAs(), port))
        const places = await this.#heard(duplex, signal)
        const halfMs = (performance.now() - askedMs) / 2
        duplex.write(Uint8Array.of(GO))
        await pause(halfMs, undefined, { ref: false })
        await this.#dial(relayed, places, port, true)
      })
    })
  }

  readonly #onAsked = (stream: Stream, relayed: Connection): void => {
    const isOurs = isRelayed(relayed.remoteAddr.toString()) && relayed.direction === 'outbound'
    // Who is connected directly, or was dialled himself, has no reason to ask.
    if (!isOurs) return stream.abort(new Error('no relayed connection'))
    if (!this.#asked.take(performance.now())) return stream.abort(new Error('asked too often'))
    void this.#with(relayed, () =>
      this.#over(stream, async (duplex) => {
        const signal = AbortSignal.timeout(REACH_TIMEOUT_MS)
        const places = await this.#heard(duplex, signal)
        const port = somePort()
        duplex.write(placesToBytes(this.#options.seenAs(), port))
        const [go] = await readExactly(duplex, 1, signal)
        if (go !== GO) throw new RangeError('no go')
        await this.#dial(relayed, places, port, false)
      }),
    )
  }

  async #with(relayed: Connection, run: () => Promise<void>): Promise<boolean> {
    const { counters, log } = this.#options
    const peer = relayed.remotePeer.toString()
    if (this.#busy.has(peer)) return false
    this.#busy.add(peer)
    counters.add('punches_total')
    try {
      await run()
      log.info({ peer }, 'a hole was made: this link needs no relay any more')
      return true
    } catch (error) {
      counters.add('punches_failed_total')
      log.debug({ peer, error: messageOf(error) }, 'no hole')
      return false
    } finally {
      this.#busy.delete(peer)
    }
  }

  async #over(stream: Stream, run: (duplex: Duplex) => Promise<void>): Promise<void> {
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    try {
      await run(duplex)
    } finally {
      duplex.destroy()
    }
  }

  async #heard(duplex: Duplex, signal: AbortSignal): Promise<string[]> {
    const places = await readPlaces(duplex, signal)
    // Loopback would be this machine's own.
    return places.filter((place) => this.#options.allowed(place) && !isLoopbackAddress(place))
  }

  /** @throws when none of the places answers in time */
  async #dial(relayed: Connection, places: readonly string[], localPort: number, initiator: boolean): Promise<void> {
    const { inner, expect } = this.#options
    const signal = AbortSignal.timeout(DIAL_MS)
    const upgradeOutbound: Upgrader['upgradeOutbound'] = async (
      connection: MultiaddrConnection,
      options: Parameters<Upgrader['upgradeOutbound']>[1],
    ) => {
      // A peer's connections stand or fall together: the relayed one goes before the direct one counts as one.
      const { promise, resolve, reject } = Promise.withResolvers<Connection>()
      expect(relayed.remotePeer.toString(), promise)
      relayed.abort(new Error('a direct connection takes its place'))
      // Both have dialled; in the handshake and the muxer one must be the other side.
      connection.direction = initiator ? 'outbound' : 'inbound'
      try {
        const direct = await inner.upgrader.upgradeOutbound(connection, { ...options, initiator })
        this.made.add(direct)
        resolve(direct)
        return direct
      } catch (error) {
        reject(error)
        throw error
      }
    }
    await Promise.any(
      places.map(async (place) => {
        const address = multiaddr(`${place}/p2p/${relayed.remotePeer.toString()}`)
        const transport = inner.transportManager.dialTransportForMultiaddr(address)
        if (transport === undefined) throw new RangeError('not TCP')
        const options = { upgrader: { upgradeOutbound } as unknown as Upgrader, signal, localPort }
        await repeated(async () => transport.dial(address, options), signal)
      }),
    )
  }
}

/** Again while it is refused: a router says no to what comes before its own side has dialled. */
async function repeated(dial: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await dial()
      return
    } catch (error) {
      const isEarly = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
      if (!isEarly || signal.aborted || tries === MAX_TRIES) throw error
      // Not in step with the other side, or the two would miss each other again and again.
      await pause(AGAIN_MS * Math.random(), undefined, { signal })
    }
  }
}

function somePort(): number {
  return FIRST_PORT + Math.floor(Math.random() * PORTS)
}
