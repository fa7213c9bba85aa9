/**
 * A distributed hash table of the cluster's own (Kademlia): finds members by way of members, beyond mDNS and the
 * addresses that were given. It answers where peers are and keeps nothing for anybody, so nothing can be put in.
 *
 * What it finds is hearsay: it is dialled like any known address, and the handshake shows who is there.
 */
import type { PeerInfo } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { MemoryDatastore } from 'datastore-core'
import { BoundedMap } from '../../util/bounded-map.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { kadProtocol } from '../../wire/protocols.ts'
import { isLoopbackAddress } from '../addresses.ts'
import type { HostParts } from '../host.ts'
import { DHT_LOOKUP_TIMEOUT_MS, jittered, MAX_DHT_FINDS } from '../limits.ts'

/** A new neighbour knows others: it is asked soon, once for a burst of news, and everyone now and then. */
const SOON_MS = 1_000
const NOW_AND_THEN_MS = 5 * 60_000

/** What finding by the table needs of the rest. */
export interface DhtOptions {
  readonly inner: HostParts
  readonly cluster: string
  /** Somebody was found. */
  readonly onFound: (peer: string, addresses: readonly string[]) => void
  /** Somebody was found so long ago that others have taken the place: told unless it was found again. */
  readonly onForgotten: (peer: string) => void
  readonly log: Logger
}

/** What libp2p's class has beyond its interface. */
interface Internals {
  readonly rpc: { readonly handlers: Record<string, unknown> }
  start(): Promise<void>
  stop(): Promise<void>
}

/** The only questions that are answered: who is near, and are you there. */
const ANSWERED = new Set(['FIND_NODE', 'PING'])

/** This peer's part of the table. */
export class Dht {
  readonly #options: DhtOptions
  readonly #found = new BoundedMap<string, true>(MAX_DHT_FINDS, 'evict-oldest')
  #table: (KadDHT & Internals) | undefined
  #timer: NodeJS.Timeout | undefined
  #lookup: AbortController | undefined

  constructor(options: DhtOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { inner, cluster } = this.#options
    const { kadDHT, passthroughMapper } = await import('./library.ts')
    const { peerId, privateKey, registrar, addressManager, peerStore, connectionManager, events, logger } = inner
    const ping = async (peer: typeof peerId, options?: { signal?: AbortSignal }): Promise<number> => {
      // Whoever proves its key is there; a protocol for that alone would be one more to answer.
      await connectionManager.openConnection(peer, options)
      return 0
    }
    const create = kadDHT({
      protocol: kadProtocol(cluster),
      // The default waits for a public address, which members of a private network never have.
      clientMode: false,
      peerInfoMapper: passthroughMapper,
      allowQueryWithZeroPeers: true,
      alpha: 3,
      maxInboundStreams: 8,
      networkDialTimeout: { minTimeout: 1_000, maxTimeout: 5_000 },
    })
    const table = create({
      peerId,
      privateKey,
      registrar,
      addressManager,
      peerStore,
      connectionManager,
      events,
      logger,
      datastore: new MemoryDatastore(),
      ping: { ping },
    }) as KadDHT & Internals
    for (const kind of Object.keys(table.rpc.handlers)) if (!ANSWERED.has(kind)) delete table.rpc.handlers[kind]
    ;(table as unknown as EventTarget).addEventListener('peer', this.#onPeer)
    this.#table = table
    await table.start()
    this.#plan(NOW_AND_THEN_MS)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#lookup?.abort()
    const table = this.#table
    this.#table = undefined
    await table?.stop()
  }

  /** A neighbour was won. */
  onUp(): void {
    if (this.#lookup === undefined) this.#plan(SOON_MS)
  }

  #plan(delayMs: number): void {
    if (this.#table === undefined) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), jittered(delayMs))
    this.#timer.unref()
  }

  /** Asks for those near this peer, and those near them: what comes is told by events. */
  async #look(): Promise<void> {
    const table = this.#table
    if (table === undefined) return
    const { peerId } = this.#options.inner
    const lookup = (this.#lookup = new AbortController())
    const timer = setTimeout(() => lookup.abort(), DHT_LOOKUP_TIMEOUT_MS)
    try {
      const answers = table.getClosestPeers(peerId.toMultihash().bytes, { signal: lookup.signal })
      for await (const answer of answers) if (this.#table === undefined || answer.name === 'QUERY_ERROR') continue
    } catch (error) {
      this.#options.log.debug({ error: messageOf(error) }, 'a lookup in the table ended early')
    } finally {
      clearTimeout(timer)
      this.#lookup = undefined
      this.#plan(NOW_AND_THEN_MS)
    }
  }

  readonly #onPeer = (event: Event): void => {
    const { id, multiaddrs } = (event as CustomEvent<PeerInfo>).detail
    const addresses = multiaddrs.map((address) => address.toString())
    // Another machine's loopback is this machine's own: kept only when there is nothing else.
    const elsewhere = addresses.filter((address) => !isLoopbackAddress(address))
    const peer = id.toString()
    if (this.#found.get(peer) === undefined && this.#found.size >= MAX_DHT_FINDS) {
      const [oldest] = this.#found.keys()
      if (oldest !== undefined) this.#options.onForgotten(oldest)
    }
    this.#found.set(peer, true)
    this.#options.onFound(peer, elsewhere.length > 0 ? elsewhere : addresses)
  }
}
