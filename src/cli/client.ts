/** Speaks to the daemon: over its Unix socket, or by TLS when it is that of another machine. */
import {
  Agent,
  request,
  type AgentOptions,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import type { Readable } from 'node:stream'
import type { Problem } from '../model/api.ts'
import { messageOf } from '../util/errors.ts'
import { ApiProblem, CliError } from './errors.ts'

/** What a request carries besides its path. */
export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is; a stream is sent chunk by chunk. */
  readonly body?: string | Buffer | Readable
  readonly signal?: AbortSignal
}

/** What every request says. */
export type Sent = Pick<RequestOptions, 'agent' | 'path' | 'method' | 'signal'> & {
  readonly headers: Readonly<Record<string, string>>
}

/** How requests get to a daemon. */
export interface Transport {
  /** Where it is, for messages. */
  readonly place: string
  readonly isRemote: boolean
  agent(options: AgentOptions): Agent
  /** A request that has not been sent. */
  request(options: Sent): ClientRequest
  /** What an error means, in words of this way; undefined: it has none. */
  explain(error: NodeJS.ErrnoException): CliError | undefined
}

/** By the socket of a daemon of this machine. */
export function socketTransport(socketPath: string): Transport {
  return {
    place: socketPath,
    isRemote: false,
    agent: (options) => new Agent(options),
    request: (options) => request({ ...options, socketPath, headers: { host: 'althing', ...options.headers } }),
    explain: (error) => explainSocket(error, socketPath),
  }
}

/** A way to another of the daemon's clusters: what is about a cluster begins with its name then. */
export function within(way: Transport, cluster: string): Transport {
  return {
    ...way,
    request: (sent) => {
      const { path } = sent
      const isOfCluster = path?.startsWith('/v1/') === true
      return way.request(isOfCluster ? { ...sent, path: `/clusters/${encodeURIComponent(cluster)}${path}` } : sent)
    },
  }
}

/** How a request fails by a connection that the other side has closed. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])
/** Answers of problems are small; more is not read. */
const MAX_PROBLEM_BYTES = 1024 * 1024

/**
 * Requests to one daemon. What only reads goes over kept connections, and once more over a new one when the daemon
 * closed the kept one as it was sent (RFC 9112, section 9.3.1). What changes something is never sent twice: for that it
 * has a connection of its own, which on a Unix socket costs next to nothing.
 */
export class DaemonClient {
  /** Where the daemon is, for messages. */
  readonly place: string
  readonly #transport: Transport
  readonly #kept: Agent
  readonly #fresh: Agent

  /**
   * @param way a socket's path, or another way
   * @param connections at once of each sort, kept and new; more requests wait
   */
  constructor(way: string | Transport, connections = 64) {
    this.#transport = typeof way === 'string' ? socketTransport(way) : way
    this.place = this.#transport.place
    this.#kept = this.#transport.agent({ keepAlive: true, maxSockets: connections })
    this.#fresh = this.#transport.agent({ maxSockets: connections })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  get<Value>(path: string, signal?: AbortSignal): Promise<Value> {
    return this.#json(path, signal === undefined ? {} : { signal })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  post<Value>(path: string, body: unknown = {}): Promise<Value> {
    return this.#json(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  send<Value>(path: string, contentType: string, body: Buffer | Readable): Promise<Value> {
    return this.#json(path, { method: 'POST', headers: { 'content-type': contentType }, body })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  delete<Value>(path: string): Promise<Value> {
    return this.#json(path, { method: 'DELETE' })
  }

  /** The response once its header is there. @throws CliError `no-daemon`, ApiProblem for every status but 2xx */
  async open(path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const response = await this.#call(path, options)
    const status = response.statusCode ?? 500
    if (status >= 200 && status < 300) return response
    throw new ApiProblem(readProblem(await readAll(response, MAX_PROBLEM_BYTES), status))
  }

  async #json<Value>(path: string, options: CallOptions): Promise<Value> {
    const body = await readAll(await this.open(path, options))
    try {
      return (body === '' ? undefined : JSON.parse(body)) as Value
    } catch (error) {
      throw notOurs(this.place, error)
    }
  }

  #call(path: string, options: CallOptions, agent = this.#agentFor(options)): Promise<IncomingMessage> {
    const { method = 'GET', headers = {}, body, signal } = options
    return new Promise((resolve, reject) => {
      const sent = this.#transport.request({ agent, path, method, headers, ...(signal !== undefined && { signal }) })
      let isAnswered = false
      sent.once('response', (response) => {
        isAnswered = true
        resolve(response)
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const wasClosed = agent === this.#kept && sent.reusedSocket && !isAnswered && CLOSED.has(error.code ?? '')
        if (wasClosed) resolve(this.#call(path, options, this.#fresh))
        else reject(this.#explain(error))
      })
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body)
      else sendStream(sent, body, reject)
    })
  }

  #agentFor({ method = 'GET', body }: CallOptions): Agent {
    return method === 'GET' && body === undefined ? this.#kept : this.#fresh
  }

  #explain(error: NodeJS.ErrnoException): unknown {
    if (error instanceof CliError) return error
    if (error.code?.startsWith('HPE_') === true) return notOurs(this.place, error)
    // What is no error of the system is a bug, or an abort.
    return this.#transport.explain(error) ?? error
  }
}

function explainSocket(error: NodeJS.ErrnoException, socketPath: string): CliError | undefined {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new CliError('no-daemon', `no daemon runs here (tried ${socketPath})`, {
        cause: error,
        fix: 'start one with `althing up`, or name another by --data-dir or --socket',
      })
    case 'EACCES':
    case 'EPERM':
      return new CliError('not-allowed', `this user may not use ${socketPath}`, {
        cause: error,
        fix: 'run the command as the user of the daemon, or by --api with a token',
      })
    case 'ECONNRESET':
    case 'EPIPE':
      return new CliError('daemon-gone', 'the daemon went away in the middle of an answer', { cause: error })
    default:
      if (error.syscall === undefined) return undefined
      return new CliError('unreachable', `cannot reach the daemon at ${socketPath}: ${messageOf(error)}`, {
        cause: error,
      })
  }
}

function notOurs(place: string, cause: unknown): CliError {
  return new CliError('not-althing', `what answers at ${place} is no Althing daemon`, {
    cause,
    fix: 'name the socket of the daemon by --data-dir or --socket',
  })
}

/** Streams a body; the answer may come, and refuse, before all of it is sent. */
function sendStream(sent: ClientRequest, body: Readable, reject: (error: unknown) => void): void {
  body.on('error', (error) => {
    reject(error)
    sent.destroy()
  })
  sent.once('response', (response) => {
    if ((response.statusCode ?? 500) >= 300) body.unpipe(sent)
  })
  body.pipe(sent)
}

async function readAll(response: IncomingMessage, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readProblem(body: string, status: number): Problem {
  try {
    const problem = JSON.parse(body) as Problem
    if (typeof problem.code === 'string') return problem
  } catch {
    // Falls through: something that is no daemon of ours answered.
  }
  return { type: 'about:blank', title: `the daemon answered ${status}`, status, code: 'unknown' }
}
