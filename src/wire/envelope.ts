/**
 * Signed records: sealed by their author, opened and checked by everybody else.
 *
 * The envelope is libp2p's (see `envelope-format.ts`), so that any libp2p implementation can verify
 * ours. The payload is canonical dag-cbor, and says again who wrote it and of what kind it is; both
 * must agree with the key and with the domain that was signed.
 */
import { hash, sign, verify, type KeyObject } from 'node:crypto'
import * as z from 'zod'
import { decode, encode } from './codec.ts'
import { readEnvelope, signedBytes, writeEnvelope } from './envelope-format.ts'
import { WireError } from './errors.ts'
import { authorKey, isEd25519Protobuf, keyPairOf, peerIdText, publicKeyProtobuf } from './keys.ts'
import { MAX_AHEAD_MS, MAX_RECORD_NAME, MAX_TTL_MS, maxBytesOf } from './limits.ts'
import { PAYLOAD_TYPE_PREFIX, recordDomain, recordPayloadType } from './protocols.ts'

/** What an author decides of a record. */
export interface RecordDraft {
  readonly kind: string
  /** Newest wins per (author, kind, name). Empty where an author has one record of the kind. */
  readonly name: string
  /** Boot epoch of the author; (epoch, seq) rises with every record of a kind. */
  readonly epoch: number
  readonly seq: number
  /** The author's clock, Unix milliseconds. */
  readonly hlc: number
  /** How long it holds unless renewed; 0 withdraws what was published under this name. */
  readonly ttlMs: number
  readonly body: unknown
}

/** A record whose signature was checked. `body` has not been checked against any schema. */
export interface VerifiedRecord extends RecordDraft {
  /** Peer id, in text, of the key that signed it. */
  readonly author: string
  /** The envelope as it was received; it is forwarded and stored like this, never encoded again. */
  readonly bytes: Uint8Array
  /** sha256 of `bytes`, lower-case hex. */
  readonly hash: string
}

/** One who can sign records. */
export interface Signer {
  /** Peer id in text. */
  readonly id: string
  /** The public key as libp2p's protobuf. */
  readonly publicKey: Uint8Array
  /**
   * Signs a record.
   * @throws WireError `too-large` when it would exceed its kind's cap, `unknown-kind`, or `malformed`
   * when the header or body cannot be carried
   */
  seal(draft: RecordDraft): VerifiedRecord
}

/** What a caller is ready to accept. */
export interface Expectation {
  readonly kinds: ReadonlySet<string> | string
  /** Upper bound beside the kind's own cap. */
  readonly maxBytes: number
  readonly wallNowMs: number
  /** How far ahead of `wallNowMs` a record may be. @default 30000 */
  readonly maxAheadMs?: number
}

const VERSION = 1
const SIGNATURE_BYTES = 64

const Header = z.strictObject({
  v: z.literal(VERSION),
  kind: z.string().max(64),
  author: z.string().max(128),
  epoch: z.int().min(0),
  seq: z.int().min(0),
  hlc: z.int().min(0),
  ttlMs: z.int().min(0).max(MAX_TTL_MS),
  // Printable ASCII: a name is shown, compared and used as part of a key.
  name: z
    .string()
    .max(MAX_RECORD_NAME)
    .regex(/^[!-~]*$/),
  body: z.unknown(),
})

/** Domain and payload type of a kind, as bytes; there are few kinds, so they are made once. */
const scopes = new Map<string, { readonly domain: Uint8Array; readonly payloadType: Uint8Array }>()

function scopeOf(kind: string) {
  let scope = scopes.get(kind)
  if (scope === undefined) {
    const text = new TextEncoder()
    scope = { domain: text.encode(recordDomain(kind)), payloadType: text.encode(recordPayloadType(kind)) }
    // Only kinds with a size cap come here, so this map is as small as that table.
    scopes.set(kind, scope)
  }
  return scope
}

function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'unknown' : `${issue.path.join('.') || 'record'}: ${issue.message}`
}

/** A signer for a 32-byte Ed25519 seed. @throws RangeError on another length */
export function createSigner(seed32: Uint8Array): Signer {
  const { privateKey, publicRaw } = keyPairOf(seed32)
  const publicKey = publicKeyProtobuf(publicRaw)
  const id = peerIdText(publicKey)
  return { id, publicKey, seal: (draft) => seal(draft, id, publicKey, privateKey) }
}

function seal(draft: RecordDraft, author: string, publicKey: Uint8Array, privateKey: KeyObject): VerifiedRecord {
  const { kind, name, epoch, seq, hlc, ttlMs, body } = draft
  const cap = maxBytesOf(kind)
  if (cap === undefined) throw new WireError('unknown-kind', `record kind ${JSON.stringify(kind)} has no size limit`)
  const header = { v: VERSION, kind, author, epoch, seq, hlc, ttlMs, name, body }
  const checked = Header.safeParse(header)
  if (!checked.success) throw new WireError('malformed', `${kind} record: ${describeIssue(checked.error)}`)
  const payload = encode(header)
  const { domain, payloadType } = scopeOf(kind)
  const signature = sign(null, signedBytes(domain, payloadType, payload), privateKey)
  const bytes = writeEnvelope({ publicKey, payloadType, payload, signature })
  if (bytes.length > cap) {
    throw new WireError('too-large', `${kind} record ${name} takes ${bytes.length} bytes; at most ${cap} are allowed`, {
      fix: `make the ${kind} smaller`,
      meta: { kind, name, sizeBytes: bytes.length, maxBytes: cap },
    })
  }
  return { ...draft, author, bytes, hash: hash('sha256', bytes, 'hex') }
}

/** The kind an envelope says it is of. @throws WireError `wrong-domain` for another application's */
function kindOf(payloadType: Uint8Array): string {
  const text = Buffer.from(payloadType.buffer, payloadType.byteOffset, payloadType.length).toString('latin1')
  if (!text.startsWith(PAYLOAD_TYPE_PREFIX)) {
    throw new WireError('wrong-domain', 'a signed envelope, but not one of Althing')
  }
  return text.slice(PAYLOAD_TYPE_PREFIX.length)
}

function isExpected(kind: string, kinds: Expectation['kinds']): boolean {
  return typeof kinds === 'string' ? kinds === kind : kinds.has(kind)
}

/** Who an envelope says has signed it, which is not checked; undefined for what is no envelope. */
export function claimedAuthor(bytes: Uint8Array): string | undefined {
  try {
    const { publicKey } = readEnvelope(bytes)
    return isEd25519Protobuf(publicKey) ? peerIdText(publicKey) : undefined
  } catch {
    return undefined
  }
}

/** Keeps the bytes, without keeping the larger network buffer they may be a view of. */
function own(bytes: Uint8Array): Uint8Array {
  const alone = bytes.byteLength === bytes.buffer.byteLength && !Buffer.isBuffer(bytes)
  return alone ? bytes : new Uint8Array(bytes)
}

/**
 * Checks a record: size, form, kind, header, author and time first, since they are cheap; the
 * signature last.
 *
 * `body` still has to be checked against its kind's schema. Whether the record is new, repeated or
 * contradicts another is for the registry to say.
 * @throws WireError with the first thing found wrong; `codec.ts` and `errors.ts` list the codes
 */
export function openRecord(bytes: Uint8Array, expect: Expectation): VerifiedRecord {
  if (bytes.length > expect.maxBytes) {
    throw new WireError('too-large', `record of ${bytes.length} bytes; at most ${expect.maxBytes} are allowed`)
  }
  const parts = readEnvelope(bytes)
  const kind = kindOf(parts.payloadType)
  const cap = maxBytesOf(kind)
  if (cap === undefined || !isExpected(kind, expect.kinds)) {
    throw new WireError('unknown-kind', `record kind ${JSON.stringify(kind.slice(0, 64))} is not expected here`)
  }
  if (bytes.length > cap)
    throw new WireError('too-large', `${kind} record of ${bytes.length} bytes; at most ${cap} are allowed`)
  if (parts.signature.length === 0) throw new WireError('unsigned', `${kind} record without a signature`)
  if (parts.signature.length !== SIGNATURE_BYTES)
    throw new WireError('bad-signature', `${kind} record: not an Ed25519 signature`)
  if (!isEd25519Protobuf(parts.publicKey)) throw new WireError('malformed', `${kind} record: not an Ed25519 public key`)

  const parsed = Header.safeParse(decode(parts.payload, cap))
  if (!parsed.success) throw new WireError('malformed', `${kind} record: ${describeIssue(parsed.error)}`)
  const { v: _version, ...record } = parsed.data
  if (record.kind !== kind) {
    throw new WireError('wrong-domain', `a ${JSON.stringify(record.kind)} record in the envelope of a ${kind}`)
  }
  const maxAheadMs = expect.maxAheadMs ?? MAX_AHEAD_MS
  if (record.hlc > expect.wallNowMs + maxAheadMs) {
    const aheadMs = record.hlc - expect.wallNowMs
    throw new WireError('future-dated', `${kind} record of ${record.author} is ${aheadMs} ms ahead of this clock`, {
      fix: 'set the clocks of both machines (NTP)',
      meta: { author: record.author, aheadMs },
    })
  }
  const key = authorKey(parts.publicKey)
  if (record.author !== key.id) {
    throw new WireError('wrong-author', `${kind} record says it is by ${record.author}, but ${key.id} signed it`)
  }
  const { domain, payloadType } = scopeOf(kind)
  if (!verify(null, signedBytes(domain, payloadType, parts.payload), key.verifier, parts.signature)) {
    throw new WireError('bad-signature', `${kind} record of ${key.id}: the signature does not fit`)
  }
  return { ...record, bytes: own(bytes), hash: hash('sha256', bytes, 'hex') }
}
