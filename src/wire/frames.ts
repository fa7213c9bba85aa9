/**
 * Frames of the control stream: one message each, a map with its type under `t`.
 *
 * Which messages there are, and what is in them, is in `model/control.ts`; here are only bytes and limits.
 */
import { decode, encode } from './codec.ts'
import { WireError } from './errors.ts'
import { MAX_FRAME_BYTES } from './limits.ts'

export { MAX_FRAME_BYTES }

/** A decoded frame: a type, and whatever else the sender put beside it. Not checked against any schema. */
export interface Frame {
  readonly t: string
  readonly [field: string]: unknown
}

/** Encodes a message. @throws WireError `too-large` when it exceeds `MAX_FRAME_BYTES`, or as `encode` */
export function encodeFrame(message: { readonly t: string }): Uint8Array {
  const bytes = encode(message)
  if (bytes.length > MAX_FRAME_BYTES) {
    throw new WireError(
      'too-large',
      `${message.t} message of ${bytes.length} bytes; at most ${MAX_FRAME_BYTES} fit a frame`,
    )
  }
  return bytes
}

/** Decodes a frame. @throws WireError as `decode`, `malformed` when it is no map with a text `t` */
export function decodeFrame(bytes: Uint8Array): Frame {
  const value = decode(bytes, MAX_FRAME_BYTES)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new WireError('malformed', 'frame: expected a map')
  }
  if (!('t' in value) || typeof value.t !== 'string')
    throw new WireError('malformed', 'frame: expected its type under "t"')
  return value as Frame
}
