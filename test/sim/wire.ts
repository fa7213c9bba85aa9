/**
 * The wire between simulated nodes: schemas, encoding and limits of the real one, without keys. A message
 * that the daemon could not send, or that its receiver would refuse, breaks the rule `wire`: in the daemon
 * it would be lost, with a line in a log.
 *
 * Every message is checked against its schema. Encoding takes longer than all else in a seed, so that only
 * a share is encoded and measured, and nothing is decoded again: what encodes decodes to the same value, as
 * the codec's own tests show, and as seeds with real frames do.
 */
import { isSigned, parseMessage, PLAIN, SIGNED, type ControlMessage } from '../../src/model/control.ts'
import { messageOf } from '../../src/util/errors.ts'
import type { Rng } from '../../src/util/rng.ts'
import { encode } from '../../src/wire/codec.ts'
import { writeEnvelope } from '../../src/wire/envelope-format.ts'
import type { RecordDraft } from '../../src/wire/envelope.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { maxBytesOf } from '../../src/wire/limits.ts'
import { recordPayloadType } from '../../src/wire/protocols.ts'
import { Violation } from './checker.ts'

/** One message or record in so many is encoded: more than two hundred a seed. */
const ENCODED_ONE_IN = 4

/** Stand-ins of the real lengths, so that sizes are those of real envelopes. */
const PUBLIC_KEY = new Uint8Array(36)
const SIGNATURE = new Uint8Array(64)
const AUTHOR = '12D3KooW'.padEnd(52, 'x')

/** What every signed message says of itself; only the length of these matters. */
const MESSAGE_HEADER = { name: '', epoch: 2 ** 31, seq: 2 ** 31, hlc: 2 ** 41, ttlMs: 60_000 }

/** Runs what the real wire does with a message or record. @throws Violation with what it refuses */
export function refusing<Result>(from: string, type: string, act: () => Result): Result {
  try {
    return act()
  } catch (error) {
    throw new Violation('wire', `${from} made a ${type} that the wire refuses: ${messageOf(error)}`)
  }
}

/** Sees that a record can be encoded and keeps to its kind's size, if its turn comes. @throws Violation */
export function assertSealable(author: string, draft: RecordDraft, rng: Rng): void {
  if (rng.int(ENCODED_ONE_IN) > 0) return
  refusing(author, draft.kind, () => {
    const payload = encode({ ...draft, v: 1, author: AUTHOR })
    const payloadType = new TextEncoder().encode(recordPayloadType(draft.kind))
    const bytes = writeEnvelope({ publicKey: PUBLIC_KEY, payloadType, payload, signature: SIGNATURE }).length
    const cap = maxBytesOf(draft.kind) ?? 0
    if (bytes > cap) throw new RangeError(`its envelope takes ${bytes} bytes; at most ${cap} are allowed`)
  })
}

function assertSendable(from: string, { t: type, body }: ControlMessage, rng: Rng): void {
  if (isSigned(type)) assertSealable(from, { kind: type, body, ...MESSAGE_HEADER }, rng)
  else if (rng.int(ENCODED_ONE_IN) === 0) {
    refusing(from, type, () => encodeFrame({ t: type, b: body } as { t: string }))
  }
}

/**
 * Takes a message over the wire: measured as its sender does it, if its turn comes, and checked as its
 * receiver does.
 * @returns what the receiver reads, which shares nothing with what was sent but bytes
 * @throws Violation when either would refuse it
 */
export function overTheWire(from: string, message: ControlMessage, rng: Rng): ControlMessage {
  assertSendable(from, message, rng)
  const received = parseMessage(message.t, message.body)
  if (received !== undefined) return received
  const issue = { ...SIGNED, ...PLAIN }[message.t].safeParse(message.body).error?.issues[0]
  const problem = `${issue?.path.join('.')}: ${issue?.message}`
  throw new Violation('wire', `${from} sent a ${message.t} that its receiver refuses: ${problem}`)
}
