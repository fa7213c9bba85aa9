/**
 * The members this daemon has reached, remembered across restarts: whoever was joined once need not be named again.
 *
 * An address is taken only when a dial of ours to it was answered by the peer whose key the handshake proved, and that
 * peer has told that it is of this cluster. What peers merely say of themselves or of others is not stored here.
 */
import { KnownPeer } from '../model/known-peer.ts'
import { parseTcpAddress } from '../peer/addresses.ts'
import type { LinkInfo, PeerIdText } from '../peer/peer.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

/** Enough to find a mesh by, even when most have moved; the one that was reached longest ago is the first to go. */
export const MAX_KEPT_PEERS = 64
const MAX_KEPT_ADDRESSES = 4
/** Longer than a holiday. */
export const KEPT_FOR_MS = 90 * 24 * 60 * 60 * 1000
/** A peer that is reached again and again is written so often at most. */
const REWRITE_MS = 60 * 60 * 1000

/** What the list needs. */
export interface KnownPeersOptions {
  readonly store: Store
  /** What was kept of another cluster, in whose mesh this data directory was before, is dropped. */
  readonly cluster: string
  readonly clock: Pick<Clock, 'wallMs'>
  readonly log: Logger
}

/** The list, as it is stored. */
export class KnownPeers {
  readonly #options: KnownPeersOptions
  readonly #kept = new Map<PeerIdText, KnownPeer>()

  constructor(options: KnownPeersOptions) {
    this.#options = options
  }

  /** Reads the list; drops what is too old, or is no such entry. @returns what is left, the latest reached first */
  restore(): { readonly peer: PeerIdText; readonly addresses: readonly string[] }[] {
    const { store, cluster, clock } = this.#options
    for (const [peer, doc] of store.load('peer')) {
      const { data } = KnownPeer.safeParse(doc)
      const counts = data?.cluster === cluster && clock.wallMs() - data.reachedMs < KEPT_FOR_MS
      if (counts) this.#kept.set(peer, data)
      else this.#write(peer, null)
    }
    return [...this.#kept]
      .toSorted(([, a], [, b]) => b.reachedMs - a.reachedMs)
      .map(([peer, { addresses }]) => ({ peer, addresses }))
  }

  /** A member of this cluster is linked in this way. */
  note(peer: PeerIdText, link: LinkInfo | undefined): void {
    // Where an inbound connection comes from is no address to dial, and a relay's place may be gone tomorrow.
    if (link === undefined || link.direction !== 'outbound' || link.relay !== undefined) return
    const parsed = parseTcpAddress(link.address)
    if (parsed === undefined) return
    const address = parsed.peer === undefined ? link.address : link.address.slice(0, link.address.lastIndexOf('/p2p/'))
    const before = this.#kept.get(peer)
    const reachedMs = this.#options.clock.wallMs()
    const isFresh = before !== undefined && reachedMs - before.reachedMs < REWRITE_MS
    if (isFresh && before.addresses[0] === address) return
    const addresses = [...new Set([address, ...(before?.addresses ?? [])])].slice(0, MAX_KEPT_ADDRESSES)
    const known = { cluster: this.#options.cluster, addresses, reachedMs }
    this.#kept.set(peer, known)
    this.#write(peer, known)
    if (this.#kept.size > MAX_KEPT_PEERS) this.#dropOldest()
  }

  #dropOldest(): void {
    const [oldest] = [...this.#kept].reduce((a, b) => (b[1].reachedMs < a[1].reachedMs ? b : a))
    this.#kept.delete(oldest)
    this.#write(oldest, null)
  }

  /** A list that cannot be written is an inconvenience after the next restart, and nothing to stop for. */
  #write(peer: PeerIdText, doc: KnownPeer | null): void {
    try {
      this.#options.store.write([{ collection: 'peer', key: peer, doc }])
    } catch (error) {
      this.#options.log.warn({ peer, error: messageOf(error) }, 'where a peer was reached could not be stored')
    }
  }
}
