/**
 * Control messages as frames, and back. Signed kinds travel as the envelope they were sealed in, so
 * that the receiver can keep the proof; the others as their body.
 */
import { isSigned, parseMessage, type ControlMessage } from '../model/control.ts'
import type { Clock } from '../util/clock.ts'
import { copyPlain } from '../util/copy-plain.ts'
import { AlthingError } from '../util/errors.ts'
import { openRecord, type Signer } from '../wire/envelope.ts'
import { decodeFrame, encodeFrame } from '../wire/frames.ts'
import { maxBytesOf } from '../wire/limits.ts'

/** `foreign-author`: signed by someone else than the peer that sent it. */
export class MessageError extends AlthingError<'unknown-type' | 'bad-body' | 'foreign-author'> {}

/** A message that came in, with the envelope it was signed in. */
export interface Received {
  readonly message: ControlMessage
  readonly proof?: Uint8Array
}

/** Numbers the signed messages of this boot. Their order carries no meaning; it only keeps envelopes distinct. */
export interface Sealer {
  readonly signer: Signer
  readonly clock: Clock
  epoch: number
  seq: number
}

/** How long a signed message is meant: its receiver acts on ids, not on this. */
const MESSAGE_TTL_MS = 60_000

/** Encodes a message for the wire, sealing it when its kind is signed. @throws WireError when it is too large */
export function toFrame(message: ControlMessage, sealer: Sealer): Uint8Array {
  if (!isSigned(message.t)) return encodeFrame({ t: message.t, b: message.body } as { t: string })
  return encodeFrame({ t: message.t, e: seal(message, sealer) } as { t: string })
}

function seal({ t: kind, body }: ControlMessage, sealer: Sealer): Uint8Array {
  const { signer, clock, epoch } = sealer
  const draft = { kind, name: '', epoch, seq: ++sealer.seq, hlc: clock.wallMs(), ttlMs: MESSAGE_TTL_MS, body }
  return signer.seal(draft).bytes
}

/** Kinds whose envelope is kept after they were understood: the proofs in a job's story. */
const KEPT_AS_PROOF: ReadonlySet<string> = new Set<ControlMessage['t']>(['bid', 'decline'])

/**
 * A message to this node itself: a copy, as if it had travelled, so that its two halves share nothing. It
 * is sealed only when the seal is kept, and not verified: a node need not prove to itself who it is.
 * @throws WireError when it is too large
 */
export function toSelf(message: ControlMessage, sealer: Sealer): Received {
  const copy = copyPlain(message)
  return KEPT_AS_PROOF.has(message.t) ? { message: copy, proof: seal(message, sealer) } : { message: copy }
}

/** Decodes and checks a frame from `from`. @throws WireError, MessageError */
export function fromFrame(frame: Uint8Array, from: string, wallNowMs: number): Received {
  const { t: type, ...rest } = decodeFrame(frame) as { t: string; b?: unknown; e?: unknown }
  if (!isSigned(type as ControlMessage['t'])) return { message: checked(type, rest.b) }
  if (!(rest.e instanceof Uint8Array)) throw new MessageError('bad-body', `${type}: the signed envelope is missing`)
  const record = openRecord(rest.e, { kinds: type, maxBytes: maxBytesOf(type) ?? 0, wallNowMs })
  if (record.author !== from) {
    throw new MessageError('foreign-author', `${type} signed by ${record.author}, sent by ${from}`)
  }
  return { message: checked(type, record.body), proof: record.bytes }
}

function checked(type: string, body: unknown): ControlMessage {
  const message = parseMessage(type, body)
  if (!message)
    throw new MessageError('bad-body', `${type.slice(0, 32)}: unknown type, or its body does not fit the schema`)
  return message
}
