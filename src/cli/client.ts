/** Speaks to the daemon, by whatever way its requests go. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Problem } from '../model/api.ts'
import { ApiProblem, CliError } from './errors.ts'
import { socketTransport, type Transport } from './transport.ts'

/** What a request carries besides its path. */
export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is; a stream is sent chunk by chunk. */
  readonly body?: string | Buffer | Readable
  readonly signal?: AbortSignal
  /** How long nothing may come or go; without it for ever, as for what streams or waits for work. */
  readonly silenceMs?: number
}

interface Answered {
  readonly sent: ClientRequest
  readonly response: IncomingMessage
}

/** How a request fails by a connection that the other side has closed. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])
/** Answers of problems are small; more is not read. */
const MAX_PROBLEM_BYTES = 1024 * 1024
/** What a client puts up with. */
const PATIENCE = {
  /** More than the longest governance log there can be, as JSON; what is larger comes as a stream. */
  answerBytes: 128 * 1024 * 1024,
  /** Silence over what the daemon only has to look up. */
  lookingMs: 60_000,
  /** Silence over what it does, such as to read its whole audit log. */
  doingMs: 600_000,
}

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
  readonly #patience: typeof PATIENCE

  /**
   * @param way a socket's path, or another way
   * @param connections at once of each sort, kept and new; more requests wait
   */
  constructor(way: string | Transport, connections = 64, patience = PATIENCE) {
    this.#patience = patience
    this.#transport = typeof way === 'string' ? socketTransport(way) : way
    this.place = this.#transport.place
    this.#kept = this.#transport.agent({ keepAlive: true, maxSockets: connections })
    this.#fresh = this.#transport.agent({ maxSockets: connections })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  get<Value>(path: string, signal?: AbortSignal): Promise<Value> {
    return this.#json(path, { silenceMs: this.#patience.lookingMs, ...(signal && { signal }) })
  }

  /** What is answered when something has happened, however long that takes. @throws CliError `no-daemon`, ApiProblem */
  waitFor<Value>(path: string, signal?: AbortSignal): Promise<Value> {
    return this.#json(path, signal === undefined ? {} : { signal })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  post<Value>(path: string, body: unknown = {}): Promise<Value> {
    return this.#json(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      silenceMs: this.#patience.doingMs,
    })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  send<Value>(path: string, contentType: string, body: Buffer | Readable): Promise<Value> {
    const silenceMs = this.#patience.doingMs
    return this.#json(path, { method: 'POST', headers: { 'content-type': contentType }, body, silenceMs })
  }

  /** @throws CliError `no-daemon`, ApiProblem */
  delete<Value>(path: string): Promise<Value> {
    return this.#json(path, { method: 'DELETE', silenceMs: this.#patience.doingMs })
  }

  /** The response once its header is there. @throws CliError `no-daemon`, ApiProblem for every status but 2xx */
  async open(path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    return (await this.#open(path, options)).response
  }

  async #open(path: string, options: CallOptions): Promise<Answered> {
    const answered = await this.#call(path, options)
    const status = answered.response.statusCode ?? 500
    if (status >= 200 && status < 300) return answered
    throw new ApiProblem(readProblem((await this.#read(answered, MAX_PROBLEM_BYTES)) ?? '', status))
  }

  async #json<Value>(path: string, options: CallOptions): Promise<Value> {
    const { answerBytes } = this.#patience
    const body = await this.#read(await this.#open(path, options), answerBytes)
    if (body === undefined) {
      throw new CliError('too-large', `${this.place} answers with more than ${answerBytes} bytes`, {
        fix: `ask for less, with a selector or a limit; or ${this.#transport.fix}`,
      })
    }
    try {
      return (body === '' ? undefined : JSON.parse(body)) as Value
    } catch (error) {
      throw this.#notOurs(error)
    }
  }

  /** @returns undefined when it is longer than it may be */
  async #read({ sent, response }: Answered, maxBytes: number): Promise<string | undefined> {
    const chunks: Buffer[] = []
    let size = 0
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        size += chunk.length
        // Leaving the loop destroys the response.
        if (size > maxBytes) return undefined
        chunks.push(chunk)
      }
    } catch (error) {
      throw this.#explain(error as NodeJS.ErrnoException, sent)
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  #call(path: string, options: CallOptions, agent = this.#agentFor(options)): Promise<Answered> {
    const { method = 'GET', headers = {}, body, signal, silenceMs } = options
    return new Promise((resolve, reject) => {
      const sent = this.#transport.request({ agent, path, method, headers, ...(signal !== undefined && { signal }) })
      let answer: IncomingMessage | undefined
      // Once the answer has begun it is what breaks off, with a reason of its own.
      const giveUp = (): void => void (answer ?? sent).destroy(this.#silent(silenceMs!))
      if (silenceMs !== undefined) sent.setTimeout(silenceMs, giveUp)
      sent.once('response', (response) => {
        answer = response
        resolve({ sent, response })
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const wasClosed =
          agent === this.#kept && sent.reusedSocket && answer === undefined && CLOSED.has(error.code ?? '')
        if (wasClosed) resolve(this.#call(path, options, this.#fresh))
        else reject(this.#explain(error, sent))
      })
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body)
      else sendStream(sent, body, reject)
    })
  }

  #agentFor({ method = 'GET', body }: CallOptions): Agent {
    return method === 'GET' && body === undefined ? this.#kept : this.#fresh
  }

  #explain(error: NodeJS.ErrnoException, sent: ClientRequest): unknown {
    if (error instanceof CliError) return error
    if (error.code?.startsWith('HPE_') === true) return this.#notOurs(error)
    // What is no error of the system is a bug, or an abort.
    return this.#transport.explain(error, sent) ?? error
  }

  #notOurs(cause: unknown): CliError {
    const { place, fix } = this.#transport
    return new CliError('not-althing', `what answers at ${place} is no Althing daemon`, { cause, fix })
  }

  #silent(silenceMs: number): CliError {
    return new CliError('silent', `the daemon at ${this.place} says nothing for ${silenceMs / 1000} s`, {
      fix: 'look on its host whether it is stopped or overloaded, then ask again',
    })
  }
}

/** What was asked for; undefined where no daemon is, or one that has no such thing. All else stays an error. */
export async function ifThere<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof CliError && (error.code === 'no-daemon' || error.code === 'not-found')) return undefined
    throw error
  }
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

function readProblem(body: string, status: number): Problem {
  try {
    const problem = JSON.parse(body) as Problem
    if (typeof problem.code === 'string') return problem
  } catch {
    // Falls through: something that is no daemon of ours answered.
  }
  return { type: 'about:blank', title: `the daemon answered ${status}`, status, code: 'unknown' }
}
