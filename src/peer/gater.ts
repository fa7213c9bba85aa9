/** Who may connect: the one place where a link is refused before it costs anything. */
import type { ConnectionGater } from '@libp2p/interface'
import { isPrivateAddress } from './addresses.ts'
import type { Counters } from './counters.ts'
import type { PeerIdText } from './peer.ts'

export interface GaterRules {
  /** Dial and accept public addresses too. */
  allowPublic: boolean
  /** Whether a peer is let in at all (roster, reputation). */
  allowPeer(peer: PeerIdText): boolean
  /** Whether this peer may be held a place for here, as a relay. */
  mayReserve(): boolean
  /** Whether one peer may be connected with another by way of this one. */
  mayConnect(from: PeerIdText, to: PeerIdText): boolean
}

/** Host names never get this far: they are resolved before the dial. */
export function createGater(rules: GaterRules, counters: Counters): ConnectionGater {
  const deny = (allowed: boolean, counter: string): boolean => {
    if (!allowed) counters.add(counter)
    return !allowed
  }
  const addressAllowed = (address: { toString(): string }): boolean =>
    rules.allowPublic || isPrivateAddress(address.toString())
  return {
    denyDialPeer: (peer) => deny(rules.allowPeer(peer.toString()), 'gater_denied_peer_total'),
    denyDialMultiaddr: (address) => deny(addressAllowed(address), 'gater_denied_address_total'),
    denyInboundConnection: (connection) => deny(addressAllowed(connection.remoteAddr), 'gater_denied_address_total'),
    // The first moment an inbound peer's key is proven, and the first at all for a dial without a peer id.
    denyInboundEncryptedConnection: (peer) => deny(rules.allowPeer(peer.toString()), 'gater_denied_peer_total'),
    denyOutboundEncryptedConnection: (peer) => deny(rules.allowPeer(peer.toString()), 'gater_denied_peer_total'),
    denyInboundRelayReservation: (peer) => !rules.allowPeer(peer.toString()) || !rules.mayReserve(),
    denyOutboundRelayedConnection: (from, to) =>
      !rules.allowPeer(from.toString()) || !rules.mayConnect(from.toString(), to.toString()),
    // What a relay says of who dials is proven by the handshake that follows.
    denyInboundRelayedConnection: (relay, peer) =>
      deny(rules.allowPeer(relay.toString()) && rules.allowPeer(peer.toString()), 'gater_denied_peer_total'),
    filterMultiaddrForPeer: (_peer, address) => addressAllowed(address),
  }
}
