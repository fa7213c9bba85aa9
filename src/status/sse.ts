/**
 * The event stream for browsers and the CLI: server-sent events with ids, so that a client that was
 * cut off continues where it was.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from 'node:http'
import type { MeshEvent } from '../model/api.ts'
import type { Operations } from '../node/operations.ts'
import { ApiError } from './problem.ts'

export interface EventStreamLimits {
  /** Streams at once, over both channels. @default 64 */
  readonly maxSubscribers: number
  /** Comment lines that keep proxies and half-open detection awake. @default 15000 */
  readonly keepAliveMs: number
  /** A client that lets more than this pile up unread is cut off; it comes back with its last id. @default 1 MiB */
  readonly maxBufferedBytes: number
  /** How long a browser waits before it comes back. @default 2000 */
  readonly retryMs: number
}

export const EVENT_STREAM_LIMITS: EventStreamLimits = {
  maxSubscribers: 64,
  keepAliveMs: 15_000,
  maxBufferedBytes: 1024 * 1024,
  retryMs: 2_000,
}

/**
 * How long news may wait to be joined with what follows. A start is told in ten events, and each write wakes a client,
 * on the very machine that is busy with the start.
 */
const JOIN_MS = 20
/** Characters that may wait for one client. */
const MOST_JOINED = 16 * 1024
/** States of a task on the way to what somebody waits for; the others leave at once, with all that waited. */
const ON_THE_WAY: ReadonlySet<string> = new Set(['queued', 'awarded', 'fetching'])

/** All open event streams. */
export class EventStreams {
  readonly #limits: EventStreamLimits
  readonly #open = new Map<ServerResponse, () => void>()
  /** What is still to be written to each. */
  readonly #joined = new Map<ServerResponse, string>()
  #flushTimer: NodeJS.Timeout | undefined
  #keepAlive: NodeJS.Timeout | undefined

  constructor(limits: EventStreamLimits = EVENT_STREAM_LIMITS) {
    this.#limits = limits
  }

  /** How many clients listen. */
  get size(): number {
    return this.#open.size
  }

  /**
   * Turns a response into an event stream until its client goes.
   * @param sinceId the last id the client has seen; undefined: from now on
   * @param operations as its client may see them
   * @throws ApiError 503 when too many listen already
   */
  open(response: ServerResponse, sinceId: number | undefined, operations: Pick<Operations, 'subscribe'>): void {
    const { maxSubscribers, retryMs } = this.#limits
    if (this.#open.size >= maxSubscribers) {
      throw new ApiError(503, 'too-many-subscribers', `${maxSubscribers} clients follow the events already`, {
        fix: 'close a page or an `althing events` that is no longer needed',
      })
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    response.write(`retry: ${retryMs}\n\n`)
    // Registered first: replayed events may already be more than a slow client takes.
    this.#open.set(response, () => {})
    response.once('close', () => this.#forget(response))
    const unsubscribe = operations.subscribe(sinceId, (event) => this.#tell(response, event))
    if (!this.#open.has(response)) return unsubscribe()
    this.#open.set(response, unsubscribe)
    this.#keepAlive ??= setInterval(() => {
      for (const each of this.#open.keys()) this.#send(each, ': keep-alive\n\n')
    }, this.#limits.keepAliveMs)
  }

  /** Ends all streams. */
  stop(): void {
    this.#flush()
    for (const response of this.#open.keys()) {
      this.#forget(response)
      response.end()
    }
  }

  #tell(response: ServerResponse, event: MeshEvent): void {
    const text = (this.#joined.get(response) ?? '') + frame(event)
    this.#joined.set(response, text)
    const isAwaited = event.type === 'task' && !ON_THE_WAY.has(event.what)
    if (isAwaited || text.length > MOST_JOINED) this.#flush()
    else this.#flushTimer ??= setTimeout(() => this.#flush(), JOIN_MS)
  }

  #flush(): void {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    for (const [response, text] of this.#joined) this.#send(response, text)
    this.#joined.clear()
  }

  #send(response: ServerResponse, text: string): void {
    if (!this.#open.has(response)) return
    response.write(text)
    if (response.writableLength <= this.#limits.maxBufferedBytes) return
    this.#forget(response)
    response.destroy()
  }

  #forget(response: ServerResponse): void {
    const unsubscribe = this.#open.get(response)
    this.#open.delete(response)
    this.#joined.delete(response)
    unsubscribe?.()
    if (this.#open.size > 0) return
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
  }
}

function frame(event: MeshEvent): string {
  // JSON has no raw line breaks, so one `data:` line always holds it.
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
