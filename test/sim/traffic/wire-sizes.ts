/**
 * What a message takes on the wire, as a network device counts it: every header, and the acknowledgements of TCP.
 *
 * Ethernet 14, IPv4 20, UDP 8 and TCP 32 (with timestamps, RFC 7323) bytes; a segment carries 1,448 bytes. A frame of a
 * stream has 12 bytes of yamux header and goes as one noise message, with 2 bytes of length and 16 of tag. gossipsub's
 * own bytes are counted field by field, as its protobuf is written. Packets of real daemons had these very sizes.
 */
import type { Topic } from '../../../src/peer/peer.ts'
import { topicName } from '../../../src/peer/protocols.ts'

const UDP_HEADERS = 14 + 20 + 8
const TCP_HEADERS = 14 + 20 + 32
const SEGMENT_BYTES = 1_448
const FRAME_BYTES = 12 + 2 + 16
/** Segments that one acknowledgement stands for, at most (RFC 1122, section 4.2.3.2). */
const SEGMENTS_PER_ACK = 2

/** Of messages whose ids are the sha256 of what they carry. */
const ID_BYTES = 32

/** Datagrams of the probes, by type (`wire/probe.ts`): with headers. */
export const PROBE_BYTES = {
  ping: 39 + UDP_HEADERS,
  pong: 38 + UDP_HEADERS,
  ask: 76 + UDP_HEADERS,
  asked: 76 + UDP_HEADERS,
} as const

/** What goes to the receiver, and what comes back from it. */
export interface StreamBytes {
  readonly there: number
  readonly back: number
}

/** A frame of so many bytes on a standing stream. */
export function streamBytes(payloadBytes: number): StreamBytes {
  const bytes = payloadBytes + varintBytes(payloadBytes) + FRAME_BYTES
  const segments = Math.ceil(bytes / SEGMENT_BYTES)
  return {
    there: bytes + segments * TCP_HEADERS,
    back: Math.ceil(segments / SEGMENTS_PER_ACK) * TCP_HEADERS,
  }
}

/** The empty frame by which a link is kept, and whose absence shows that it is dead. */
export const KEEPALIVE_BYTES = streamBytes(0)

/** A ping of yamux, or the answer to one: a header of its own. */
export const MUXER_PING_BYTES: StreamBytes = { there: FRAME_BYTES + TCP_HEADERS, back: TCP_HEADERS }

/** A record in a gossipsub RPC of its own: `publish { data, topic }`. */
export function recordBytes(cluster: string, topic: Topic, ward: string | undefined, bytes: number): StreamBytes {
  return streamBytes(field(field(bytes) + field(topicName(cluster, topic, ward).length)))
}

/** `control { ihave { topic, ids } }`. */
export function ihaveBytes(cluster: string, topic: Topic, ward: string | undefined, ids: number): StreamBytes {
  return streamBytes(field(field(field(topicName(cluster, topic, ward).length) + ids * field(ID_BYTES))))
}

/** `control { iwant { ids } }`. */
export function iwantBytes(ids: number): StreamBytes {
  return streamBytes(field(field(ids * field(ID_BYTES))))
}

/** `control { graft { topic } }`. */
export function graftBytes(cluster: string, topic: Topic, ward: string | undefined): StreamBytes {
  return streamBytes(field(field(field(topicName(cluster, topic, ward).length))))
}

/** A protobuf field of so many bytes, with its tag and length. */
function field(bytes: number): number {
  return 1 + varintBytes(bytes) + bytes
}

function varintBytes(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : 4
}
