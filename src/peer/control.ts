/**
 * A standing control stream to every connected peer.
 *
 * Of two peers the one with the smaller id opens the stream, always, so there is never a second one to choose
 * from; the other waits for it. A stream that replaces one that stood (the opener lost its side without ours
 * noticing) ends the older first. Whenever a stream ends the peer is reported down, even if the next stands a
 * moment later: frames may have been lost, and "in order, once, or the peer goes down" must hold.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { CONTROL_PROTOCOL } from '../wire/protocols.ts'
import type { Counters } from './counters.ts'
import { brokenStep, PeerError } from './errors.ts'
import type { Host } from './host.ts'
import { jittered, KEEPALIVE_MS, REACH_TIMEOUT_MS, REOPEN_MIN_MS } from './limits.ts'
import { ControlLink } from './link.ts'
import type { LinkHooks } from './link.ts'

/** Longest pause between attempts to re-open a stream on a connection that lives. */
const REOPEN_MAX_MS = 10_000
/** A link this old is not the other half of a simultaneous dial: a new connection means the old one is lost. */
const SETTLED_MS = 2_000

/** Who is told what happens on the control streams. All are called synchronously. */
export interface ControlHooks {
  onUp(peer: string, link: ControlLink): void
  onDown(peer: string, why: string): void
  onFrame(peer: string, frame: Uint8Array): void
  /** Speaks libp2p but not this protocol. */
  onForeign(peer: string): void
  onViolation(peer: string, what: string): void
}

interface Lane {
  link: ControlLink | undefined
  opening: boolean
  reopenMs: number
  timer: NodeJS.Timeout | undefined
  waiters: Set<{ resolve(link: ControlLink): void; reject(error: PeerError): void }>
}

/** The control streams of one peer. */
export class ControlLinks {
  readonly #host: Host
  readonly #self: string
  readonly #hooks: ControlHooks
  readonly #counters: Counters
  readonly #log: Logger
  /** One for each connected peer and each awaited one: bounded by the connections and the outbox. */
  readonly #lanes = new Map<string, Lane>()
  #tending: NodeJS.Timeout | undefined
  #running = false

  constructor(host: Host, hooks: ControlHooks, counters: Counters, log: Logger) {
    this.#host = host
    this.#self = host.peerId.toString()
    this.#hooks = hooks
    this.#counters = counters
    this.#log = log
  }

  async start(): Promise<void> {
    this.#running = true
    this.#host.addEventListener('connection:open', this.#onConnection)
    this.#host.addEventListener('connection:close', this.#onConnectionClosed)
    this.#host.addEventListener('peer:identify', this.#onIdentify)
    await this.#host.handle(CONTROL_PROTOCOL, this.#onInbound, {
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
      // A relay of somebody else's may set limits: what it grants is used.
      runOnLimitedConnection: true,
    })
    this.#tending = setInterval(() => {
      const nowMs = performance.now()
      for (const lane of this.#lanes.values()) lane.link?.tend(nowMs)
    }, KEEPALIVE_MS / 2)
    this.#tending.unref()
  }

  /** Ends quietly: nobody is reported down, queued frames are handed to the streams. */
  async stop(): Promise<void> {
    this.#running = false
    this.#host.removeEventListener('connection:open', this.#onConnection)
    this.#host.removeEventListener('connection:close', this.#onConnectionClosed)
    this.#host.removeEventListener('peer:identify', this.#onIdentify)
    clearInterval(this.#tending)
    for (const [peer, lane] of this.#lanes) {
      clearTimeout(lane.timer)
      this.#rejectWaiters(lane, new PeerError('stopped', `${peer}: the peer was stopped`))
      lane.link?.release()
    }
    this.#lanes.clear()
    await this.#host.unhandle(CONTROL_PROTOCOL)
  }

  get(peer: string): ControlLink | undefined {
    return this.#lanes.get(peer)?.link
  }

  peers(): string[] {
    return [...this.#lanes].filter(([, lane]) => lane.link !== undefined).map(([peer]) => peer)
  }

  /** Waits until a control stream to a connected peer stands; rejects with PeerError. */
  async linked(peer: string, timeoutMs = REACH_TIMEOUT_MS): Promise<ControlLink> {
    if (!this.#running) throw new PeerError('stopped', `${peer}: the peer was stopped`)
    const lane = this.#lane(peer)
    if (lane.link !== undefined) return lane.link
    const { promise, resolve, reject } = Promise.withResolvers<ControlLink>()
    const waiter = { resolve, reject }
    lane.waiters.add(waiter)
    const timer = setTimeout(() => {
      reject(new PeerError('timeout', 'connected, but no control stream stood in time'))
      this.#abandon(peer)
    }, timeoutMs)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      lane.waiters.delete(waiter)
      this.#tidy(peer)
    }
  }

  /**
   * Gives up connections over which nothing came about, so that the next dial is a new one: the other side may have
   * taken this for the twin of one that it does not know to be lost.
   */
  #abandon(peer: string): void {
    if (this.get(peer) !== undefined) return
    for (const connection of this.#host.getConnections()) {
      const isIdle = Date.now() - connection.timeline.open > SETTLED_MS
      if (isIdle && connection.remotePeer.toString() === peer) connection.abort(new Error('no control stream'))
    }
  }

  #lane(peer: string): Lane {
    let lane = this.#lanes.get(peer)
    if (lane === undefined) {
      lane = { link: undefined, opening: false, reopenMs: REOPEN_MIN_MS, timer: undefined, waiters: new Set() }
      this.#lanes.set(peer, lane)
    }
    return lane
  }

  /** Forgets a peer nothing is known of any more. */
  #tidy(peer: string): void {
    const lane = this.#lanes.get(peer)
    if (lane === undefined || lane.link !== undefined || lane.waiters.size > 0 || lane.opening) return
    if (this.#connectionTo(peer) !== undefined) return
    clearTimeout(lane.timer)
    this.#lanes.delete(peer)
  }

  #opens(peer: string): boolean {
    return this.#self < peer
  }

  #connectionTo(peer: string): Connection | undefined {
    return this.#host
      .getConnections()
      .findLast((connection) => connection.status === 'open' && connection.remotePeer.toString() === peer)
  }

  readonly #onConnection = ({ detail: connection }: CustomEvent<Connection>): void => {
    const peer = connection.remotePeer.toString()
    const link = this.get(peer)
    if (!this.#opens(peer)) return
    if (link !== undefined && performance.now() - link.openedAtMs < SETTLED_MS) return
    void this.#open(peer, connection)
  }

  async #open(peer: string, connection: Connection): Promise<void> {
    const lane = this.#lane(peer)
    if (lane.opening) return
    lane.opening = true
    try {
      const stream = await connection.newStream([CONTROL_PROTOCOL], {
        signal: AbortSignal.timeout(REACH_TIMEOUT_MS),
        runOnLimitedConnection: true,
      })
      lane.opening = false
      if (this.#running) this.#adopt(stream, connection)
      else stream.abort(new Error('stopped'))
    } catch (error) {
      lane.opening = false
      if (!this.#running) return
      const step = brokenStep(error)
      this.#counters.add('control_open_failed_total')
      this.#log.debug({ peer, error: messageOf(error) }, 'control stream not opened')
      if (step.code === 'not-althing') this.#foreign(peer)
      else this.#scheduleOpen(peer)
    }
  }

  #scheduleOpen(peer: string): void {
    const lane = this.#lanes.get(peer)
    if (!this.#running || lane === undefined || lane.link !== undefined || !this.#opens(peer)) return
    if (this.#connectionTo(peer) === undefined) {
      this.#tidy(peer)
      return
    }
    clearTimeout(lane.timer)
    const pauseMs = jittered(lane.reopenMs)
    lane.reopenMs = Math.min(lane.reopenMs * 2, REOPEN_MAX_MS)
    lane.timer = setTimeout(() => {
      const connection = this.#connectionTo(peer)
      if (connection === undefined) this.#tidy(peer)
      else if (lane.link === undefined) void this.#open(peer, connection)
    }, pauseMs)
  }

  readonly #onInbound = (stream: Stream, connection: Connection): void => {
    const peer = connection.remotePeer.toString()
    if (this.#opens(peer)) {
      this.#violation(peer, 'opened a control stream that is ours to open')
      stream.abort(new Error('not yours to open'))
      return
    }
    this.#adopt(stream, connection)
  }

  #adopt(stream: Stream, connection: Connection): void {
    const link = new ControlLink(stream, connection, this.#linkHooks, this.#counters)
    const lane = this.#lane(link.peer)
    if (lane.link !== undefined) this.#replace(lane.link, connection)
    clearTimeout(lane.timer)
    lane.link = link
    this.#counters.add('control_links_opened_total')
    link.open()
    // Whoever listens to `up` writes its hello here, ahead of everything that waited.
    this.#hooks.onUp(link.peer, link)
    for (const waiter of lane.waiters) waiter.resolve(link)
  }

  /**
   * The other side has lost a connection of which this side knows nothing, as when an address of one of the two went.
   * The old one goes, and what stands beside it with it: a dial later both begin anew.
   */
  #replace(link: ControlLink, by: Connection): void {
    link.end('replaced by a newer stream')
    const isLost = link.connection.id !== by.id && performance.now() - link.openedAtMs > SETTLED_MS
    if (isLost) link.connection.abort(new Error('replaced by a newer connection'))
  }

  readonly #linkHooks: LinkHooks = {
    onFrame: (link, frame) => this.#hooks.onFrame(link.peer, frame),
    onViolation: (link, what) => this.#violation(link.peer, what),
    onEnd: (link, why) => {
      const lane = this.#lanes.get(link.peer)
      if (lane?.link !== link) return
      lane.link = undefined
      if (performance.now() - link.openedAtMs > REOPEN_MAX_MS) lane.reopenMs = REOPEN_MIN_MS
      this.#hooks.onDown(link.peer, why)
      this.#scheduleOpen(link.peer)
      this.#tidy(link.peer)
    },
  }

  /**
   * A peer's connections stand or fall together: gossipsub opens its stream on one of them and does not open it
   * again on another when that one goes, so a peer left with the second would be deaf.
   */
  readonly #onConnectionClosed = ({ detail: closed }: CustomEvent<Connection>): void => {
    const peer = closed.remotePeer.toString()
    // A connection that goes at once was a duplicate that libp2p turned down, and carried nothing yet.
    const settled = Date.now() - closed.timeline.open > SETTLED_MS
    for (const connection of settled ? this.#host.getConnections(closed.remotePeer) : []) {
      if (connection.id !== closed.id) connection.abort(new Error('another connection to this peer closed'))
    }
    const lane = this.#lanes.get(peer)
    if (lane === undefined) return
    // A link on it has ended, or is about to, with its stream.
    if (lane.link === undefined) {
      this.#rejectWaiters(lane, new PeerError('not-allowed', 'it closed the connection: this peer is not let in there'))
    }
    this.#tidy(peer)
  }

  readonly #onIdentify = ({ detail }: CustomEvent<{ peerId: { toString(): string }; protocols: string[] }>): void => {
    if (!detail.protocols.includes(CONTROL_PROTOCOL)) this.#foreign(detail.peerId.toString())
  }

  #foreign(peer: string): void {
    const lane = this.#lanes.get(peer)
    if (lane !== undefined) this.#rejectWaiters(lane, new PeerError('not-althing', 'speaks libp2p but not althing'))
    this.#hooks.onForeign(peer)
  }

  #violation(peer: string, what: string): void {
    this.#counters.add('control_violations_total')
    this.#log.warn({ peer, what }, 'control stream reset')
    this.#hooks.onViolation(peer, what)
  }

  #rejectWaiters(lane: Lane, error: PeerError): void {
    for (const waiter of lane.waiters) waiter.reject(error)
  }
}
