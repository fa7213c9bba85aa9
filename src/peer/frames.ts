/**
 * Frames on a byte stream: an unsigned varint length, then that many bytes. Length 0 is a keepalive and reaches
 * nobody. A length over the cap, or one written longer than needed, is junk: there is no way back into step.
 */
import { MAX_FRAME_BYTES } from '../wire/limits.ts'

/** 256 KiB needs 19 bits: three bytes of seven. */
const MAX_PREFIX_BYTES = 3

/** The bytes cannot be frames. */
export class FrameError extends Error {}

/** How many bytes the length prefix of a frame takes. */
export function prefixBytes(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : 3
}

/** Writes a frame with its prefix into `target` at `offset`; returns the offset behind it. */
export function writeFrame(target: Uint8Array, offset: number, frame: Uint8Array): number {
  let rest = frame.byteLength
  while (rest >= 0x80) {
    target[offset++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[offset++] = rest
  target.set(frame, offset)
  return offset + frame.byteLength
}

/** Cuts a stream of chunks into frames. Each frame is a copy of its own, so that keeping it keeps nothing else. */
export class FrameDecoder {
  #prefixLength = 0
  #length = 0
  #body: Uint8Array | undefined
  #filled = 0

  /**
   * Takes a chunk, returns the frames it completed (keepalives left out).
   *
   * @throws FrameError when the bytes cannot be frames; the decoder is of no use after that
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    let offset = 0
    while (offset < chunk.byteLength) {
      if (this.#body === undefined) {
        offset = this.#readPrefix(chunk, offset)
        continue
      }
      const taken = Math.min(this.#body.byteLength - this.#filled, chunk.byteLength - offset)
      this.#body.set(chunk.subarray(offset, offset + taken), this.#filled)
      this.#filled += taken
      offset += taken
      if (this.#filled === this.#body.byteLength) {
        frames.push(this.#body)
        this.#body = undefined
      }
    }
    return frames
  }

  #readPrefix(chunk: Uint8Array, start: number): number {
    let offset = start
    while (offset < chunk.byteLength) {
      const byte = chunk[offset++] as number
      this.#length |= (byte & 0x7f) << (7 * this.#prefixLength)
      this.#prefixLength += 1
      if (byte < 0x80) {
        if (byte === 0 && this.#prefixLength > 1) throw new FrameError('length prefix longer than needed')
        this.#begin()
        return offset
      }
      if (this.#prefixLength === MAX_PREFIX_BYTES) throw new FrameError('length prefix over three bytes')
    }
    return offset
  }

  #begin(): void {
    const length = this.#length
    this.#length = 0
    this.#prefixLength = 0
    if (length > MAX_FRAME_BYTES) throw new FrameError(`frame of ${length} bytes, at most ${MAX_FRAME_BYTES}`)
    if (length === 0) return
    this.#body = new Uint8Array(length)
    this.#filled = 0
  }
}
