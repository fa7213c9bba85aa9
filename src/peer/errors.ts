/** Everything that can go wrong between peers, each with the step that broke and what to do about it. */
import { AlthingError } from '../util/errors.ts'

/** What went wrong, for programs. */
export type PeerErrorCode =
  /** The text is not a TCP multiaddr. */
  | 'bad-address'
  /** The host name in the address does not resolve. */
  | 'name-not-found'
  /** A public address, and only private ones are allowed. */
  | 'public-address'
  /** The connection gater or the other side turned the peer away. */
  | 'not-allowed'
  /** Nothing listens there. */
  | 'refused'
  | 'timeout'
  /** Somebody else answered than the peer id in the address names. */
  | 'wrong-peer'
  /** Something listens there, but it does not speak libp2p (noise, yamux). */
  | 'handshake'
  /** It speaks libp2p but not Althing. */
  | 'not-althing'
  | 'self'
  /** No link, and none of the known addresses answered. Nothing was sent. */
  | 'unreachable'
  /** The peer's queue is full. The frame was not queued. */
  | 'overloaded'
  /** A frame or gossip message over its cap, or empty. Nothing was sent. */
  | 'bad-size'
  | 'too-many-streams'
  /** A listen address is taken or not this machine's. */
  | 'listen-failed'
  /** The caller's signal fired. */
  | 'aborted'
  /** The peer was stopped, or not started yet. */
  | 'stopped'

/** The only error this folder throws at its users, `RangeError` at construction apart. */
export class PeerError extends AlthingError<PeerErrorCode> {}

/** One broken step: its code, and half a sentence that reads well after an address and a colon. */
export interface BrokenStep {
  code: PeerErrorCode
  text: string
}

/**
 * Names the step at which a libp2p dial broke. libp2p's own errors are typed only in part (a wrong peer id is
 * an EncryptionFailedError told apart by its text), so the messages below are pinned by tests.
 */
export function brokenStep(thrown: unknown): BrokenStep {
  if (thrown instanceof PeerError) return { code: thrown.code, text: thrown.message }
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return brokenStep(thrown.errors[0])
  const { name, message, code } =
    thrown instanceof Error
      ? (thrown as Error & { code?: unknown })
      : { name: '', message: String(thrown), code: undefined }
  if (code === 'ECONNREFUSED') return { code: 'refused', text: 'connection refused: nothing listens there' }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { code: 'name-not-found', text: 'the host name does not resolve' }
  }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return { code: 'unreachable', text: `no route to the host (${code})` }
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return { code: 'handshake', text: 'the connection was cut before a handshake' }
  }
  if (code === 'ETIMEDOUT' || name === 'TimeoutError' || name === 'AbortError') {
    return { code: 'timeout', text: 'no answer in time' }
  }
  if (name === 'InvalidPeerIdError' && message.includes('self')) {
    return { code: 'self', text: 'that is this very peer' }
  }
  if (name === 'DialDeniedError' || name === 'ConnectionInterceptedError') {
    return { code: 'not-allowed', text: 'this peer is not allowed here' }
  }
  if (name === 'NoValidAddressesError') return { code: 'bad-address', text: 'not a TCP address' }
  if (message.includes('does not match expected remote identity')) {
    return { code: 'wrong-peer', text: 'another peer answers there than the id in the address' }
  }
  if (name === 'EncryptionFailedError' || name === 'MuxerUnavailableError' || name.endsWith('EOFError')) {
    return { code: 'handshake', text: `something listens there but does not speak libp2p (${message})` }
  }
  if (name === 'UnsupportedProtocolError') return { code: 'not-althing', text: 'speaks libp2p but not althing' }
  return { code: 'unreachable', text: message }
}
