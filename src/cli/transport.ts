/** How requests get to a daemon: by its Unix socket here, or by TLS to that of another machine (`remote.ts`). */
import { Agent, request, type AgentOptions, type ClientRequest, type RequestOptions } from 'node:http'
import { messageOf } from '../util/errors.ts'
import { CliError } from './errors.ts'

/** What every request says. */
export type Sent = Pick<RequestOptions, 'agent' | 'path' | 'method' | 'signal'> & {
  readonly headers: Readonly<Record<string, string>>
}

/** How requests get to a daemon. */
export interface Transport {
  /** Where it is, for messages. */
  readonly place: string
  /** What helps where something else answers there. */
  readonly fix: string
  agent(options: AgentOptions): Agent
  /** A request that has not been sent. */
  request(options: Sent): ClientRequest
  /** What an error of a request means, in words of this way; undefined: it has none. */
  explain(error: NodeJS.ErrnoException, sent: ClientRequest): CliError | undefined
}

/** By the socket of a daemon of this machine. */
export function socketTransport(socketPath: string): Transport {
  return {
    place: socketPath,
    fix: 'name the socket of the daemon by --data-dir or --socket',
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
      return daemonGone(error)
    default:
      if (error.syscall === undefined) return undefined
      return new CliError('unreachable', `cannot reach the daemon at ${socketPath}: ${messageOf(error)}`, {
        cause: error,
        fix: 'name another by --data-dir or --socket',
      })
  }
}

/** The daemon went away while it was asked; whether it did what it was asked for is not known. */
export function daemonGone(cause: unknown): CliError {
  return new CliError('daemon-gone', 'the daemon went away in the middle of an answer', {
    cause,
    fix: 'see with `althing status` whether it is up again, and what became of it before you repeat it',
  })
}
