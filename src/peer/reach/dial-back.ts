/**
 * Can this peer be dialled? A neighbour tries, and says. It is AutoNAT's question, which libp2p's own service answers
 * for public addresses alone, and by connections that would stand beside those of the mesh.
 *
 * The asker sends two bytes, the port it listens on; the answer is one byte. The neighbour dials that port of the very
 * host it is connected with, and no other, so it cannot be made to knock on a third one's door; and it goes no further
 * than the handshake in which the asker proves its key, so what answers there is the asker and nobody else.
 */
import type { Connection, MultiaddrConnection, Stream, Upgrader } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Duplex } from 'node:stream'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { TokenBuckets, type Rate } from '../../util/token-buckets.ts'
import { parseTcpAddress } from '../addresses.ts'
import type { Counters } from '../counters.ts'
import { streamDuplex } from '../duplex.ts'
import type { HostParts } from '../host.ts'
import {
  ADDRESS_DIAL_TIMEOUT_MS,
  DIAL_BACKS_AT_ONCE,
  DIAL_BACKS_PER_HOST_PER_MIN,
  MAX_CONNECTIONS,
  REACH_TIMEOUT_MS,
} from '../limits.ts'
import { REACH_PROTOCOL } from '../protocols.ts'
import { readExactly } from './read-exactly.ts'

/** The answer, in one byte. */
const ANSWER = { notTried: 0, reached: 1, notReached: 2 } as const
const PORT_BYTES = 2
/** Questions of one host. */
const OF_A_HOST: Rate = { perSecond: DIAL_BACKS_PER_HOST_PER_MIN / 60, burst: DIAL_BACKS_PER_HOST_PER_MIN }

/** libp2p's handshake without what comes after it; its upgrader has it, though not in its interface. */
interface Encrypting {
  _encryptOutbound(
    connection: MultiaddrConnection,
    options: { signal: AbortSignal; remotePeer: Connection['remotePeer']; skipStreamMuxerNegotiation: boolean },
  ): Promise<unknown>
}

/** Asks, and answers those who ask. */
export class DialBack {
  readonly #inner: HostParts
  readonly #counters: Counters
  readonly #log: Logger
  /** By host. */
  readonly #asked = new TokenBuckets(OF_A_HOST, MAX_CONNECTIONS)
  #underWay = 0

  constructor(inner: HostParts, counters: Counters, log: Logger) {
    this.#inner = inner
    this.#counters = counters
    this.#log = log
  }

  async start(): Promise<void> {
    await this.#inner.registrar.handle(REACH_PROTOCOL, this.#onAsked, { maxInboundStreams: 1, maxOutboundStreams: 1 })
  }

  async stop(): Promise<void> {
    await this.#inner.registrar.unhandle(REACH_PROTOCOL)
  }

  /**
   * Asks the peer at the other end of a direct connection to dial a port here.
   * @returns undefined when it did not try, or does not know the question
   */
  async ask(connection: Connection, port: number): Promise<boolean | undefined> {
    let duplex: Duplex | undefined
    try {
      const signal = AbortSignal.timeout(2 * REACH_TIMEOUT_MS)
      const stream = await connection.newStream([REACH_PROTOCOL], { signal })
      duplex = streamDuplex(stream)
      duplex.on('error', () => {})
      const request = Buffer.alloc(PORT_BYTES)
      request.writeUInt16BE(port)
      duplex.end(request)
      const [answer] = await readExactly(duplex, 1, signal)
      return answer === ANSWER.reached ? true : answer === ANSWER.notReached ? false : undefined
    } catch (error) {
      this.#log.debug({ peer: connection.remotePeer.toString(), error: messageOf(error) }, 'no dial-back')
      return undefined
    } finally {
      duplex?.destroy()
    }
  }

  /** Whether a peer can be dialled at a place, shown by a handshake with it that ends there. Never rejects. */
  async reaches(place: string, peer: string, signal: AbortSignal): Promise<boolean> {
    const remotePeer = peerIdFromString(peer)
    const upgradeOutbound = async (connection: MultiaddrConnection): Promise<Connection> => {
      const { upgrader } = this.#inner
      try {
        const options = { signal, remotePeer, skipStreamMuxerNegotiation: true }
        // oxlint-disable-next-line no-underscore-dangle -- libp2p's name
        await (upgrader as unknown as Encrypting)._encryptOutbound(connection, options)
      } finally {
        connection.abort(new Error('that was all'))
      }
      // The transport hands it on and looks at nothing of it.
      return {} as Connection
    }
    try {
      const address = multiaddr(place)
      const transport = this.#inner.transportManager.dialTransportForMultiaddr(address)
      await transport?.dial(address, { upgrader: { upgradeOutbound } as unknown as Upgrader, signal })
      return transport !== undefined
    } catch (error) {
      this.#log.debug({ place, peer, error: messageOf(error) }, 'not reached')
      return false
    }
  }

  readonly #onAsked = (stream: Stream, connection: Connection): void => {
    this.#counters.add('dial_back_asked_total')
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    this.#answer(duplex, connection).then(
      (answer) => duplex.end(Uint8Array.of(answer)),
      () => duplex.destroy(),
    )
  }

  async #answer(duplex: Duplex, connection: Connection): Promise<number> {
    const request = await readExactly(duplex, PORT_BYTES, AbortSignal.timeout(REACH_TIMEOUT_MS))
    if (duplex.readableLength > 0) throw new RangeError('more bytes than there should be')
    const port = request.readUInt16BE()
    const remote = parseTcpAddress(connection.remoteAddr.toString())
    if (port === 0 || remote === undefined || !this.#mayAsk(remote.host)) return ANSWER.notTried
    this.#underWay += 1
    try {
      const place = `/${remote.family}/${remote.host}/tcp/${port}`
      const signal = AbortSignal.timeout(ADDRESS_DIAL_TIMEOUT_MS)
      const reached = await this.reaches(place, connection.remotePeer.toString(), signal)
      return reached ? ANSWER.reached : ANSWER.notReached
    } finally {
      this.#underWay -= 1
    }
  }

  #mayAsk(host: string): boolean {
    if (this.#underWay < DIAL_BACKS_AT_ONCE && this.#asked.take(host, performance.now())) return true
    this.#counters.add('dial_back_refused_total')
    return false
  }
}
