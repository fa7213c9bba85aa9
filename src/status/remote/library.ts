/**
 * The API beyond loopback: by TLS alone, for addresses that may connect, under names that are its own. A file of its
 * own in the build, `remote.cjs`: few daemons load it.
 */
import type { ServerOptions } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { RemotePlace } from '../../node/api-options.ts'
import { isWithin, readNetwork, sourceOf, type Network } from '../../util/cidr.ts'
import type { Logger } from '../../util/logger.ts'
import { Certificate } from './certificate.ts'
import { listenAt, ListenError } from '../listen.ts'

/** A client gets this long for the handshake; Node gives two minutes. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** Connections of one address at once: more than a command opens, and not all there are. */
export const MOST_PER_ADDRESS = 96

/** The server for others, guarded before TLS. */
export class RemoteServer {
  readonly server: Server
  readonly #place: RemotePlace
  readonly #certificate: Certificate
  readonly #allow: readonly Network[]
  #port = 0
  /** By where they come from, see `sourceOf`. */
  readonly #open = new Map<string, Set<Socket>>()
  /** Connections of addresses that may not connect, or have too many. */
  #refused = 0

  /** @param nowMs a clock that never goes back. @throws ListenError: the certificate or a network is of no use */
  constructor(place: RemotePlace, limits: ServerOptions, nowMs: () => number, log: Logger) {
    this.#place = place
    this.#certificate = new Certificate(place, nowMs, log)
    this.#allow = place.allow.map(networkOf)
    this.server = createServer({
      ...limits,
      ...this.#certificate.current,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    })
    this.#guardConnections()
  }

  /** @returns its address. @throws ListenError */
  async listen(): Promise<string> {
    const { host, port } = this.#place
    const fix = 'name another address of this machine by --api-listen, or another port'
    this.#port = await listenAt(this.server, host, port, fix)
    return `https://${host.includes(':') ? `[${host}]` : host}:${this.#port}/`
  }

  /** Whether a Host header names this server: by its certificate and its port, or as it was told. */
  isHost(host: string): boolean {
    if (this.#place.hosts.some((name) => host === name || host === `${name}:${this.#port}`)) return true
    const [, bracketed, plain, port = '443'] =
      /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^[\]:]{1,253}))(?::(\d{1,5}))?$/.exec(host) ?? []
    const name = bracketed ?? plain
    return name !== undefined && Number(port) === this.#port && this.#certificate.isFor(name)
  }

  /** Cuts every connection, also those that have not come through the handshake, of which HTTP knows nothing. */
  cutAll(): void {
    for (const sockets of this.#open.values()) for (const socket of sockets) socket.destroy()
  }

  /** Samples for /metrics. */
  metrics(): Record<string, number> {
    return { api_connections_refused_total: this.#refused }
  }

  /** Who may not connect gets no byte of TLS; who may, the certificate as it is now. */
  #guardConnections(): void {
    const { server } = this
    const accept = server.listeners('connection') as ((socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (!this.#mayConnect(socket)) {
        this.#refused++
        socket.destroy()
        return
      }
      const renewed = this.#certificate.renewed()
      if (renewed !== undefined) server.setSecureContext({ ...renewed, minVersion: 'TLSv1.2' })
      for (const each of accept) each.call(server, socket)
    })
  }

  /** One that opens silent connections must not keep out the others. */
  #mayConnect(socket: Socket): boolean {
    const { remoteAddress: address } = socket
    if (address === undefined) return false
    if (this.#allow.length > 0 && !isWithin(address, this.#allow)) return false
    const source = sourceOf(address)
    const open = this.#open.get(source) ?? new Set()
    if (open.size >= MOST_PER_ADDRESS) return false
    this.#open.set(source, open.add(socket))
    socket.once('close', () => {
      open.delete(socket)
      if (open.size === 0) this.#open.delete(source)
    })
    return true
  }
}

function networkOf(text: string): Network {
  const network = readNetwork(text)
  if (typeof network !== 'string') return network
  throw new ListenError('bad-network', `${text} is no network: ${network}`, { fix: 'correct --api-allow' })
}
