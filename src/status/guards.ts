/**
 * Who may ask: the chain every request passes before a route sees it, as one pure function.
 *
 * The Unix socket is guarded by its file mode. Loopback HTTP is reachable by every program and every
 * web page on this machine, so there a request must name this very server (Host; stops DNS
 * rebinding), must not come from a foreign page (Origin, Sec-Fetch-Site), must write with a content
 * type no HTML form can send, and must carry the token. There are no cookies and no CORS headers.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Where the request came in. */
export type Channel = 'socket' | 'loopback'

/** The facts of a request that decide. Header values as received, undefined when absent. */
export interface GuardedRequest {
  readonly channel: Channel
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  readonly contentType: string | undefined
  readonly authorization: string | undefined
  /** The query string names a token. */
  readonly tokenInQuery: boolean
  /** What the route asks for: nothing, or the token. */
  readonly access: 'open' | 'token'
  /** The media type the route's body has; `undefined` when it takes none. */
  readonly bodyType: string | undefined
}

/** What this server is; `port` is the one it listens on. */
export interface GuardPolicy {
  readonly port: number
  /** The bearer token. */
  readonly token: string
}

/** What becomes of a request. */
export type Verdict =
  | { readonly allow: true; /** Showed the token, or came by the socket. */ readonly authenticated: boolean }
  | {
      readonly allow: false
      readonly status: 401 | 403 | 415
      readonly code: RefusalCode
      readonly detail: string
      readonly fix: string
    }

/** Which rule refused; the `code` of the problem. */
export type RefusalCode =
  | 'wrong-host'
  | 'foreign-origin'
  | 'cross-site'
  | 'token-in-url'
  | 'wrong-content-type'
  | 'no-token'
  | 'wrong-token'

/** What may stand in a Host header: this machine by its loopback names, with the port. */
export function allowedHosts(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]
}

/** The media type without its parameters, in lower case. */
export function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase()
}

/** Allows or refuses a request; the first rule that refuses names the reason. */
export function judge(request: GuardedRequest, policy: GuardPolicy): Verdict {
  return (
    (request.channel === 'loopback' ? judgeSource(request, policy) : undefined) ??
    judgeContentType(request) ??
    judgeToken(request, policy)
  )
}

function judgeSource(request: GuardedRequest, policy: GuardPolicy): Verdict | undefined {
  const hosts = allowedHosts(policy.port)
  if (request.host === undefined || !hosts.includes(request.host)) {
    return refuse(403, 'wrong-host', `this server is not ${show(request.host)}`, `ask for http://${hosts[0]}/`)
  }
  // An exact match with the Host the request came by: the page of localhost is another origin than that of 127.0.0.1.
  if (request.origin !== undefined && request.origin !== `http://${request.host}`) {
    return refuse(403, 'foreign-origin', `pages of ${show(request.origin)} may not ask here`, ONLY_OWN_PAGE)
  }
  const site = request.secFetchSite
  // `same-site` is refused as well: another port of this machine is the same site.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    return refuse(403, 'cross-site', `a ${show(site)} request of a browser is not answered`, ONLY_OWN_PAGE)
  }
  if (request.tokenInQuery) {
    return refuse(
      401,
      'token-in-url',
      'a token in the address would stay in histories and logs, so it is not accepted there',
      'send it as the header `Authorization: Bearer TOKEN`; the page takes it after a #',
    )
  }
  return undefined
}

const ONLY_OWN_PAGE = 'open the status page by the link that `althing status` prints'

function judgeContentType(request: GuardedRequest): Verdict | undefined {
  if (request.method !== 'POST') return undefined
  const wanted = request.bodyType ?? 'application/json'
  if (mediaType(request.contentType) === wanted) return undefined
  return refuse(
    415,
    'wrong-content-type',
    `expected the content type ${wanted}, found ${show(request.contentType)}`,
    `send the header \`Content-Type: ${wanted}\``,
  )
}

function judgeToken(request: GuardedRequest, policy: GuardPolicy): Verdict {
  if (request.channel === 'socket') return { allow: true, authenticated: true }
  const token = bearerOf(request.authorization)
  const right = token !== undefined && sameSecret(token, policy.token)
  if (right || request.access === 'open') return { allow: true, authenticated: right }
  const fix = 'send `Authorization: Bearer TOKEN`; the token is in the file api-token of the data directory'
  return token === undefined
    ? refuse(401, 'no-token', 'this needs the token of the daemon', fix)
    : refuse(401, 'wrong-token', 'that is not the token of this daemon', fix)
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** Compares hashes, so that neither the time taken nor a difference in length says anything. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

function refuse(status: 401 | 403 | 415, code: RefusalCode, detail: string, fix: string): Verdict {
  return { allow: false, status, code, detail, fix }
}

function show(value: string | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(value.slice(0, 100))
}
