/**
 * One control stream that stands: frames out in order with backpressure, frames in as they complete. It does
 * not re-open itself; when it ends, for whatever reason, it says so once.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../util/errors.ts'
import type { Counters } from './counters.ts'
import { FrameDecoder, FrameError, prefixBytes, writeFrame } from './frames.ts'
import { BATCH_BYTES, KEEPALIVE_MS, LINK_DEAD_MS, MAX_QUEUE_BYTES, SOON_MS } from './limits.ts'

/** Who is told what comes over a link. */
export interface LinkHooks {
  onFrame(link: ControlLink, frame: Uint8Array): void
  /** Bytes came that no honest peer sends. The link ends after this. */
  onViolation(link: ControlLink, what: string): void
  /** Called once. */
  onEnd(link: ControlLink, why: string): void
}

const EMPTY = new Uint8Array(0)

/** A control stream and the queue in front of it. */
export class ControlLink {
  readonly peer: string
  readonly connection: Connection
  readonly openedAtMs: number
  readonly #stream: Stream
  readonly #hooks: LinkHooks
  readonly #counters: Counters
  readonly #decoder = new FrameDecoder()
  #queue: Uint8Array[] = []
  #next = 0
  #queuedBytes = 0
  #flushDue = false
  #soon: NodeJS.Timeout | undefined
  #blocked = false
  #ended = false
  #sentAtMs: number
  #receivedAtMs: number

  constructor(stream: Stream, connection: Connection, hooks: LinkHooks, counters: Counters) {
    this.peer = connection.remotePeer.toString()
    this.connection = connection
    this.#stream = stream
    this.#hooks = hooks
    this.#counters = counters
    this.openedAtMs = this.#sentAtMs = this.#receivedAtMs = performance.now()
  }

  /** Bytes queued here and not yet handed to the stream. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Begins to listen. What came before is delivered after this turn. */
  open(): void {
    this.#stream.addEventListener('message', this.#onMessage)
    this.#stream.addEventListener('drain', this.#onDrain)
    this.#stream.addEventListener('close', this.#onClose)
    this.#stream.addEventListener('end', this.#onRemoteEnd)
    if (this.#stream.status !== 'open' || this.#stream.remoteWriteStatus === 'closed') {
      queueMicrotask(() => this.end('closed at once'))
    }
  }

  /**
   * Queues a frame; false when the queue would be over its cap, and the frame was not taken. `soon`: it may wait for
   * the next frame that may not, and is joined with it, but no longer than `SOON_MS`.
   */
  enqueue(frame: Uint8Array, when: 'now' | 'soon' = 'now'): boolean {
    if (this.#queuedBytes + frame.byteLength > MAX_QUEUE_BYTES) return false
    this.#queue.push(frame)
    this.#queuedBytes += frame.byteLength
    this.#counters.add('control_frames_out_total')
    this.#counters.add('control_bytes_out_total', frame.byteLength)
    if (when === 'now') this.#scheduleFlush()
    else this.#soon ??= setTimeout(() => this.#scheduleFlush(), SOON_MS)
    return true
  }

  /** To be called now and then: keeps a quiet link alive, ends a dead one. */
  tend(nowMs: number): void {
    if (nowMs - this.#receivedAtMs > LINK_DEAD_MS) {
      this.end(`nothing received for ${Math.round((nowMs - this.#receivedAtMs) / 1000)} s`)
    } else if (nowMs - this.#sentAtMs >= KEEPALIVE_MS && this.#queuedBytes === 0) {
      this.#queue.push(EMPTY)
      this.#scheduleFlush()
    }
  }

  /** Resets the stream. The other side sees it at once; frames not yet sent are lost. */
  end(why: string): void {
    if (this.#ended) return
    this.#detach()
    this.#stream.abort(new Error(why))
    this.#hooks.onEnd(this, why)
  }

  /** Lets go without a word to the hooks, what is queued handed to the stream: for stopping in good order. */
  release(): void {
    if (this.#ended) return
    this.#blocked = false
    this.#flush()
    this.#detach()
  }

  #detach(): void {
    this.#ended = true
    clearTimeout(this.#soon)
    this.#queue = []
    this.#queuedBytes = 0
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('drain', this.#onDrain)
    this.#stream.removeEventListener('close', this.#onClose)
    this.#stream.removeEventListener('end', this.#onRemoteEnd)
  }

  /** A microtask, not a timer: what one turn writes is joined, and a lone frame is not delayed. */
  #scheduleFlush(): void {
    if (this.#flushDue || this.#blocked) return
    this.#flushDue = true
    queueMicrotask(() => {
      this.#flushDue = false
      if (!this.#blocked) this.#flush()
    })
  }

  #flush(): void {
    clearTimeout(this.#soon)
    this.#soon = undefined
    try {
      while (!this.#blocked && !this.#ended && this.#next < this.#queue.length) {
        const batch = this.#takeBatch()
        this.#sentAtMs = performance.now()
        this.#counters.add('control_batches_out_total')
        this.#blocked = !this.#stream.send(batch)
      }
    } catch (error) {
      this.end(messageOf(error))
    }
  }

  /** Joins frames from the head of the queue up to the batch size, at least one. */
  #takeBatch(): Uint8Array {
    let end = this.#next
    let bytes = 0
    while (end < this.#queue.length) {
      const length = (this.#queue[end] as Uint8Array).byteLength
      const withPrefix = prefixBytes(length) + length
      if (end > this.#next && bytes + withPrefix > BATCH_BYTES) break
      bytes += withPrefix
      end += 1
    }
    const batch = new Uint8Array(bytes)
    let offset = 0
    for (; this.#next < end; this.#next += 1) {
      const frame = this.#queue[this.#next] as Uint8Array
      offset = writeFrame(batch, offset, frame)
      this.#queuedBytes -= frame.byteLength
      this.#queue[this.#next] = EMPTY
    }
    // Shifting each frame would move the rest of the queue every time.
    if (this.#next === this.#queue.length || this.#next > 4096) {
      this.#queue = this.#queue.slice(this.#next)
      this.#next = 0
    }
    return batch
  }

  readonly #onMessage = (event: { data: Uint8Array | Iterable<Uint8Array> }): void => {
    this.#receivedAtMs = performance.now()
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
    try {
      for (const chunk of chunks) {
        for (const frame of this.#decoder.push(chunk)) {
          if (this.#ended) return
          this.#counters.add('control_frames_in_total')
          this.#counters.add('control_bytes_in_total', frame.byteLength)
          this.#hooks.onFrame(this, frame)
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.#hooks.onViolation(this, error.message)
      this.end(error.message)
    }
  }

  readonly #onDrain = (): void => {
    // The muxer tells every stream that the socket drained, also one whose own window is still full.
    this.#blocked = false
    this.#flush()
  }

  readonly #onClose = (event: { error?: Error }): void => this.end(event.error?.message ?? 'closed')

  readonly #onRemoteEnd = (): void => this.end('closed by the other side')
}
