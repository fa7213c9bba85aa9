/**
 * Every bound and rate of the peer layer, in one place. Sources: "design" is the design's sections 3 and 4,
 * "measured" are the project's own measurements of libp2p 3.3.
 */

/** What may wait for one peer before `send` says `overloaded`. */
export const MAX_QUEUE_BYTES = 8 * 1024 * 1024
/** Small frames written in one turn are joined up to this size: one yamux frame, one or two noise messages. */
export const BATCH_BYTES = 64 * 1024

/** Longest gossip message: a passport of 8 KiB in its envelope, and room for what later kinds need (design). */
export const MAX_GOSSIP_BYTES = 16 * 1024
/** Ids in one IHAVE or IWANT, and messages in one RPC. Above the steady rate of a large mesh (4/s) tenfold. */
export const MAX_GOSSIP_IDS = 128
/** Longest gossip RPC that is decoded: an answer to a full IWANT, at 8 KiB a record, and its framing. */
export const MAX_GOSSIP_RPC_BYTES = MAX_GOSSIP_IDS * 8 * 1024 + 64 * 1024
/** Messages waiting for the publishing tick; beyond it the oldest goes (anti-entropy repairs). */
export const MAX_PUBLISH_QUEUE = 1024
/** How long publishes of one burst are collected (design: 50 to 200 ms; the short end, for passports). */
export const PUBLISH_TICK_MS = 50

/** A dial to one address; a blackholed address must not eat the whole budget. */
export const ADDRESS_DIAL_TIMEOUT_MS = 2_000
/** Where a relay is known besides: its addresses must have their turn before whoever dials gives up. */
export const DIRECT_DIAL_TIMEOUT_MS = 2_500
/** `send`, `connect` and `openStream` give up after this. */
export const REACH_TIMEOUT_MS = 5_000
/** A silent socket may hold a pending-inbound slot this long (default 10 s: slow-loris). */
export const INBOUND_UPGRADE_TIMEOUT_MS = 2_000
/** New inbound connections a second from one host (default 5 resets honest peers of one machine). */
export const INBOUND_PER_HOST_PER_S = 64
/** Above what one host can hold open within the upgrade timeout, so that no single host fills it. */
export const MAX_PENDING_INBOUND = 3 * INBOUND_PER_HOST_PER_S
export const MAX_CONNECTIONS = 512

/** Bulk streams a peer may have open to us, all kinds together. */
export const MAX_STREAMS_PER_PEER = 32
/**
 * Receive window of one stream. Below the read buffer's cap on purpose: libp2p's defaults let a paused stream
 * be sent 16 MiB and then reset it for holding more than 4.
 */
export const MAX_STREAM_WINDOW_BYTES = 1024 * 1024
export const MAX_READ_BUFFER_BYTES = 2 * MAX_STREAM_WINDOW_BYTES

/** An empty frame is sent after this much silence … */
export const KEEPALIVE_MS = 10_000
/** … and a link that brought nothing for this long is dead: three keepalives and a little. */
export const LINK_DEAD_MS = 35_000
/** What nobody waits for goes with the next frame, or after this: about what a task takes from award to start. */
export const SOON_MS = 5

/** First and longest pause before a broken control stream or a lost bootstrap peer is tried again. */
export const REOPEN_MIN_MS = 100
export const REDIAL_MIN_MS = 1_000
export const REDIAL_MAX_MS = 60_000

/** Below this many links known peers are dialled (degree 8 to 12: measured cost of a link 300 KB). */
export const DEGREE_TARGET = 8
/** No more outbound connections than this are opened by the degree keeper. */
export const MAX_OUTBOUND = 12

/** Peers whose addresses are remembered, as many as there can be members; and addresses of each. */
export const MAX_KNOWN_PEERS = 20_000
export const MAX_ADDRESSES_PER_PEER = 8
/** … of them by way of relays. */
export const MAX_RELAYED_ADDRESSES = 4

/** Keys for probes by datagram that are given out at once: a link has one, or two while it is renewed. */
export const MAX_PROBE_KEYS = 1024
/** Datagrams a second under one key: fifty times what a member sends that probes, is probed and is asked. */
export const PROBES_PER_KEY_PER_S = 200
/** … and from other hosts than their keys were told to, all together: checking them takes 0.5 % of a core. */
export const STRAY_PROBES_PER_S = 1_000
/** Datagrams that may wait for the network at once; above it they are dropped, as the network would. */
export const MAX_PROBES_IN_FLIGHT = 1_024

/** Peers that may hold a place on this relay at once, … */
export const MAX_RESERVATIONS = 64
/** … relayed connections in all, of one who dials, and to one who holds a place. Each has a stream's window twice. */
export const MAX_RELAYED = 256
export const MAX_RELAYED_PER_PEER = 32
/** Places asked for a second, all peers together: each costs a signature. */
export const RESERVATIONS_PER_S = 2
/** How long a place is held. It ends with the connection anyway, and is renewed before. */
export const RESERVATION_TTL_MS = 24 * 60 * 60 * 1000
/** Relays a peer holds a place on when it cannot be dialled: when one goes, the other carries on. */
export const RELAYS_WANTED = 2
/** Addresses told for each of them. */
export const ADDRESSES_PER_RELAY = 2

/** Neighbours that are asked whether they can dial this peer: they may be in different networks. */
export const DIAL_BACK_ASKED = 4
/** Dials at one time that others begin, a second, all peers together: each is up to three dials here. */
export const PUNCHES_PER_S = 0.5
export const PUNCH_BURST = 16
/** Dial-backs under way for others at once, … */
export const DIAL_BACKS_AT_ONCE = 4
/** … and a minute for one host. */
export const DIAL_BACKS_PER_HOST_PER_MIN = 10

/** Peers that were found by the cluster's table and are remembered for it: hearsay must not push out what is known. */
export const MAX_DHT_FINDS = 256
/** A lookup goes over a few hops, each of which may have to be dialled. */
export const DHT_LOOKUP_TIMEOUT_MS = 20_000

/** Visitors of the porch at once, and from one host a second: it is for one newcomer now and then. */
export const MAX_PORCH_CONNECTIONS = 16
export const PORCH_PER_HOST_PER_S = 4
/** A visit: one question, and the whole history of the cluster as the answer. */
export const PORCH_VISIT_MS = 30_000

/** A pause of `baseMs` spread by ±25 %, so that peers that lost a link together do not return together. */
export function jittered(baseMs: number): number {
  return baseMs * (0.75 + Math.random() * 0.5)
}
