/**
 * Values to bytes and back: canonical dag-cbor, so that one value has one encoding and its hash means
 * something. Carries null, booleans, safe integers, finite numbers, text, bytes, lists and maps.
 */
import { decode as decodeCbor, encode as encodeCbor } from '@ipld/dag-cbor'
import { messageOf } from '../util/errors.ts'
import { assertCanonical } from './canonical.ts'
import { WireError } from './errors.ts'

/**
 * Encodes a value.
 * @throws WireError `malformed` for what the format does not carry (undefined, NaN, Date, cycles),
 * `too-deep` or `too-large` for what no receiver would accept
 */
export function encode(value: unknown): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = encodeCbor(value)
  } catch (cause) {
    throw new WireError('malformed', `cannot be encoded: ${messageOf(cause)}`, { cause })
  }
  // What we send must pass what others check: a mistake shows here, not as a refusal far away.
  assertCanonical(bytes)
  return bytes
}

/**
 * Decodes a value. Byte strings are copies, so the input may be reused.
 * @throws WireError `too-large` (over `maxBytes`), `malformed`, `not-canonical` or `too-deep`
 */
export function decode(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw new WireError('too-large', `${bytes.length} bytes where at most ${maxBytes} are allowed`)
  }
  assertCanonical(bytes)
  try {
    return decodeCbor(bytes)
  } catch (cause) {
    throw new WireError('malformed', `cannot be decoded: ${messageOf(cause)}`, { cause })
  }
}
