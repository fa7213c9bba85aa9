/**
 * The local API and the status page: one set of routes, on a Unix socket for the CLI and on loopback
 * HTTP for browsers.
 *
 * On `node:http` directly. A web framework was tried first: with Node's adapter and OpenAPI it took
 * 10 MB of memory and 75 ms of the start, because Request and Response bring in all of undici.
 */
import { createServer, type ServerOptions } from 'node:http'
import type { JwtIssuer, RemotePlace } from '../node/api-options.ts'
import type { Operations } from '../node/operations.ts'
import { systemClock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { Gate } from './access/gate.ts'
import { Sessions } from './access/sessions.ts'
import { createHandler, type AnyServer, type Serve } from './handler.ts'
import { listenLoopback, listenSocket } from './listen.ts'
import { RemoteDoor, type RemoteUrls } from './remote-door.ts'
import type { RemoteServer } from './remote/library.ts'
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
  /** The API for others, by TLS. @default not */
  readonly remote?: RemotePlace | undefined
  /** Whose JWTs are taken beside tokens. @default nobody's */
  readonly jwt?: JwtIssuer | undefined
  /** This host's own, which loopback HTTP takes as `Authorization: Bearer`. */
  readonly token: string
  /** The built status page: `index.html` and `assets/`. It may be missing. */
  readonly webDir: string
  readonly log: Logger
  readonly version: string
  /** For tests. */
  readonly eventLimits?: Partial<EventStreamLimits>
  /** A client gets this long for its header lines. @default 10000 */
  readonly headersTimeoutMs?: number
  /** Unix milliseconds of a clock that never goes back. @default the machine's */
  readonly nowMs?: () => number
}

/** Where it listens, as addresses of pages without a token. */
export interface StatusUrls extends RemoteUrls {
  readonly pageUrl?: string
}

export interface StatusServer {
  /**
   * @param onUrls told when they have changed since
   * @throws ListenError; nothing listens then
   */
  start(onUrls?: (urls: StatusUrls) => void): Promise<StatusUrls>
  /** Ends event streams and followed logs, lets the rest finish for a moment, and closes. */
  stop(): Promise<void>
}

/** Connections at once on loopback; a browser opens six for a page. */
const MAX_CONNECTIONS = 256
/** See `headersTimeoutMs`. */
const HEADERS_TIMEOUT_MS = 10_000
/** What the input of a task may take to come from another machine; Node gives five minutes. */
const UPLOAD_MS = 60 * 60 * 1000
/** What `stop` gives answers that are on their way. */
const DRAIN_MS = 500

/** Nothing listens before `start`. */
export function createStatusServer(options: StatusServerOptions): StatusServer {
  const { operations, log, version, webDir, token, nowMs = systemClock().nowMs } = options
  const events = new EventStreams({ ...EVENT_STREAM_LIMITS, ...options.eventLimits })
  const sessions = new Sessions(nowMs)
  let gate: Gate
  let door: RemoteDoor | undefined
  // Until loopback listens no Host can be right; requests by the socket are not asked for one.
  let port = 0
  const accessMetrics = () => ({ ...gate.metrics(), ...door?.server?.metrics(), api_tokens: operations.tokens.live() })
  const context: RouteContext = { operations, events, log, version, webDir, routes, accessMetrics }
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS
  const limits: ServerOptions = {
    headersTimeout,
    // How often Node looks for those that are late; it would do so every 30 s.
    connectionsCheckingInterval: headersTimeout / 2,
    // A missing Host is our own to refuse, as a problem.
    requireHostHeader: false,
  }
  let open: AnyServer[] = []
  let forgetTokens = (): void => {}

  async function start(onUrls: (urls: StatusUrls) => void = () => {}): Promise<StatusUrls> {
    const jwt = options.jwt && (await import('./jwt/library.ts')).createJwtReader(options.jwt, { nowMs, log })
    gate = new Gate({ pageToken: token, tokens: operations.tokens, jwt, nowMs, log })
    const isRemoteHost = (host: string): boolean => door?.server?.isHost(host) ?? false
    const serve = createHandler({ context, policy: () => ({ port, isRemoteHost }), gate, sessions })
    forgetTokens = operations.tokens.onRevoked((id) => sessions.endToken(id))
    try {
      const page = await listenHttp(serve)
      const urls = (): StatusUrls => ({ ...page, ...door?.urls })
      await openDoor(serve, () => onUrls(urls()))
      // Last: `up --detach` takes a socket that answers for a daemon that runs. An upload by it takes as long as it
      // takes.
      const socket = createServer({ ...limits, requestTimeout: 0 })
      serve('socket', socket)
      await listenSocket(socket, options.socketPath)
      open.push(socket)
      return urls()
    } catch (error) {
      await stop()
      throw error
    }
  }

  async function listenHttp(serve: Serve): Promise<StatusUrls> {
    if (options.http === undefined) return {}
    const { host } = options.http
    const server = createServer(limits)
    serve('loopback', server)
    server.maxConnections = MAX_CONNECTIONS
    port = await listenLoopback(server, host, options.http.port)
    open.push(server)
    return { pageUrl: `http://${host.includes(':') ? `[${host}]` : host}:${port}/` }
  }

  async function openDoor(serve: Serve, onChange: () => void): Promise<void> {
    const { remote: place, jwt } = options
    if (place === undefined) return
    const make = async (): Promise<RemoteServer> => {
      const { RemoteServer: Remote } = await import('./remote/library.ts')
      const remote = new Remote(place, { ...limits, requestTimeout: UPLOAD_MS }, nowMs, log)
      serve('remote', remote.server)
      remote.server.maxConnections = MAX_CONNECTIONS
      return remote
    }
    const hasWayIn = (): boolean => jwt !== undefined || operations.tokens.live() > 0
    door = new RemoteDoor({ place, hasWayIn, make, onChange, log })
    await door.start()
  }

  async function stop(): Promise<void> {
    door?.stop()
    const closing = door?.server === undefined ? open : [...open, door.server.server]
    open = []
    forgetTokens()
    const closed = Promise.all(closing.map((server) => new Promise((resolve) => server.close(resolve))))
    events.stop()
    sessions.abortAll()
    const force = setTimeout(() => {
      for (const server of closing) server.closeAllConnections()
      door?.server?.cutAll()
    }, DRAIN_MS)
    await closed
    clearTimeout(force)
  }

  return { start, stop }
}
