/**
 * Probes by UDP, beside the control streams: TCP under loss is silent for seconds where a datagram in four is all that
 * is lost. What is not authentic is dropped without an answer, so a stranger cannot even tell that anybody listens.
 *
 * Nothing that comes from the network, and no fault of it, leaves here as an exception: it is counted. A machine
 * without UDP is none the worse; its probes go over the control streams.
 */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { ProbeMessage } from '../wire/probe.ts'
import { Counters } from './counters.ts'
import { MAX_PROBES_IN_FLIGHT } from './limits.ts'
import { ProbeLinks } from './probe-links.ts'
import type { Endpoint, ProbeTarget } from './probe-links.ts'

type Family = 'udp4' | 'udp6'

/** What a probe socket is made with. */
export interface ProbeSocketOptions {
  /** A datagram of `peer` that is authentic and was not taken before. What it throws is logged once and counted. */
  readonly onMessage: (peer: string, message: ProbeMessage) => void
  /** Where datagrams may come from. @default anywhere */
  readonly allowHost?: (host: string) => boolean
  readonly log: Logger
  /** A clock that never jumps back. @default performance.now */
  readonly nowMs?: () => number
}

/** Where a probe socket is bound. */
export interface ProbeListen {
  /** 0: any. */
  readonly port: number
  /** An address of this machine for each family that is to be bound. @default every address, both families */
  readonly hosts?: Partial<Record<Family, string>>
}

const EVERY_ADDRESS = { udp4: '0.0.0.0', udp6: '::' } as const

/** How often a port free for one family is tried for the other. */
const ANY_PORT_TRIES = 8

/** One port, by IPv4 and IPv6, for the probes of all peers. */
export class ProbeSocket {
  readonly #options: ProbeSocketOptions
  readonly #log: Logger
  readonly #nowMs: () => number
  readonly #counters = new Counters()
  #links: ProbeLinks
  #sockets: Partial<Record<Family, Socket>> = {}
  #opening: Promise<number | undefined> | undefined
  #inFlight = 0

  constructor(options: ProbeSocketOptions) {
    this.#options = options
    this.#log = options.log.child({ component: 'probes' })
    this.#nowMs = options.nowMs ?? (() => performance.now())
    this.#links = new ProbeLinks(this.#nowMs())
  }

  /**
   * Binds a port by IPv4 and IPv6, or by the one there is: the one wanted, or any other when it is taken. Once open,
   * it says again what it said. Never rejects.
   * @returns the port bound, or undefined when there is no UDP to be had
   */
  async open(listen: ProbeListen): Promise<number | undefined> {
    this.#opening ??= this.#open(listen)
    return this.#opening
  }

  /** Forgets every peer and lets go of the port. It can be opened again once this has resolved. */
  async close(): Promise<void> {
    const port = await this.#opening
    const sockets = Object.values(this.#sockets)
    this.#sockets = {}
    this.#links = new ProbeLinks(this.#nowMs())
    await Promise.all(sockets.map(closed))
    this.#opening = undefined
    if (port !== undefined) this.#log.debug({ port }, 'probe socket closed')
  }

  /**
   * Makes a key that `peer` is to send under; to be told to it over its control stream. The key it last proved stays
   * good until it proves this one.
   * @returns `PROBE_KEY_BYTES`, or undefined when as many peers as may be are expected already
   */
  expect(peer: string): Uint8Array | undefined {
    return this.#links.expect(peer, this.#nowMs())
  }

  /**
   * Notes where `peer` wants its datagrams and under which key, as it told over its control stream; `host` is the
   * remote address of that stream's connection, an IP address.
   * @returns false when that cannot be used, and nothing was noted
   */
  learn(peer: string, target: ProbeTarget): boolean {
    return this.#links.learn(peer, target)
  }

  /** Takes nothing from `peer` any more and sends it nothing. */
  forget(peer: string): void {
    this.#links.forget(peer)
  }

  /**
   * Sends one datagram, as networks do: it may be lost.
   * @returns false when it is known not to go out: the peer is not learnt, its family is not bound, or too many wait
   */
  send(peer: string, message: ProbeMessage): boolean {
    try {
      const sealed = this.#links.seal(peer, message)
      if (sealed === undefined) return false
      return this.#transmit(sealed.bytes, sealed.to)
    } catch (error) {
      // A number out of range, or a port that the socket layer will not have: not worth a daemon.
      this.#fault('unsendable', error)
      return false
    }
  }

  /**
   * Counters, and how many keys are given out: `probe_in_total`, `probe_out_total`, `probe_refused_<reason>_total`
   * with an underscore for each hyphen of the reason, `probe_refused_public_total` (from where none may come),
   * `probe_send_failed_total`, `probe_dropped_total` (too many waited), `probe_socket_errors_total`,
   * `probe_handler_failed_total`, `probe_unsendable_total`, `probe_keys`.
   */
  stats(): Record<string, number> {
    return { ...this.#counters.snapshot(), probe_keys: this.#links.keys }
  }

  #transmit(bytes: Uint8Array, { host, port }: Endpoint): boolean {
    const socket = this.#sockets[isIPv4(host) ? 'udp4' : 'udp6']
    if (socket === undefined) return false
    if (this.#inFlight >= MAX_PROBES_IN_FLIGHT) {
      this.#counters.add('probe_dropped_total')
      return false
    }
    socket.send(bytes, port, host, this.#onSent)
    this.#inFlight += 1
    this.#counters.add('probe_out_total')
    return true
  }

  /** With ECONNREFUSED, say: that nobody listens there is for the control stream to find out. */
  readonly #onSent = (error: Error | null): void => {
    this.#inFlight -= 1
    if (error !== null) this.#counters.add('probe_send_failed_total')
  }

  readonly #onDatagram = (bytes: Uint8Array, { address, port }: RemoteInfo): void => {
    try {
      if (this.#options.allowHost?.(address) === false) return this.#counters.add('probe_refused_public_total')
      const outcome = this.#links.accept(bytes, { host: address, port }, this.#nowMs())
      if (typeof outcome === 'string') {
        this.#counters.add(`probe_refused_${outcome.replaceAll('-', '_')}_total`)
        return
      }
      this.#counters.add('probe_in_total')
      this.#options.onMessage(outcome.peer, outcome.message)
    } catch (error) {
      this.#fault('handler_failed', error)
    }
  }

  /** Counts what should not happen, and says it the first time: peers could have it said 200 times a second. */
  #fault(what: 'unsendable' | 'handler_failed', error: unknown): void {
    const name = `probe_${what}_total`
    this.#counters.add(name)
    if (this.#counters.get(name) === 1)
      this.#log.error({ error: messageOf(error) }, `probe: ${what}; counted from here`)
  }

  async #open({ port: wanted, hosts = EVERY_ADDRESS }: ProbeListen): Promise<number | undefined> {
    const tries = [wanted, ...Array.from({ length: ANY_PORT_TRIES }, () => 0)]
    let why = ''
    for (const [index, port] of tries.entries()) {
      const udp4 = await this.#bind('udp4', hosts.udp4, port)
      const udp6 = await this.#bind('udp6', hosts.udp6, typeof udp4 === 'string' ? port : udp4.address().port)
      const isLast = index === tries.length - 1
      // One family taken and the other free is somebody else's port; a family that there is not will not come.
      if (!isLast && [udp4, udp6].some((bound) => bound === 'EADDRINUSE' || bound === 'EACCES')) {
        await Promise.all([udp4, udp6].map(async (bound) => typeof bound === 'string' || closed(bound)))
        continue
      }
      if (typeof udp4 !== 'string') this.#sockets.udp4 = udp4
      if (typeof udp6 !== 'string') this.#sockets.udp6 = udp6
      const socket = this.#sockets.udp4 ?? this.#sockets.udp6
      if (socket !== undefined) return socket.address().port
      why = `IPv4: ${udp4 as string}, IPv6: ${udp6 as string}`
      break
    }
    this.#log.warn({ why }, 'no UDP here: probes go over the control streams, which notice a lost member later')
    return undefined
  }

  /** A bound socket that takes datagrams, or the code of what was in the way. */
  async #bind(type: Family, address: string | undefined, port: number): Promise<Socket | string> {
    if (address === undefined) return 'not wanted'
    const { promise, resolve } = Promise.withResolvers<Socket | string>()
    const socket = createSocket({
      type,
      // Otherwise the one socket would take the other's port, and IPv4 addresses come in IPv6 dress.
      ipv6Only: type === 'udp6',
      // Only addresses come here, and asking the resolver for one would defer every datagram by a turn.
      lookup: (host, _options, callback) => callback(null, host, type === 'udp4' ? 4 : 6),
    })
    const refused = (error: NodeJS.ErrnoException): void => {
      resolve(error.code ?? error.message)
      void closed(socket)
    }
    socket.once('error', refused)
    try {
      socket.bind({ port, address, exclusive: true }, () => {
        socket.off('error', refused)
        socket.on('error', () => this.#counters.add('probe_socket_errors_total'))
        socket.on('message', this.#onDatagram)
        resolve(socket)
      })
    } catch (error) {
      refused(error as NodeJS.ErrnoException)
    }
    return promise
  }
}

async function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  try {
    socket.close(resolve)
  } catch {
    // It was closed before it was bound.
    resolve()
  }
  return promise
}
