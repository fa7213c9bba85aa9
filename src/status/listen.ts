/** Opens the two places the API listens at, and says what is wrong when it cannot. */
import { lstat, mkdir, unlink } from 'node:fs/promises'
import { get } from 'node:http'
import { connect, type AddressInfo, type Server } from 'node:net'
import { dirname } from 'node:path'
import { AlthingError, messageOf } from '../util/errors.ts'

/** What keeps the API from listening. */
export type ListenErrorCode =
  /** A daemon answers at the socket. */
  | 'socket-in-use'
  /** Something that is no socket stands at its path. */
  | 'not-a-socket'
  | 'socket-unusable'
  | 'port-in-use'
  /** Ports below 1024 need a privilege. */
  | 'port-not-allowed'
  | 'not-loopback'
  | 'listen-failed'
  /** Beyond loopback: the certificate, its key, or a network that may connect is wrong, or nobody could be known. */
  | 'bad-certificate'
  | 'expired-certificate'
  | 'bad-network'
  | 'no-way-in'
  | 'bad-jwks'

/** The API cannot listen; `meta` has the path or the host and port. */
export class ListenError extends AlthingError<ListenErrorCode> {}

/** Addresses only this machine can reach. */
export const LOOPBACK_HOSTS: readonly string[] = ['127.0.0.1', '::1', 'localhost']

/**
 * Listens on a Unix socket that only this user can open. The socket of a daemon that has died is
 * replaced, that of a living one is not.
 * @throws ListenError
 */
export async function listenSocket(server: Server, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await removeStale(path)
    await listening(server, () => {
      // Made with the right mode at once: between listening and a chmod others could connect. The
      // socket is bound before `listen` returns, so no other file is made under this umask.
      const umask = process.umask(0o177)
      try {
        server.listen({ path })
      } finally {
        process.umask(umask)
      }
    })
  } catch (error) {
    if (error instanceof ListenError) throw error
    throw new ListenError('socket-unusable', `cannot listen on the socket ${path}: ${messageOf(error)}`, {
      cause: error,
      fix: 'make its directory writable by the user of the daemon, or name another socket with --socket',
      meta: { path },
    })
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new ListenError('not-a-socket', `${path} exists and is no socket`, {
      fix: 'move it away, or name another socket with --socket',
      meta: { path },
    })
  }
  if (await answers(path)) {
    throw new ListenError('socket-in-use', `a daemon listens on ${path} already`, {
      fix: 'see it with `althing status`, stop it with `althing down`, or name another socket with --socket',
      meta: { path },
    })
  }
  await unlink(path)
}

/** Whether somebody accepts connections at a socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Refused: the file is there, its process is not. A full backlog (EAGAIN) is very much alive.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else if (error.code === 'EAGAIN') resolve(true)
      else reject(error)
    })
  })
}

/**
 * Listens on a loopback address.
 * @param port 0: any
 * @returns the port
 * @throws ListenError
 */
export async function listenLoopback(server: Server, host: string, port: number): Promise<number> {
  if (!LOOPBACK_HOSTS.includes(host)) {
    throw new ListenError(
      'not-loopback',
      `the status page cannot listen on ${host}: only on this machine's own address`,
      {
        fix: 'use 127.0.0.1; from elsewhere reach it through `ssh -L 4180:127.0.0.1:4180 HOST`',
        meta: { host, port },
      },
    )
  }
  const fix = 'choose another with --page-port (0: any free one), or do without the page by --no-page'
  return listenAt(server, host, port, fix)
}

/**
 * Listens on an address.
 * @param fix what to do when it is not possible
 * @returns the port
 * @throws ListenError
 */
export async function listenAt(server: Server, host: string, port: number, fix: string): Promise<number> {
  try {
    await listening(server, () => server.listen({ host, port }))
  } catch (error) {
    throw await explain(error as NodeJS.ErrnoException, host, port, fix)
  }
  return (server.address() as AddressInfo).port
}

async function explain(error: NodeJS.ErrnoException, host: string, port: number, fix: string): Promise<ListenError> {
  const options = { cause: error, fix, meta: { host, port } }
  if (error.code === 'EADDRINUSE') {
    const holder = (await isAlthing(host, port)) ? 'another Althing daemon of this machine' : 'another program'
    return new ListenError('port-in-use', `port ${port} of ${host} is in use by ${holder}`, options)
  }
  if (error.code === 'EACCES') {
    return new ListenError('port-not-allowed', `this user may not listen on port ${port}`, options)
  }
  return new ListenError('listen-failed', `cannot listen on port ${port} of ${host}: ${messageOf(error)}`, options)
}

/** How long the holder of a port is given to say who it is. */
const WHO_TIMEOUT_MS = 500

/** Whether what listens there answers as a daemon of ours does. */
function isAlthing(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/v1/status', timeout: WHO_TIMEOUT_MS, agent: false }, (response) => {
      resolve(String(response.headers['www-authenticate']).includes('realm="althing"'))
      response.destroy()
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
    // The timeout of a request counts idle time; one that answers drop by drop must not hold us either.
    setTimeout(() => request.destroy(), 2 * WHO_TIMEOUT_MS).unref()
  })
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    listen()
  })
}
