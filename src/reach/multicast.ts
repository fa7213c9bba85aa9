/**
 * Whether multicast works, as mDNS (RFC 6762) uses it: a question goes out of each interface, and is listened for
 * there, since a host hears its own multicast; whoever else answers it is noted. Daemons answer questions for their
 * cluster's service.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { messageOf } from '../util/errors.ts'

/** RFC 6762, section 3. */
const GROUP = '224.0.0.251'
const PORT = 5353
/** Repeated once, since a datagram may be lost. */
const ROUNDS = 2
const ROUND_MS = 700
/** Hosts that answer, and peers named by one answer: more is not kept. */
const MAX_ANSWERS = 256
const MAX_PEERS_PER_ANSWER = 16

/** One interface of this machine with an IPv4 address that is not loopback. */
export interface MulticastInterface {
  readonly name: string
  readonly address: string
  /** Our own question came back in by it. */
  readonly heard: boolean
  /** Why nothing could be sent, in the system's words. */
  readonly error?: string
}

/** Somebody else who answered. */
export interface MulticastAnswer {
  readonly host: string
  /** Peer ids its answer named. */
  readonly peers: readonly string[]
}

/** What was heard. */
export interface MulticastSurvey {
  readonly interfaces: readonly MulticastInterface[]
  readonly answers: readonly MulticastAnswer[]
}

/**
 * Asks on every interface and listens for about 1.4 s, less when the signal fires. Never rejects.
 * @param service asked for, such as `_althing-0a1b2c3d._udp.local`; without one only our own is listened for
 */
export async function surveyMulticast(service: string | undefined, signal: AbortSignal): Promise<MulticastSurvey> {
  const own = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)))
  const answers = new Map<string, Set<string>>()
  const onAnswer = (host: string, peers: readonly string[]): void => {
    if (own.has(host) || (!answers.has(host) && answers.size >= MAX_ANSWERS)) return
    answers.set(host, new Set([...(answers.get(host) ?? []), ...peers].slice(0, MAX_PEERS_PER_ANSWER)))
  }
  const interfaces = await Promise.all(multicastInterfaces().map((one) => askOn(one, service, onAnswer, signal)))
  return { interfaces, answers: [...answers].map(([host, peers]) => ({ host, peers: [...peers] })) }
}

function multicastInterfaces(): { readonly name: string; readonly address: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) => {
    const found = list?.find(({ internal, address }) => !internal && isIPv4(address))
    return found === undefined ? [] : [{ name, address: found.address }]
  })
}

async function askOn(
  one: { readonly name: string; readonly address: string },
  service: string | undefined,
  onAnswer: (host: string, peers: readonly string[]) => void,
  signal: AbortSignal,
): Promise<MulticastInterface> {
  const mark = randomBytes(8).toString('hex')
  const question = encodeQuestion([...(service === undefined ? [] : [service]), `_${mark}._udp.local`])
  let heard = false
  let error: string | undefined
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.on('error', (fault) => (error = messageOf(fault)))
  socket.on('message', (bytes: Buffer, { address }: RemoteInfo) => {
    if (bytes.includes(mark)) heard = true
    else if (service !== undefined && isAnswerFor(service, bytes)) onAnswer(address, peersIn(bytes))
  })
  try {
    await bound(socket)
    socket.addMembership(GROUP, one.address)
    socket.setMulticastInterface(one.address)
    socket.setMulticastTTL(255)
    socket.setMulticastLoopback(true)
    for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
      await sent(socket, question)
      await elapsed(ROUND_MS, signal)
    }
  } catch (fault) {
    error = messageOf(fault)
  }
  socket.close()
  return { ...one, heard, ...(error !== undefined && { error }) }
}

/** A query for PTR records. RFC 1035, section 4. */
export function encodeQuestion(names: readonly string[]): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(names.length, 4)
  const asked = names.flatMap((name) => [encodeName(name), Buffer.from([0, 0, 12, 0, 1])])
  return Buffer.concat([head, ...asked])
}

/** Its labels, each after its length, without the closing zero. */
function encodeName(name: string): Buffer {
  return Buffer.concat(name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
}

/** Whether a datagram is a response that names the service. It is not decoded any further. */
export function isAnswerFor(service: string, bytes: Buffer): boolean {
  const isResponse = bytes.length > 12 && (bytes[2]! & 0x80) !== 0
  return isResponse && bytes.includes(encodeName(service))
}

/** The peer ids in the addresses of an answer. */
export function peersIn(bytes: Buffer): string[] {
  const found = bytes.toString('latin1').matchAll(/\/p2p\/(12D3KooW[1-9A-HJ-NP-Za-km-z]{44})/g)
  return [...new Set([...found].map(([, peer]) => peer!))].slice(0, MAX_PEERS_PER_ANSWER)
}

async function bound(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('error', reject)
  socket.bind({ port: PORT, exclusive: false }, resolve)
  await promise.finally(() => socket.off('error', reject))
}

async function sent(socket: Socket, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.send(bytes, PORT, GROUP, (fault) => (fault === null ? resolve() : reject(fault)))
  await promise
}

async function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const patience = setTimeout(resolve, ms)
  const onAbort = (): void => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) resolve()
  await promise
  clearTimeout(patience)
  signal.removeEventListener('abort', onAbort)
}
