/** What a route is, and how a request finds its own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type * as z from 'zod'
import type { Principal, Right } from '../model/access.ts'
import type * as views from '../model/views.ts'
import type { Operations } from '../node/operations.ts'
import type { Logger } from '../util/logger.ts'
import { ApiError } from './problem.ts'
import type { EventStreams } from './sse.ts'

/** What a handler may use besides its request. */
export interface RouteContext {
  /** As whoever asks may see them: a tenant's show its own work alone. */
  readonly operations: Operations
  readonly events: EventStreams
  readonly log: Logger
  readonly version: string
  /** Where the built status page lies. */
  readonly webDir: string
  /** All routes, for the document that describes them. */
  readonly routes: readonly Route[]
  /** Samples about who asks, for /metrics. */
  readonly accessMetrics: () => Record<string, number>
}

/** One request on its way through a handler. */
export interface Exchange<Query = Record<string, string | undefined>, Body = unknown> extends RouteContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  /** Fires when the client goes or the server stops. */
  readonly signal: AbortSignal
  /** By whose authority it is asked; undefined for who showed nothing, which only open routes allow. */
  readonly principal: Principal | undefined
}

/** What a handler answers with; `undefined` when it has written the response itself. */
export type Reply =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly type: string; readonly data: string | Buffer; readonly cacheControl?: string }
  | { readonly status: number; readonly type: string; readonly stream: Readable }
  | undefined

/** How a route's body is read: checked JSON, text up to a cap, or the stream itself. */
export type BodyRule =
  | { readonly kind: 'json'; readonly type: 'application/json'; readonly schema: z.ZodType; readonly maxBytes: number }
  | { readonly kind: 'text'; readonly type: string; readonly maxBytes: number }
  | { readonly kind: 'stream'; readonly type: string }

/** The bodies of all replies. They are made for the document alone; a route names its own by a function of them. */
export type Views = typeof views

/** For the OpenAPI document: what comes back with a status. */
export interface ReplyRule {
  readonly description: string
  /** The media type; JSON when there is a schema and no type. */
  readonly type?: string
  readonly schema?: (views: Views) => z.ZodType
}

/** One line of the route table. */
export interface Route {
  /** `operationId` of the document, unique. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `{name}` matches one path segment. */
  readonly path: string
  readonly summary: string
  /** What whoever asks must hold; `open`: nothing. */
  readonly right: Right | 'open'
  readonly query?: z.ZodObject
  /** For the document: header lines that the handler reads, by their names. */
  readonly headers?: z.ZodObject
  readonly body?: BodyRule
  readonly replies: Readonly<Record<number, ReplyRule>>
  /** About the daemon as a whole, not one of its clusters: it has no `/clusters/NAME/…`. */
  readonly ofDaemon?: boolean
  /** It may end the very token it is asked with: its answer is not cut then. */
  readonly endsTokens?: boolean
  /** Left out of the document: the page and its files. */
  readonly hidden?: boolean
  handle(exchange: Exchange<never, never>): Reply | Promise<Reply>
}

/** Types a handler by the schemas of its route. */
export function route<Query extends z.ZodObject, Body extends BodyRule>(
  definition: Omit<Route, 'handle' | 'query' | 'body'> & {
    query?: Query
    body?: Body
    handle(exchange: Exchange<z.output<Query>, BodyOf<Body>>): Reply | Promise<Reply>
  },
): Route {
  return definition
}

type BodyOf<Rule> = Rule extends { kind: 'json'; schema: z.ZodType<infer Value> }
  ? Value
  : Rule extends { kind: 'stream' }
    ? Readable
    : Rule extends { kind: 'text' }
      ? string
      : undefined

/** A route and the values of its path's names. */
export interface Match {
  readonly route: Route
  readonly params: Record<string, string>
}

interface Pattern {
  readonly route: Route
  readonly segments: readonly string[]
}

/** Finds routes by method and path. */
export class Router {
  readonly #patterns: readonly Pattern[]

  constructor(routes: readonly Route[]) {
    this.#patterns = routes.map((each) => ({ route: each, segments: each.path.split('/') }))
  }

  /** @throws ApiError 404 for an unknown path, 405 naming the methods a known one has */
  match(method: string, pathname: string): Match {
    const segments = pathname.split('/').map(decodeSegment)
    const found = this.#patterns.flatMap((pattern) => {
      const params = matchSegments(pattern.segments, segments)
      return params === undefined ? [] : [{ route: pattern.route, params }]
    })
    if (found.length === 0) {
      throw new ApiError(404, 'no-such-path', `there is no ${pathname} here`, {
        fix: '/openapi.json lists what there is',
      })
    }
    // HEAD is for what is cheap and ends: the page and the health checks.
    const hasHead = found[0]!.route.right === 'open'
    const wanted = method === 'HEAD' && hasHead ? 'GET' : method
    const match = found.find(({ route: { method: has } }) => has === wanted)
    if (match !== undefined) return match
    const methods = new Set<string>(found.map(({ route: { method: has } }) => has))
    if (hasHead) methods.add('HEAD')
    const allow = [...methods].join(', ')
    throw new ApiError(405, 'no-such-method', `${pathname} does not answer ${method}, only ${allow}`, {
      headers: { allow },
    })
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiError(400, 'bad-path', `the path has a broken escape: ${segment.slice(0, 100)}`)
  }
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, wanted] of pattern.entries()) {
    const segment = segments[index]!
    if (!wanted.startsWith('{')) {
      if (wanted !== segment) return undefined
    } else if (segment === '') {
      return undefined
    } else {
      params[wanted.slice(1, -1)] = segment
    }
  }
  return params
}
