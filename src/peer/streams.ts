/** Bulk streams: task logs and bundles, each on a stream of its own beside the control stream. */
import type { Connection, Stream } from '@libp2p/interface'
import { addAbortSignal } from 'node:stream'
import type { Duplex } from 'node:stream'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { Counters } from './counters.ts'
import { streamDuplex } from './duplex.ts'
import { brokenStep, PeerError } from './errors.ts'
import type { Host } from './host.ts'
import { MAX_STREAMS_PER_PEER, REACH_TIMEOUT_MS } from './limits.ts'
import type { StreamKind } from './peer.ts'
import { STREAM_PROTOCOLS } from './protocols.ts'

const KINDS = Object.keys(STREAM_PROTOCOLS) as StreamKind[]

/** What bulk streams need of the rest. */
export interface StreamHooks {
  onStream(kind: StreamKind, peer: string, stream: Duplex): void
  connectionTo(peer: string): Promise<Connection>
}

/** The bulk streams of one peer, both ways. */
export class BulkStreams {
  readonly #host: Host
  readonly #hooks: StreamHooks
  readonly #counters: Counters
  readonly #log: Logger
  readonly #inbound = new Map<string, number>()
  readonly #open = new Set<Duplex>()

  constructor(host: Host, hooks: StreamHooks, counters: Counters, log: Logger) {
    this.#host = host
    this.#hooks = hooks
    this.#counters = counters
    this.#log = log
  }

  async start(): Promise<void> {
    for (const kind of KINDS) {
      await this.#host.handle(STREAM_PROTOCOLS[kind], (stream, connection) => this.#accept(kind, stream, connection), {
        maxInboundStreams: MAX_STREAMS_PER_PEER,
        maxOutboundStreams: MAX_STREAMS_PER_PEER,
        runOnLimitedConnection: true,
      })
    }
  }

  /** Destroys what is open. */
  async stop(): Promise<void> {
    for (const stream of this.#open) stream.destroy(new PeerError('stopped', 'the peer was stopped'))
    await this.#host.unhandle(KINDS.map((kind) => STREAM_PROTOCOLS[kind]))
  }

  get openCount(): number {
    return this.#open.size
  }

  /**
   * Opens a stream, dialling if needed. The signal counts for the stream's whole life: when it fires the stream
   * is destroyed and the other side sees a reset.
   *
   * @throws PeerError `aborted`, `unreachable`, `not-althing`, `timeout`
   */
  async open(kind: StreamKind, peer: string, signal: AbortSignal): Promise<Duplex> {
    try {
      signal.throwIfAborted()
      const connection = await this.#hooks.connectionTo(peer)
      const stream = await connection.newStream([STREAM_PROTOCOLS[kind]], {
        signal: AbortSignal.any([signal, AbortSignal.timeout(REACH_TIMEOUT_MS)]),
        maxOutboundStreams: MAX_STREAMS_PER_PEER,
        runOnLimitedConnection: true,
      })
      const duplex = this.#track(stream)
      addAbortSignal(signal, duplex)
      this.#counters.add('streams_out_total')
      return duplex
    } catch (cause) {
      if (signal.aborted) throw new PeerError('aborted', `opening a ${kind} stream to ${peer} was cancelled`, { cause })
      if (cause instanceof PeerError) throw cause
      if (cause instanceof Error && cause.name === 'TooManyOutboundProtocolStreamsError') {
        throw new PeerError('too-many-streams', `${MAX_STREAMS_PER_PEER} ${kind} streams to ${peer} are open`, {
          cause,
        })
      }
      const step = brokenStep(cause)
      throw new PeerError(step.code, `no ${kind} stream to ${peer}: ${step.text}`, { cause })
    }
  }

  #accept(kind: StreamKind, stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const open = this.#inbound.get(peer) ?? 0
    if (open >= MAX_STREAMS_PER_PEER) {
      this.#counters.add('streams_refused_total')
      stream.abort(new Error(`more than ${MAX_STREAMS_PER_PEER} streams`))
      return
    }
    this.#inbound.set(peer, open + 1)
    const duplex = this.#track(stream)
    duplex.once('close', () => {
      const left = (this.#inbound.get(peer) ?? 1) - 1
      if (left === 0) this.#inbound.delete(peer)
      else this.#inbound.set(peer, left)
    })
    this.#counters.add('streams_in_total')
    try {
      this.#hooks.onStream(kind, peer, duplex)
    } catch (error) {
      this.#log.error({ kind, peer, error: messageOf(error) }, 'the stream handler threw')
      duplex.destroy(error as Error)
    }
  }

  #track(stream: Stream): Duplex {
    const duplex = streamDuplex(stream)
    this.#open.add(duplex)
    duplex.once('close', () => this.#open.delete(duplex))
    // A reset by the other side must not bring the process down when nobody listens any more.
    duplex.on('error', (error) => this.#log.debug({ error: messageOf(error) }, 'stream ended with an error'))
    return duplex
  }
}
