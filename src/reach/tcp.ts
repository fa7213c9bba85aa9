/** Whether a TCP port takes connections, and whether what answers there speaks libp2p; with plain sockets. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** What became of a dial. `blocked`: a firewall on the way said so, or this machine's own. */
export type TcpState = 'open' | 'refused' | 'timeout' | 'no-route' | 'blocked' | 'failed'

/** One dial. */
export interface TcpAttempt {
  readonly host: string
  readonly port: number
  readonly state: TcpState
  readonly tookMs: number
  /** The system's word for it, such as `ECONNREFUSED`. */
  readonly code?: string
}

/** One SYN is repeated after a second (RFC 6298, section 2): two have been sent by then. */
const DIAL_MS = 2_000
/** How long whoever listens may take to say what it speaks. */
const GREETING_MS = 2_000

const STATES: Readonly<Record<string, TcpState>> = {
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  ENETUNREACH: 'no-route',
  // The gateway's word for a host that does not answer on its own network, and of some firewalls.
  EHOSTUNREACH: 'no-route',
  EACCES: 'blocked',
  EPERM: 'blocked',
}

/** Opens a TCP connection and closes it again. Never rejects. @param host an IP address */
export async function tryTcp(host: string, port: number, signal: AbortSignal): Promise<TcpAttempt> {
  const { attempt, socket } = await dial(host, port, signal)
  socket.destroy()
  return attempt
}

/** `silent`: nothing was said within two seconds. */
export type Greeting = 'libp2p' | 'something-else' | 'silent'

/** https://github.com/multiformats/multistream-select: each line after its length, one byte here. */
const HEADER = '\u0013/multistream/1.0.0\n'
const OFFER = `${HEADER}\u0007/noise\n`

/**
 * Dials, and offers what a libp2p dialler offers first, multistream-select with noise.
 * @returns the attempt, and what answered when it is open. Never rejects
 */
export async function greetTcp(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<{ readonly attempt: TcpAttempt; readonly greeting?: Greeting }> {
  const { attempt, socket } = await dial(host, port, signal)
  try {
    if (attempt.state !== 'open') return { attempt }
    socket.write(OFFER)
    const heard = await listen(socket, HEADER.length, signal)
    const greeting = heard === HEADER ? 'libp2p' : heard === '' ? 'silent' : 'something-else'
    return { attempt, greeting }
  } finally {
    socket.destroy()
  }
}

async function dial(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<{ readonly attempt: TcpAttempt; readonly socket: Socket }> {
  const startMs = performance.now()
  const { promise, resolve } = Promise.withResolvers<{ state: TcpState; code?: string }>()
  const socket = connect({ host, port })
  socket.once('connect', () => resolve({ state: 'open' }))
  // Stays for the socket's life: what is cut later is of no interest, and must not bring the process down.
  socket.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) =>
    resolve({ state: STATES[code] ?? 'failed', code }),
  )
  const giveUp = (): void => resolve({ state: 'timeout' })
  const patience = setTimeout(giveUp, DIAL_MS)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  const outcome = await promise
  clearTimeout(patience)
  signal.removeEventListener('abort', giveUp)
  return { attempt: { host, port, tookMs: performance.now() - startMs, ...outcome }, socket }
}

/** The first characters that come, as many as wanted; fewer when the time is up or the other side ends. */
async function listen(socket: Socket, length: number, signal: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1').slice(0, length)
    if (heard.length >= length) resolve()
  })
  socket.once('close', () => resolve())
  const patience = setTimeout(resolve, GREETING_MS)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(patience)
  return heard.slice(0, length)
}
