/** Takes one HTTP request from its first byte to its last: guards, route, validation, answer or problem. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { readBody } from './body.ts'
import type { Gate } from './access/gate.ts'
import type { Sessions } from './access/sessions.ts'
import { judge, type Channel, type GuardPolicy, type Refusal } from './guards.ts'
import { refuseBytes } from './no-request.ts'
import { ApiError, PROBLEM_TYPE, problemOf, validationError } from './problem.ts'
import { Router, type Exchange, type Reply, type Route, type RouteContext } from './route.ts'
import { operationsFor, placeOf } from './within.ts'

/** Sent with everything, since the browser applies them to whatever it is shown. */
const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  [
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
]

/** Names under which people try to pass a token in an address. */
const TOKEN_PARAMETERS = ['token', 'access_token', 'api_token', 'authorization']

/** How long what is still sent of a refused body is read and thrown away, so that the answer gets through. */
const LINGER_MS = 5_000

/** With TLS or without. */
export type AnyServer = Server | SecureServer
/** Answers what comes to one of the servers. */
export type Serve = (channel: Channel, server: AnyServer) => void

/** What a handler is made of. */
export interface HandlerOptions {
  readonly context: RouteContext
  /** Read at each request: the port is known only once the server listens. */
  readonly policy: () => GuardPolicy
  readonly gate: Gate
  readonly sessions: Sessions
}

/** Nothing is kept of a request but its session, while it lasts. */
export function createHandler({ context, policy, gate, sessions }: HandlerOptions): Serve {
  const router = new Router(context.routes)

  async function answer(channel: Channel, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signal = sessions.begin(response)
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value)
    try {
      const exchange = await admit(channel, request, response, signal)
      await send(request, response, await exchange.route.handle(exchange as never))
    } catch (error) {
      await fail(request, response, error)
    }
  }

  async function admit(
    channel: Channel,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<Exchange & { route: Route }> {
    checkHost(request)
    const { pathname, search, authority } = splitTarget(request.url ?? '', channel)
    const parameters = new URLSearchParams(search)
    const { method = '' } = request
    const { cluster, path } = placeOf(pathname)
    const found = lookUp(router, method, path)
    const refused = judge(
      {
        channel,
        method,
        host: authority ?? request.headers.host,
        origin: request.headers.origin,
        secFetchSite: single(request.headers['sec-fetch-site']),
        contentType: request.headers['content-type'],
        tokenInQuery: TOKEN_PARAMETERS.some((name) => parameters.has(name)),
        bodyType: found.route?.body?.type,
      },
      policy(),
    )
    if (refused !== undefined) throw refusal(refused)
    const principal = await gate.admit(
      { channel, address: request.socket.remoteAddress, authorization: request.headers.authorization },
      // Who may not know what there is learns no more from a wrong path than from a right one.
      { right: found.route?.right ?? 'read', method, path: pathname },
    )
    if (principal !== undefined) sessions.admit(response, principal)
    // An issuer's keys may have taken seconds to come, and a token may have ended this moment.
    if (response.destroyed) throw new ApiError(400, 'cut-off', 'the client has gone')
    if (found.route === undefined) throw found.error
    const { route, params } = found
    if (route.endsTokens === true) sessions.spare(response)
    const query = readQuery(route, parameters)
    const body = await readBody(request, route.body)
    const operations = operationsFor(context.operations, cluster, route, principal)
    return { ...context, operations, route, request, response, params, query, body, signal, principal }
  }

  async function fail(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    const { problem, unexpected } = problemOf(error)
    if (unexpected && !isGone(error, response)) {
      context.log.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed')
    }
    if (response.headersSent) {
      response.destroy()
      return
    }
    if (error instanceof ApiError) {
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value)
    }
    if (!request.complete) {
      // The rest of the body is read and dropped for a while: a closed socket would cost the client the answer.
      request.resume()
      const linger = setTimeout(() => request.destroy(), LINGER_MS)
      response.once('close', () => clearTimeout(linger))
    }
    await send(request, response, { status: problem.status, type: PROBLEM_TYPE, data: JSON.stringify(problem) })
  }

  return (channel, server) => {
    server.on('request', (request, response) => void answer(channel, request, response))
    server.on('clientError', (error, socket) => {
      const midAnswer = sessions.has(({ req, headersSent }) => req.socket === socket && headersSent)
      refuseBytes(error, socket, midAnswer, SECURITY_HEADERS)
    })
  }
}

/** The client went away in the middle: nobody's fault. */
function isGone(error: unknown, response: ServerResponse): boolean {
  const cut = error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
  return cut || (response.destroyed && !response.headersSent)
}

/** The route, or what to say when there is none: judged only after the guards. */
function lookUp(
  router: Router,
  method: string,
  pathname: string,
): { route: Route; params: Record<string, string> } | { route: undefined; params: undefined; error: unknown } {
  try {
    return router.match(method, pathname)
  } catch (error) {
    return { route: undefined, params: undefined, error }
  }
}

const NO_QUERY = z.strictObject({})

function readQuery(route: Route, parameters: URLSearchParams): Record<string, string | undefined> {
  if (route.hidden === true) return {}
  const parsed = (route.query ?? NO_QUERY).safeParse(Object.fromEntries(parameters))
  if (!parsed.success) throw validationError(400, 'the query', parsed.error)
  return parsed.data
}

/** RFC 9112, section 3.2: what HTTP/1.1 says to whom it speaks is said once. */
function checkHost({ httpVersion, headersDistinct }: IncomingMessage): void {
  const found = headersDistinct['host']?.length ?? 0
  if (found === 1 || (found === 0 && httpVersion === '1.0')) return
  throw new ApiError(400, 'bad-request', `expected one Host header, found ${found}`)
}

function refusal({ status, code, detail, fix }: Refusal): ApiError {
  return new ApiError(status, code, detail, {
    fix,
    ...(status === 401 && { headers: { 'www-authenticate': 'Bearer realm="althing"' } }),
  })
}

async function send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  if (reply === undefined || response.destroyed) return
  if ('stream' in reply) {
    response.writeHead(reply.status, { 'content-type': reply.type, 'cache-control': 'no-store' })
    // Either end may break off; the other is then cut too, which is all that can be said by now.
    await pipeline(reply.stream, response)
    return
  }
  const [type, data, cacheControl = 'no-store'] =
    'json' in reply ? ['application/json', JSON.stringify(reply.json)] : [reply.type, reply.data, reply.cacheControl]
  response.writeHead(reply.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(data),
    'cache-control': cacheControl,
  })
  response.end(request.method === 'HEAD' ? undefined : data)
}

/**
 * The target by hand, not by `URL`: that would read `//other.example/` as another host. An absolute one, as a proxy is
 * asked, counts as its path, and its authority in place of the Host header (RFC 9112, section 3.2.2).
 */
function splitTarget(
  target: string,
  channel?: Channel,
): { pathname: string; search: string; authority: string | undefined } {
  const pattern = channel === 'remote' ? /^https:\/\/([^/?]*)/i : /^http:\/\/([^/?]*)/i
  const [absolute, authority] = pattern.exec(target) ?? []
  const local = absolute === undefined ? target : target.slice(absolute.length)
  const question = local.indexOf('?')
  const pathname = question < 0 ? local : local.slice(0, question)
  return {
    pathname: absolute !== undefined && pathname === '' ? '/' : pathname,
    search: question < 0 ? '' : local.slice(question + 1),
    authority,
  }
}

/** For the log: without the query. */
function pathOf(request: IncomingMessage): string {
  return splitTarget(request.url ?? '').pathname
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
