/**
 * Probes as datagrams: is it alive, and can somebody else reach it? One datagram is one message, big-endian:
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 1 |
 * | 1 | type: 1 ping, 2 pong, 3 ask, 4 asked |
 * | 8 | key id: the first bytes of the key's sha256, by which the receiver finds the key |
 * | 8 | counter: rises by one with each datagram under a key, from 1 |
 * | 4 | nonce, the sender's own, given back in the answer |
 * | | ping: flags; bit 0 says that the suspected epoch and incarnation follow, 6 bytes each |
 * | | ask, asked: the subject's peer id, the 38 bytes of its multihash |
 * | 16 | HMAC-SHA256 under the key over all of the above, cut to its first 16 bytes |
 *
 * The receiver of a direction chose its key and told it over the control stream, which is encrypted; so a datagram
 * cannot be sent back to who made it, and whoever proves the key is the peer it was told to. HMAC: RFC 2104, which in
 * section 5 allows cutting to half the hash; HMAC-SHA-256-128 is what IPsec uses (RFC 4868). Nothing is encrypted:
 * that two members probe each other can be seen on the network anyway.
 */
import { createHash, createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { fromString } from 'uint8arrays/from-string'
import { isPeerId } from '../model/peer-id.ts'
import { WireError } from './errors.ts'
import { isEd25519Protobuf, peerIdText, PUBLIC_KEY_PROTOBUF_BYTES } from './keys.ts'

/** A key is as long as the hash: RFC 2104, section 3, finds that longer adds nothing and shorter takes away. */
export const PROBE_KEY_BYTES = 32
/** The largest nonce. */
export const MAX_PROBE_NONCE = 2 ** 32 - 1

const VERSION = 1
const TYPES = { ping: 1, pong: 2, ask: 3, asked: 4 } as const

const KEY_ID_AT = 2
const KEY_ID_BYTES = 8
const COUNTER_AT = KEY_ID_AT + KEY_ID_BYTES
const NONCE_AT = COUNTER_AT + 8
const BODY_AT = NONCE_AT + 4
const TAG_BYTES = 16

const SUSPECTS_FLAG = 1
const PAIR_NUMBER_BYTES = 6
const MAX_PAIR_NUMBER = 2 ** 48 - 1
/** Code and length of an identity multihash, which is what the id of an Ed25519 key is. */
const PEER_ID_HEAD = Uint8Array.of(0x00, PUBLIC_KEY_PROTOBUF_BYTES)
const PEER_ID_BYTES = PEER_ID_HEAD.length + PUBLIC_KEY_PROTOBUF_BYTES

/** A pong is the shortest. */
const MIN_PROBE_BYTES = BODY_AT + TAG_BYTES
/** No datagram may be longer: this leaves room to grow, and is far below what any link carries in one piece. */
export const MAX_PROBE_BYTES = 128

/** What two members say to each other by datagram. `nonce` is 0 to `MAX_PROBE_NONCE`. */
export type ProbeMessage =
  /** To be answered by a pong of the same nonce. `suspects`: the receiver is about to be held dead at this pair. */
  | {
      readonly type: 'ping'
      readonly nonce: number
      /** Both 0 to 2^48 - 1. */
      readonly suspects: { readonly epoch: number; readonly incarnation: number } | undefined
    }
  | { readonly type: 'pong'; readonly nonce: number }
  /** Probe `subject` (a peer id, in text) for me; when it answers, say so by an `asked` of the same nonce. */
  | { readonly type: 'ask' | 'asked'; readonly nonce: number; readonly subject: string }

/** Why a datagram is refused. */
export type ProbeFault =
  /** Shorter than the shortest, or longer than the longest. */
  | 'bad-size'
  | 'bad-version'
  /** Not made with the key, or altered since. */
  | 'bad-tag'
  /** A counter nobody sends; or made with the key, but not as this format writes anything. */
  | 'malformed'

/** A probe key, ready for use. */
export interface ProbeKey {
  /** As it is told to the one who is to use it. */
  readonly bytes: Uint8Array
  /** The key id, a character a byte, for looking up. */
  readonly id: string
  /** A key object: an HMAC takes 2 µs with one and 12 with bytes. */
  readonly secret: KeyObject
}

/** Prepares a key. @throws RangeError unless it is `PROBE_KEY_BYTES` long */
export function probeKey(bytes: Uint8Array): ProbeKey {
  if (bytes.length !== PROBE_KEY_BYTES)
    throw new RangeError(`a probe key has ${PROBE_KEY_BYTES} bytes, not ${bytes.length}`)
  const id = createHash('sha256').update(bytes).digest().toString('latin1', 0, KEY_ID_BYTES)
  return { bytes: Uint8Array.from(bytes), id, secret: createSecretKey(bytes) }
}

/**
 * Makes a datagram. `counter` must be higher than any used under this key, and at least 1.
 * @throws WireError `malformed` for numbers out of range and a subject that is no peer id
 */
export function encodeProbe(message: ProbeMessage, key: ProbeKey, counter: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(BODY_AT + bodyBytes(message) + TAG_BYTES)
  bytes[0] = VERSION
  bytes[1] = TYPES[message.type]
  bytes.write(key.id, KEY_ID_AT, 'latin1')
  inRange('counter', counter, 1, Number.MAX_SAFE_INTEGER)
  bytes.writeUInt32BE(Math.floor(counter / 2 ** 32), COUNTER_AT)
  bytes.writeUInt32BE(counter % 2 ** 32, COUNTER_AT + 4)
  bytes.writeUInt32BE(inRange('nonce', message.nonce, 0, MAX_PROBE_NONCE), NONCE_AT)
  writeBody(bytes, message)
  tagOf(bytes, key).copy(bytes, bytes.length - TAG_BYTES)
  return bytes
}

/**
 * Reads what a receiver needs before it can check anything: which key, and which datagram under it. Neither is to be
 * believed before `openProbe` has found the tag right.
 */
export function probeHead(bytes: Uint8Array): { readonly keyId: string; readonly counter: number } | ProbeFault {
  if (bytes.length < MIN_PROBE_BYTES || bytes.length > MAX_PROBE_BYTES) return 'bad-size'
  if (bytes[0] !== VERSION) return 'bad-version'
  const view = asBuffer(bytes)
  const counter = view.readUInt32BE(COUNTER_AT) * 2 ** 32 + view.readUInt32BE(COUNTER_AT + 4)
  // Beyond 2^53 numbers are no longer exact. No sender gets there: it would take a million datagrams a second for
  // 285 years.
  if (counter < 1 || counter > Number.MAX_SAFE_INTEGER) return 'malformed'
  return { keyId: view.toString('latin1', KEY_ID_AT, COUNTER_AT), counter }
}

/**
 * Checks the tag of a datagram whose head `probeHead` has accepted, and only then reads what it says. What is
 * accepted is exactly what `encodeProbe` writes for it.
 */
export function openProbe(bytes: Uint8Array, key: ProbeKey): ProbeMessage | 'bad-tag' | 'malformed' {
  const view = asBuffer(bytes)
  const tagAt = bytes.length - TAG_BYTES
  if (!timingSafeEqual(tagOf(view, key), view.subarray(tagAt))) return 'bad-tag'
  const nonce = view.readUInt32BE(NONCE_AT)
  const body = view.subarray(BODY_AT, tagAt)
  switch (bytes[1]) {
    case TYPES.ping:
      return readPing(nonce, body)
    case TYPES.pong:
      return body.length === 0 ? { type: 'pong', nonce } : 'malformed'
    case TYPES.ask:
      return readSubject('ask', nonce, body)
    case TYPES.asked:
      return readSubject('asked', nonce, body)
    default:
      return 'malformed'
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function tagOf(datagram: Buffer, key: ProbeKey): Buffer {
  const covered = datagram.subarray(0, datagram.length - TAG_BYTES)
  return createHmac('sha256', key.secret).update(covered).digest().subarray(0, TAG_BYTES)
}

function bodyBytes(message: ProbeMessage): number {
  if (message.type === 'pong') return 0
  if (message.type !== 'ping') return PEER_ID_BYTES
  return message.suspects === undefined ? 1 : 1 + 2 * PAIR_NUMBER_BYTES
}

function writeBody(bytes: Buffer, message: ProbeMessage): void {
  if (message.type === 'pong') return
  if (message.type !== 'ping') {
    bytes.set(peerIdBytes(message.subject), BODY_AT)
    return
  }
  const { suspects } = message
  bytes[BODY_AT] = suspects === undefined ? 0 : SUSPECTS_FLAG
  if (suspects === undefined) return
  const { epoch, incarnation } = suspects
  bytes.writeUIntBE(inRange('epoch', epoch, 0, MAX_PAIR_NUMBER), BODY_AT + 1, PAIR_NUMBER_BYTES)
  bytes.writeUIntBE(
    inRange('incarnation', incarnation, 0, MAX_PAIR_NUMBER),
    BODY_AT + 1 + PAIR_NUMBER_BYTES,
    PAIR_NUMBER_BYTES,
  )
}

function readPing(nonce: number, body: Buffer): ProbeMessage | 'malformed' {
  if (body.length === 1) return body[0] === 0 ? { type: 'ping', nonce, suspects: undefined } : 'malformed'
  if (body.length !== 1 + 2 * PAIR_NUMBER_BYTES || body[0] !== SUSPECTS_FLAG) return 'malformed'
  const epoch = body.readUIntBE(1, PAIR_NUMBER_BYTES)
  const incarnation = body.readUIntBE(1 + PAIR_NUMBER_BYTES, PAIR_NUMBER_BYTES)
  return { type: 'ping', nonce, suspects: { epoch, incarnation } }
}

function readSubject(type: 'ask' | 'asked', nonce: number, body: Buffer): ProbeMessage | 'malformed' {
  const protobuf = body.subarray(PEER_ID_HEAD.length)
  const isId = PEER_ID_HEAD.every((byte, at) => body[at] === byte) && isEd25519Protobuf(protobuf)
  return isId ? { type, nonce, subject: peerIdText(protobuf) } : 'malformed'
}

function peerIdBytes(text: string): Uint8Array {
  const bytes = isPeerId(text) ? fromString(text, 'base58btc') : new Uint8Array(0)
  // The text of 52 characters may still stand for a number that is no id.
  if (bytes.length !== PEER_ID_BYTES || !isEd25519Protobuf(bytes.subarray(PEER_ID_HEAD.length))) {
    throw new WireError('malformed', `probe: "${text}" is no peer id`)
  }
  return bytes
}

function inRange(what: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw new WireError('malformed', `probe: ${what} ${value} is not a whole number from ${least} to ${most}`)
}
