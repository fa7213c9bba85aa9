/** A libp2p stream as a Node Duplex: backpressure both ways, half-close, and a reset for every destroy. */
import type { Stream } from '@libp2p/interface'
import { Duplex } from 'node:stream'

/** A little over one yamux window of 256 KiB would only sit in memory twice. */
const HIGH_WATER_MARK_BYTES = 64 * 1024

class StreamDuplex extends Duplex {
  readonly #stream: Stream
  #onDrained: (() => void) | undefined

  constructor(stream: Stream) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES, allowHalfOpen: true })
    this.#stream = stream
  }

  /** Attaches the listeners: an act of its own, since data may flow from here on. */
  attach(): this {
    const stream = this.#stream
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('drain', this.#onDrain)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
    if (stream.readableEnded) this.#onEnd()
    if (stream.status !== 'open' && stream.readBufferLength === 0) queueMicrotask(() => this.#onClose({}))
    return this
  }

  override _read(): void {
    if (this.#stream.readStatus !== 'paused') return
    // Sends a window update; on a connection that just went there is nobody to send it to.
    try {
      this.#stream.resume()
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    try {
      if (this.#stream.send(chunk)) done()
      else this.#onDrained = done
    } catch (error) {
      done(error as Error)
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.close().then(() => done(), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const stream = this.#stream
    stream.removeEventListener('message', this.#onMessage)
    stream.removeEventListener('drain', this.#onDrain)
    stream.removeEventListener('end', this.#onEnd)
    stream.removeEventListener('close', this.#onClose)
    const finished = this.writableFinished && this.readableEnded
    if (!finished) stream.abort(error ?? new Error('stream destroyed'))
    const waiting = this.#onDrained
    this.#onDrained = undefined
    waiting?.()
    done(error)
  }

  readonly #onMessage = (event: { data: Uint8Array | { subarray(): Uint8Array } }): void => {
    const bytes = event.data instanceof Uint8Array ? event.data : event.data.subarray()
    if (!this.push(bytes) && this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  readonly #onDrain = (): void => {
    const done = this.#onDrained
    this.#onDrained = undefined
    done?.()
  }

  readonly #onEnd = (): void => {
    if (!this.readableEnded && !this.destroyed) this.push(null)
  }

  readonly #onClose = (event: { error?: Error }): void => {
    if (this.destroyed) return
    if (event.error !== undefined) {
      this.destroy(event.error)
      return
    }
    // Closed in good order: whatever was read is in the buffer already, and `end` has been or comes now.
    this.#onEnd()
  }
}

/** Presents a negotiated stream as a Duplex of bytes. */
export function streamDuplex(stream: Stream): Duplex {
  return new StreamDuplex(stream).attach()
}
