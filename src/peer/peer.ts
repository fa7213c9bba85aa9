/**
 * What the daemon needs of the network: this is the whole surface of the `peer/` folder, and the
 * only place where libp2p's types may not leak out of. Peers are named by their peer id in text
 * form (`12D3Koo…`); payloads are opaque bytes here.
 */
import type { Duplex } from 'node:stream'

/** A peer id in text form. */
export type PeerIdText = string

/** Gossip topics, design section 3. `records`: passports, on change. `pulse`: heartbeats. `digests`: those of wards. */
export type Topic = 'records' | 'pulse' | 'digests'

/** `reject` only what is provably bad (it costs the forwarder its score); `ignore` what is stale or unknown. */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** Streams beside the control stream. `task`: logs. `bundle`: input and output. */
export type StreamKind = 'task' | 'bundle'

/** Called by the network; must not throw and must return quickly. */
export interface PeerHandlers {
  /** A control stream to this peer stands; frames may be sent. */
  onPeerUp(peer: PeerIdText): void
  /** The control stream is gone and is not coming back by itself at once. */
  onPeerDown(peer: PeerIdText): void
  /** One whole frame from the peer's control stream, at most `MAX_FRAME_BYTES`. The bytes are the callee's to keep. */
  onFrame(peer: PeerIdText, frame: Uint8Array): void
  /**
   * A gossip message; the verdict decides whether it is forwarded. `from` is who forwarded it, not its author. `ward`:
   * on whose topic it came; digests have one for all.
   */
  onGossip(topic: Topic, data: Uint8Array, from: PeerIdText, ward?: string): Verdict
  /** Where this peer listens has changed: see `Peer.addresses`. */
  onAddresses?(): void
  /** A peer opened a stream. The handler owns and ends it. */
  onStream(kind: StreamKind, peer: PeerIdText, stream: Duplex): void
}

/** The way a peer's control stream takes. */
export interface LinkInfo {
  /** Multiaddr of the other end; with `/p2p-circuit` in it when another peer relays. */
  readonly address: string
  /** Who dialled: `outbound` when this peer did; `both` at one time, through their doors. */
  readonly direction: 'inbound' | 'outbound' | 'both'
  /** Who relays what is sent; undefined for a direct connection. */
  readonly relay: PeerIdText | undefined
}

/** Whether neighbours can dial this peer: all that are known, some, none, or nobody has tried. */
export type Dialable = 'yes' | 'partly' | 'no' | 'unknown'

/** This peer's place in the network. */
export interface NetworkInfo {
  readonly dialable: Dialable
  /** Hosts by which neighbours see this peer. */
  readonly seenAs: readonly string[]
  /** Peers that relay for this one, because it cannot be dialled. */
  readonly relays: readonly PeerIdText[]
  /** Peers this one holds itself ready to relay for. */
  readonly relaysFor: number
  /** Addresses to join by at which nobody was reached when they were last tried, and why. */
  readonly missing: readonly { readonly address: string; readonly why: string }[]
}

export interface Peer {
  readonly id: PeerIdText
  /** Listen addresses with `/p2p/<id>` appended, and those by way of relays. */
  addresses(): string[]
  /** Peers with a standing control stream. */
  peers(): PeerIdText[]
  start(): Promise<void>
  stop(): Promise<void>
  /**
   * Queues a frame; frames to one peer arrive in order, once, or the peer goes down. Dials by known
   * addresses when there is no link yet. Rejects with PeerError `unreachable` (names the addresses tried) or
   * `overloaded` (the peer's queue, 8 MiB, is full). `soon`: nobody waits for it, it goes with the next frame or some
   * milliseconds later.
   */
  send(peer: PeerIdText, frame: Uint8Array, when?: 'now' | 'soon'): Promise<void>
  /** Hands a record to gossip; batched on a short tick. @param ward on whose topic. @default the whole mesh's */
  publish(topic: Topic, data: Uint8Array, ward?: string): void
  /** Which topics are heard from now on. @param wards by name; at the start it is the whole mesh's */
  listen(wards: readonly string[], digests: boolean): void
  openStream(kind: StreamKind, peer: PeerIdText, signal: AbortSignal): Promise<Duplex>
  /** Dials a full multiaddr now; throws PeerError with the broken step in its message. */
  connect(address: string): Promise<PeerIdText>
  /**
   * Dials a peer at its known addresses, unless a link to it stands.
   * @returns `refused` when at each of them the host said that nobody listens there; `unreachable` when no link came
   */
  redial(peer: PeerIdText): Promise<'linked' | 'refused' | 'unreachable'>
  /** Keeps links to these peers, beside those that come about for the sake of enough of them. */
  keepLinks(peers: readonly PeerIdText[]): void
  /** How a peer is linked; undefined when no control stream to it stands. */
  link(peer: PeerIdText): LinkInfo | undefined
  /** How this peer is reached. */
  network(): NetworkInfo
  /** The IP address at the other end of a peer's control stream; undefined for none, and for one that is relayed. */
  remoteHost(peer: PeerIdText): string | undefined
  /** Remembers where a peer can be dialled (from its signed passport). */
  learnAddresses(peer: PeerIdText, addresses: readonly string[]): void
  /** Where a peer can be dialled as far as this one knows, most promising first; without `/p2p/`. */
  addressesOf(peer: PeerIdText): readonly string[]
  /** Whether a peer proves itself at a multiaddr, by a handshake of which no connection comes. Never rejects. */
  answersAt(address: string, peer: PeerIdText, signal: AbortSignal): Promise<boolean>
  /** Ends all connections to a peer, for what was only an examination. It may be dialled again at any time. */
  hangUp(peer: PeerIdText): void
  /** Ends the link to a peer that nobody needs: it is not dialled again for having been named to join by. */
  letGo(peer: PeerIdText): void
  /** Ends all connections to a peer that may not link any more, and forgets where it was. */
  expel(peer: PeerIdText): void
  /** Notes a misdeed of a peer; five in quick succession and it is turned away for a minute. */
  penalise(peer: PeerIdText): void
  /** libp2p's own counters, for /metrics: name → value. */
  stats(): Record<string, number>
}
