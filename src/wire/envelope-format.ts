/**
 * The bytes of a libp2p signed envelope, RFC 0002:
 * https://github.com/libp2p/specs/blob/master/RFC/0002-signed-envelopes.md
 *
 * Parsed more strictly than protobuf asks: fields in order, each once, lengths in their shortest form,
 * nothing else. Otherwise anyone could make a second version of a record, with another hash and the
 * same valid signature, and have an honest author taken for one who says two things at once.
 */
import { WireError } from './errors.ts'

/** The fields of an envelope. */
export interface EnvelopeParts {
  /** libp2p `PublicKey` protobuf. */
  readonly publicKey: Uint8Array
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

/** Protobuf tags, all of wire type 2 (length-delimited); field 4 is unused in the specification. */
const TAGS = { publicKey: 0x0a, payloadType: 0x12, payload: 0x1a, signature: 0x2a } as const

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  out[at++] = value
  return at
}

/** Each part with its length before it, and a tag before that where there is one. */
function writeParts(parts: readonly { readonly tag?: number; readonly bytes: Uint8Array }[]): Uint8Array {
  let size = 0
  for (const { tag, bytes } of parts) size += (tag === undefined ? 0 : 1) + varintLength(bytes.length) + bytes.length
  const out = new Uint8Array(size)
  let at = 0
  for (const { tag, bytes } of parts) {
    if (tag !== undefined) out[at++] = tag
    at = writeVarint(out, at, bytes.length)
    out.set(bytes, at)
    at += bytes.length
  }
  return out
}

/** The envelope as bytes. */
export function writeEnvelope(parts: EnvelopeParts): Uint8Array {
  return writeParts([
    { tag: TAGS.publicKey, bytes: parts.publicKey },
    { tag: TAGS.payloadType, bytes: parts.payloadType },
    { tag: TAGS.payload, bytes: parts.payload },
    { tag: TAGS.signature, bytes: parts.signature },
  ])
}

/** What is signed: domain, payload type and payload, each after its length. */
export function signedBytes(domain: Uint8Array, payloadType: Uint8Array, payload: Uint8Array): Uint8Array {
  return writeParts([{ bytes: domain }, { bytes: payloadType }, { bytes: payload }])
}

function malformed(why: string): never {
  throw new WireError('malformed', `signed envelope: ${why}`)
}

/** Reads one field at `at`; returns its bytes and where it ends. A missing one is empty, as in protobuf. */
function readField(bytes: Uint8Array, at: number, tag: number): { value: Uint8Array; end: number } {
  if (bytes[at] !== tag) return { value: bytes.subarray(at, at), end: at }
  let length = 0
  let i = at + 1
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[i++]
    // Four bytes reach 256 MiB, more than any envelope.
    if (byte === undefined || shift > 21) malformed('a length that does not end')
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) malformed('a length in more bytes than it needs')
      break
    }
  }
  if (length > bytes.length - i) malformed('the bytes end within a field')
  // Protobuf writers leave an empty field out: written, it would be a second form of the same envelope.
  if (length === 0) malformed('an empty field')
  return { value: bytes.subarray(i, i + length), end: i + length }
}

/** Takes an envelope apart; the parts are views of `bytes`. @throws WireError `malformed` */
export function readEnvelope(bytes: Uint8Array): EnvelopeParts {
  const publicKey = readField(bytes, 0, TAGS.publicKey)
  const payloadType = readField(bytes, publicKey.end, TAGS.payloadType)
  const payload = readField(bytes, payloadType.end, TAGS.payload)
  const signature = readField(bytes, payload.end, TAGS.signature)
  if (signature.end !== bytes.length) malformed('a field that is unknown, repeated or out of order')
  return {
    publicKey: publicKey.value,
    payloadType: payloadType.value,
    payload: payload.value,
    signature: signature.value,
  }
}
