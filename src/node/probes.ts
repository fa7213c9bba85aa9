/**
 * The way of a probe: by datagram where one gets through, over the control stream where none does, both while that is
 * not known. TCP under loss is silent for seconds, and a firewall may let nothing but TCP pass: each covers the other.
 */
import { randomInt } from 'node:crypto'
import type { MeshInput, ProbeMessage } from '../mesh/types.ts'
import type { Hello } from '../model/control.ts'
import { isLoopbackAddress, isPrivateHost } from '../peer/addresses.ts'
import type { Peer, PeerIdText } from '../peer/peer.ts'
import { ProbeSocket } from '../peer/probe-socket.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { MAX_PROBE_NONCE, type ProbeMessage as Datagram } from '../wire/probe.ts'

/** Peers of whom it is remembered how datagrams fare: as many as there are keys. */
const MAX_PEERS = 1_024

/** Pings of examinations under way: a few for each neighbour. */
const MAX_EXAMINED = 256

/** Pings that an examination sends before it gives up, and how long it waits for the answer to each. */
const EXAMINE_TRIES = 3
const EXAMINE_WAIT_MS = 300

/** How an examination by datagram went. */
export interface DatagramTrip {
  /** Answered within, milliseconds; undefined when no answer came in time. */
  readonly rttMs: number | undefined
  /** Pings that went out: none where the peer takes no datagrams, or this machine lets none out. */
  readonly sent: number
}
/** Probes that went out and whose answers are timed; of those that are lost the oldest make room. */
const MAX_TIMED = 1_024

/** What probes go by, and where those that come in are handed to. */
export interface ProbesOptions {
  readonly peer: () => Peer
  readonly clock: Clock
  readonly log: Logger
  readonly post: (input: MeshInput) => void
  /** Sends over the control stream, if there is one: a probe is not worth a dial. */
  readonly overLink: (to: PeerIdText, message: ProbeMessage) => void
  /** Takes datagrams from public addresses too. */
  readonly allowPublic: boolean
  /** Any clock finer than a millisecond, for round trips. @default performance.now */
  readonly fineMs?: () => number
}

export class Probes {
  readonly #options: ProbesOptions
  readonly #socket: ProbeSocket
  /** Peers of whom an answer came by datagram since the last probe to them: only an answer shows that ours arrive. */
  readonly #proven = new Set<PeerIdText>()
  /** The last ping of a peer that came by datagram: its answer goes back as it came. */
  readonly #pinged = new BoundedMap<PeerIdText, number>(MAX_PEERS, 'evict-oldest')
  /** When a datagram of a peer last came in, whatever it said. */
  readonly #heardMs = new BoundedMap<PeerIdText, number>(MAX_PEERS, 'evict-oldest')
  /** Pings of an examination, by peer and nonce, and who waits for their answers. */
  readonly #examined = new BoundedMap<string, () => void>(MAX_EXAMINED, 'refuse')
  /** By nonce, when a ping went out by datagram. The core counts whole milliseconds: too coarse on a LAN. */
  readonly #timed = new BoundedMap<number, { readonly to: PeerIdText; readonly atMs: number }>(
    MAX_TIMED,
    'evict-oldest',
  )
  readonly #fineMs: () => number
  /** Peers of this cluster that have said hello and where they want their probes. */
  readonly #greeted = new Set<PeerIdText>()
  #port: number | undefined

  constructor(options: ProbesOptions) {
    this.#options = options
    const { clock, log, fineMs = () => performance.now() } = options
    this.#fineMs = fineMs
    this.#socket = new ProbeSocket({
      onMessage: (from, datagram) => this.#take(from, datagram),
      log,
      nowMs: () => clock.nowMs(),
      allowHost: (host) => options.allowPublic || isPrivateHost(host),
    })
  }

  /**
   * Binds the UDP port; to be called before anybody can be told of it.
   * @param port the one wanted, such as that of TCP; any other when it is taken
   * @param listen where TCP listens, if that was said: when on loopback alone, then here too
   */
  async open(port: number, listen: readonly string[] = []): Promise<void> {
    const isLocal = listen.length > 0 && listen.every(isLoopbackAddress)
    const listenPort = Number(/\/tcp\/(\d+)/.exec(listen[0] ?? '')?.[1] ?? port)
    const hosts = isLocal ? { hosts: { udp4: '127.0.0.1', udp6: '::1' } } : {}
    this.#port = await this.#socket.open({ port: listenPort, ...hosts })
  }

  /** What a hello to this peer says of where it can send probes; undefined when by the control stream alone. */
  addressFor(peer: PeerIdText): Hello['probe'] {
    if (this.#port === undefined) return undefined
    const key = this.#socket.expect(peer)
    return key && { port: this.#port, key }
  }

  /** Takes what the hello of a peer of this cluster said. */
  learn(peer: PeerIdText, address: Hello['probe']): void {
    const host = this.#options.peer().remoteHost(peer)
    if (address === undefined || host === undefined) return
    if (this.#socket.learn(peer, { host, ...address })) this.#greeted.add(peer)
  }

  /** The peer is gone for good, unless its link stands: then it is merely quiet. */
  forget(peer: PeerIdText): void {
    if (this.#options.peer().link(peer) !== undefined) return
    this.#socket.forget(peer)
    this.#greeted.delete(peer)
    this.#proven.delete(peer)
    this.#heardMs.delete(peer)
    this.#pinged.delete(peer)
  }

  /** The port datagrams come in at; undefined where there is no UDP to be had. */
  get port(): number | undefined {
    return this.#port
  }

  /** Since a datagram of this peer last came in, milliseconds; undefined when none has. */
  datagramAgeMs(peer: PeerIdText): number | undefined {
    const heardMs = this.#heardMs.get(peer)
    return heardMs === undefined ? undefined : Math.max(0, this.#options.clock.nowMs() - heardMs)
  }

  /** Pings a peer by datagram alone, `EXAMINE_TRIES` times at most. Never rejects; ends early when the signal fires. */
  async examine(peer: PeerIdText, signal: AbortSignal): Promise<DatagramTrip> {
    for (let sent = 0; sent < EXAMINE_TRIES; sent++) {
      const rttMs = await this.#examineOnce(peer, signal)
      if (rttMs === 'not-sent') return { rttMs: undefined, sent }
      if (rttMs !== undefined) return { rttMs, sent: sent + 1 }
    }
    return { rttMs: undefined, sent: EXAMINE_TRIES }
  }

  async #examineOnce(peer: PeerIdText, signal: AbortSignal): Promise<number | 'not-sent' | undefined> {
    const nonce = randomInt(MAX_PROBE_NONCE + 1)
    const key = `${peer}/${nonce}`
    const { promise, resolve } = Promise.withResolvers<number | 'not-sent' | undefined>()
    const startMs = performance.now()
    const onAbort = (): void => resolve('not-sent')
    signal.addEventListener('abort', onAbort, { once: true })
    const patience = setTimeout(() => resolve(undefined), EXAMINE_WAIT_MS)
    try {
      this.#examined.set(key, () => resolve(performance.now() - startMs))
      if (signal.aborted || !this.#socket.send(peer, { type: 'ping', nonce, suspects: undefined })) return 'not-sent'
      return await promise
    } finally {
      clearTimeout(patience)
      signal.removeEventListener('abort', onAbort)
      this.#examined.delete(key)
    }
  }

  send(to: PeerIdText, message: ProbeMessage): void {
    if (message.t === 'pong') return this.#answer(to, message)
    const went = this.#socket.send(to, datagramOf(message))
    if (went && message.t === 'ping') this.#timed.set(message.body.nonce, { to, atMs: this.#fineMs() })
    // A probe that follows an unanswered one goes both ways: before silence is evidence, the control stream was tried.
    const isProven = this.#proven.delete(to)
    if (!went || !isProven) this.#options.overLink(to, message)
  }

  /** Goes back the way its ping came: where datagrams pass in one direction only, the asker tries the link as well. */
  #answer(to: PeerIdText, message: ProbeMessage & { t: 'pong' }): void {
    const byDatagram = this.#pinged.get(to) === message.body.nonce
    this.#pinged.delete(to)
    if (!byDatagram || !this.#socket.send(to, datagramOf(message))) this.#options.overLink(to, message)
  }

  #take(from: PeerIdText, datagram: Datagram): void {
    const { clock, post } = this.#options
    // Keys are told to whoever links, before it is known of which cluster it is.
    if (!this.#greeted.has(from)) return
    this.#heardMs.set(from, clock.nowMs())
    if (datagram.type === 'ping') this.#pinged.set(from, datagram.nonce)
    else if (datagram.type !== 'ask') this.#proven.add(from)
    const examined = datagram.type === 'pong' ? this.#examined.get(`${from}/${datagram.nonce}`) : undefined
    if (examined !== undefined) return examined()
    const rttMs = datagram.type === 'pong' ? this.#timeOf(from, datagram.nonce) : undefined
    post({ type: 'message', from, message: messageOf(datagram), ...(rttMs !== undefined && { rttMs }) })
  }

  /** How long the answer took. A ping that went over the link as well may have been answered by that before. */
  #timeOf(from: PeerIdText, nonce: number): number | undefined {
    const sent = this.#timed.get(nonce)
    if (sent?.to !== from) return undefined
    this.#timed.delete(nonce)
    return this.#fineMs() - sent.atMs
  }

  /** Counters, for /metrics. */
  stats(): Record<string, number> {
    return this.#socket.stats()
  }

  async close(): Promise<void> {
    await this.#socket.close()
  }
}

function datagramOf({ t, body }: ProbeMessage): Datagram {
  switch (t) {
    case 'ping':
      return { type: t, nonce: body.nonce, suspects: body.suspects }
    case 'pong':
      return { type: t, nonce: body.nonce }
    default:
      return { type: t, nonce: body.nonce, subject: body.subject }
  }
}

function messageOf(datagram: Datagram): ProbeMessage {
  const { nonce } = datagram
  switch (datagram.type) {
    case 'ping':
      return { t: 'ping', body: { nonce, ...(datagram.suspects && { suspects: datagram.suspects }) } }
    case 'pong':
      return { t: 'pong', body: { nonce } }
    default:
      return { t: datagram.type, body: { nonce, subject: datagram.subject } }
  }
}
