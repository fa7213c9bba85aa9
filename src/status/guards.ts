/**
 * Where a request may come from: the first checks every request passes, as one pure function. Who asks, and what for,
 * is for `access/` to say.
 *
 * The Unix socket is guarded by its file mode. What comes by HTTP may be sent by every program that reaches the port,
 * and by every web page a browser shows. So there a request must name this very server (Host; stops DNS rebinding),
 * must not come from a foreign page (Origin, Sec-Fetch-Site), must write with a content type no HTML form can send, and
 * shows its token in a header. There are no cookies and no CORS headers.
 */

/** Where the request came in: the Unix socket, loopback HTTP, or TLS on an address that others may reach. */
export type Channel = 'socket' | 'loopback' | 'remote'

/** The facts of a request that decide. Header values as received, undefined when absent. */
export interface GuardedRequest {
  readonly channel: Channel
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
  readonly contentType: string | undefined
  /** The query string names a token. */
  readonly tokenInQuery: boolean
  /** The media type the route's body has; `undefined` when it takes none. */
  readonly bodyType: string | undefined
}

/** What this server is. */
export interface GuardPolicy {
  /** The port loopback HTTP listens on. */
  readonly port: number
  /** Whether a Host header names the server that listens beyond loopback. */
  readonly isRemoteHost: (host: string) => boolean
}

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 401 | 403 | 415
  readonly code: RefusalCode
  readonly detail: string
  readonly fix: string
}

/** Which rule refused; the `code` of the problem. */
export type RefusalCode = 'wrong-host' | 'foreign-origin' | 'cross-site' | 'token-in-url' | 'wrong-content-type'

/** What may stand in a Host header: this machine by its loopback names, with the port. */
export function allowedHosts(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]
}

/** The media type without its parameters, in lower case. */
export function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase()
}

/** Refuses a request, or lets it pass; the first rule that refuses names the reason. */
export function judge(request: GuardedRequest, policy: GuardPolicy): Refusal | undefined {
  return (request.channel === 'socket' ? undefined : judgeSource(request, policy)) ?? judgeContentType(request)
}

function judgeSource(request: GuardedRequest, policy: GuardPolicy): Refusal | undefined {
  const { channel, host } = request
  if (host === undefined || !isOwnHost(channel, host, policy)) return wrongHost(channel, host, policy)
  // An exact match with the Host the request came by: the page of localhost is another origin than that of 127.0.0.1.
  if (request.origin !== undefined && request.origin !== `${SCHEME[channel]}://${host}`) {
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

const SCHEME = { socket: 'http', loopback: 'http', remote: 'https' } as const

function isOwnHost(channel: Channel, host: string, { port, isRemoteHost }: GuardPolicy): boolean {
  return channel === 'remote' ? isRemoteHost(host) : allowedHosts(port).includes(host)
}

function wrongHost(channel: Channel, host: string | undefined, { port }: GuardPolicy): Refusal {
  const fix =
    channel === 'remote'
      ? 'ask by a name that is in its certificate, with the port; `althing up --api-host` allows others'
      : `ask for http://${allowedHosts(port)[0]}/`
  return refuse(403, 'wrong-host', `this server is not ${show(host)}`, fix)
}

const ONLY_OWN_PAGE = 'open the status page by the link that `althing status` prints'

function judgeContentType(request: GuardedRequest): Refusal | undefined {
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

function refuse(status: 401 | 403 | 415, code: RefusalCode, detail: string, fix: string): Refusal {
  return { status, code, detail, fix }
}

function show(value: string | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(value.slice(0, 100))
}
