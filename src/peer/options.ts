/** The settings of a peer. */
import type { Logger } from '../util/logger.ts'
import type { PeerIdText } from './peer.ts'

/** What a peer is made from. */
export interface PeerOptions {
  /** Ed25519 seed, 32 bytes; the peer id follows from it. */
  seed: Uint8Array
  /** Cluster name: part of the gossip topics and of the mDNS service. */
  cluster: string
  /**
   * Multiaddrs, e.g. `/ip4/127.0.0.1/tcp/4100`; empty dials only. A function, such as `privateListenAddresses`, is
   * asked again whenever the addresses of this machine have changed.
   */
  listen: readonly string[] | (() => readonly string[])
  /** Addresses dialled at start and again for ever, with or without `/p2p/<id>`; `/dns4/…` is resolved. */
  bootstrap: readonly string[]
  /** Where peers were reached in an earlier life: dialled once each bootstrap address has had its first try. */
  remembered?: readonly { readonly peer: PeerIdText; readonly addresses: readonly string[] }[]
  /** Find peers of the cluster on the local network. */
  mdns: boolean
  /** Find peers of the cluster by a distributed hash table among its members. @default false */
  dht?: boolean
  log: Logger
  /** Whether a peer may connect at all; asked again for every connection. @default everyone */
  allowPeer?: (peer: PeerIdText) => boolean
  /** Dial and accept public addresses too. @default false */
  allowPublic?: boolean
  /** Tell others only the private ones of the listen addresses. @default !allowPublic */
  announcePrivateOnly?: boolean
  /** Relay for peers that cannot be dialled, unless this one cannot be either. @default !allowPublic */
  relay?: boolean
  /** Known peers are dialled until this many links stand; 0 leaves that to the caller. @default 8 */
  degreeTarget?: number
  /** Pass libp2p's own log lines on at debug level; costs 10 to 40 % of every request. @default false */
  debug?: boolean
}
