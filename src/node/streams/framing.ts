/**
 * Length-prefixed messages on a byte stream: four bytes of length, big-endian, then canonical dag-cbor.
 * Used by the task and bundle protocols; a peer that sends junk gets its stream destroyed.
 */
import type { Readable, Writable } from 'node:stream'
import { decode, encode } from '../../wire/codec.ts'
import { AlthingError } from '../../util/errors.ts'

/** Largest message on a task or bundle stream, bytes: one log chunk of 64 KiB and its envelope. */
export const MAX_STREAM_MESSAGE_BYTES = 80 * 1024

/** The stream cannot be read on; it must be destroyed. */
export class FramingError extends AlthingError<'too-large' | 'cut-off' | 'silent'> {}

/** Writes one message; resolves once the stream takes more. */
export async function writeMessage(stream: Writable, message: unknown): Promise<void> {
  const body = encode(message)
  const frame = Buffer.alloc(4 + body.length)
  frame.writeUInt32BE(body.length)
  frame.set(body, 4)
  if (!stream.write(frame)) await drained(stream)
}

/** Resolves when the stream drains, rejects when it closes first. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      stream.off('drain', onDrain)
      stream.off('close', onClose)
      act()
    }
    const onDrain = settle(resolve)
    const onClose = settle(() => reject(new FramingError('cut-off', 'the stream closed while writing')))
    stream.once('drain', onDrain)
    stream.once('close', onClose)
    if (stream.destroyed) onClose()
  })
}

/** Reads messages, then whatever raw bytes follow. */
export class MessageReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  }

  /** The next message, or undefined at a clean end. @throws FramingError, WireError */
  async next(): Promise<unknown> {
    if (!(await this.#fill(4))) return undefined
    const length = this.#buffer.readUInt32BE(0)
    if (length > MAX_STREAM_MESSAGE_BYTES) {
      throw new FramingError('too-large', `a message of ${length} bytes, ${MAX_STREAM_MESSAGE_BYTES} allowed`)
    }
    if (!(await this.#fill(4 + length))) throw new FramingError('cut-off', 'the stream ended inside a message')
    const body = this.#buffer.subarray(4, 4 + length)
    this.#buffer = this.#buffer.subarray(4 + length)
    return decode(body, MAX_STREAM_MESSAGE_BYTES)
  }

  /** All that follows the messages read so far, as raw bytes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#buffer.length > 0) yield this.#buffer
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done) return
      yield value
    }
  }

  async #fill(bytes: number): Promise<boolean> {
    while (this.#buffer.length < bytes) {
      const { value, done } = await this.#chunks.next()
      if (done) {
        if (this.#buffer.length > 0) throw new FramingError('cut-off', 'the stream ended inside a message')
        return false
      }
      this.#buffer = this.#buffer.length === 0 ? Buffer.from(value) : Buffer.concat([this.#buffer, value])
    }
    return true
  }
}

/** How long somebody who opened a stream may take to say what for. */
const FIRST_MESSAGE_MS = 10_000

/**
 * The one message an asker begins with.
 * @throws FramingError `silent` when it does not come in time: the stream is destroyed then; and as `next`
 */
export async function firstMessage(stream: Readable, withinMs = FIRST_MESSAGE_MS): Promise<unknown> {
  stream.on('error', () => {})
  const timer = setTimeout(() => {
    stream.destroy(new FramingError('silent', `nothing was asked for within ${withinMs} ms`))
  }, withinMs)
  try {
    return await new MessageReader(stream).next()
  } finally {
    clearTimeout(timer)
  }
}
