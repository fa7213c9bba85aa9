/**
 * The local API and the status page: one set of routes, on a Unix socket for the CLI and on loopback
 * HTTP for browsers.
 *
 * On `node:http` directly. A web framework was tried first: with Node's adapter and OpenAPI it took
 * 10 MB of memory and 75 ms of the start, because Request and Response bring in all of undici.
 */
import { createServer, type Server, type ServerOptions } from 'node:http'
import type { Operations } from '../node/operations.ts'
import type { Logger } from '../util/logger.ts'
import { createHandler } from './handler.ts'
import { listenLoopback, listenSocket } from './listen.ts'
import type { RouteContext } from './route.ts'
import { routes } from './routes/table.ts'
import { EVENT_STREAM_LIMITS, EventStreams, type EventStreamLimits } from './sse.ts'

/** What it serves, and where. */
export interface StatusServerOptions {
  readonly operations: Operations
  /** Made with mode 0600; its directory is made when missing. */
  readonly socketPath: string
  /** Loopback HTTP; absent: only the socket. `port` 0: any. */
  readonly http?: { readonly host: string; readonly port: number } | undefined
  /** What loopback HTTP asks for as `Authorization: Bearer`. */
  readonly token: string
  /** The built status page: `index.html` and `assets/`. It may be missing. */
  readonly webDir: string
  readonly log: Logger
  readonly version: string
  /** For tests. */
  readonly eventLimits?: Partial<EventStreamLimits>
  /** A client gets this long for its header lines. @default 10000 */
  readonly headersTimeoutMs?: number
}

export interface StatusServer {
  /** @returns the page's address, without the token, unless `http` is absent. @throws ListenError */
  start(): Promise<{ url?: string }>
  /** Ends event streams and followed logs, lets the rest finish for a moment, and closes. */
  stop(): Promise<void>
}

/** Connections at once on loopback; a browser opens six for a page. */
const MAX_CONNECTIONS = 256
/** See `headersTimeoutMs`. */
const HEADERS_TIMEOUT_MS = 10_000
/** What `stop` gives answers that are on their way. */
const DRAIN_MS = 500

/** Nothing listens before `start`. */
export function createStatusServer(options: StatusServerOptions): StatusServer {
  const { operations, log, version, webDir, token } = options
  const events = new EventStreams(operations, { ...EVENT_STREAM_LIMITS, ...options.eventLimits })
  const context: RouteContext = { operations, events, log, version, webDir, routes }
  // Until loopback listens no Host can be right; requests by the socket are not asked for one.
  let port = 0
  const handler = createHandler(context, () => ({ port, token }))
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  const limits: ServerOptions = {
    headersTimeout,
    // How often Node looks for those that are late; it would do so every 30 s.
    connectionsCheckingInterval: headersTimeout / 2,
    // A missing Host is our own to refuse, as a problem.
    requireHostHeader: false,
  }
  let open: Server[] = []

  async function start(): Promise<{ url?: string }> {
    // An upload by the socket may take as long as it takes.
    const socket = createServer({ ...limits, requestTimeout: 0 })
    handler.serve('socket', socket)
    if (options.http === undefined) {
      await listenSocket(socket, options.socketPath)
      open = [socket]
      return {}
    }
    const loopback = createServer(limits)
    handler.serve('loopback', loopback)
    loopback.maxConnections = MAX_CONNECTIONS
    const { host } = options.http
    try {
      port = await listenLoopback(loopback, host, options.http.port)
    } catch (error) {
      await stop()
      throw error
    }
    open.push(loopback)
    // Last: `up --detach` takes a socket that answers for a daemon that runs.
    try {
      await listenSocket(socket, options.socketPath)
    } catch (error) {
      await stop()
      throw error
    }
    open.push(socket)
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/` }
  }

  async function stop(): Promise<void> {
    const closing = open
    open = []
    const closed = Promise.all(closing.map((server) => new Promise((resolve) => server.close(resolve))))
    events.stop()
    handler.abortAll()
    const force = setTimeout(() => {
      for (const server of closing) server.closeAllConnections()
    }, DRAIN_MS)
    await closed
    clearTimeout(force)
  }

  return { start, stop }
}
