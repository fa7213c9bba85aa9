/**
 * Statements: what one or several keys sign together, such as an entry of the governance log.
 *
 * Each signature is that of a libp2p signed envelope over the same payload (RFC 0002: domain, payload type, payload,
 * each after its length), so a statement by three keys is three envelopes that share their content. The statement is
 * named by the sha256 of its payload alone: which of the signatures came together where does not change its name.
 */
import { hash, sign, verify } from 'node:crypto'
import { decode, encode } from './codec.ts'
import { signedBytes } from './envelope-format.ts'
import { WireError } from './errors.ts'
import { authorKey, isEd25519Protobuf, keyPairOf, peerIdText, publicKeyProtobuf } from './keys.ts'
import { STATEMENT_MAX_BYTES, type StatementKind } from './limits.ts'
import { recordDomain, recordPayloadType } from './protocols.ts'

/** One key's signature. */
export interface StatementSignature {
  /** libp2p `PublicKey` protobuf. */
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** A statement whose every signature was checked. `body` has not been checked against any schema. */
export interface VerifiedStatement {
  readonly kind: StatementKind
  /** sha256 of the payload, lower-case hex. */
  readonly hash: string
  readonly body: unknown
  /** Peer ids, in text, of the keys that signed it, each once, in order. */
  readonly signers: readonly string[]
  readonly signatures: readonly StatementSignature[]
  /** As it travels and is stored. */
  readonly bytes: Uint8Array
}

/** One who can sign statements. */
export interface StatementSigner {
  /** Peer id in text. */
  readonly id: string
  /** Signs the payload of a statement. */
  sign(kind: StatementKind, payload: Uint8Array): StatementSignature
}

const VERSION = 1
const SIGNATURE_BYTES = 64
/** Beyond any set of admins. */
const MAX_SIGNATURES = 32

/** A signer for a 32-byte Ed25519 seed. @throws RangeError on another length */
export function statementSigner(seed32: Uint8Array): StatementSigner {
  const { privateKey, publicRaw } = keyPairOf(seed32)
  const publicKey = publicKeyProtobuf(publicRaw)
  return {
    id: peerIdText(publicKey),
    sign: (kind, payload) => ({ publicKey, signature: sign(null, toSign(kind, payload), privateKey) }),
  }
}

const text = new TextEncoder()

function toSign(kind: StatementKind, payload: Uint8Array): Uint8Array {
  return signedBytes(text.encode(recordDomain(kind)), text.encode(recordPayloadType(kind)), payload)
}

/**
 * A statement signed by these keys; by none, as a genesis is, or as a proposal begins.
 * @throws WireError `too-large`
 */
export function makeStatement(
  kind: StatementKind,
  body: unknown,
  signers: readonly StatementSigner[],
): VerifiedStatement {
  const payload = encode({ v: VERSION, kind, body })
  return assemble(
    kind,
    payload,
    signers.map((signer) => signer.sign(kind, payload)),
  )
}

/** The same statement with these signatures too, of whomever has not signed it yet. */
export function withSignatures(
  statement: VerifiedStatement,
  more: readonly (StatementSignature | StatementSigner)[],
): VerifiedStatement {
  const payload = encode({ v: VERSION, kind: statement.kind, body: statement.body })
  const made = more.map((one) => ('sign' in one ? one.sign(statement.kind, payload) : one))
  return assemble(statement.kind, payload, [...statement.signatures, ...made])
}

/** The same statement with the signatures of these keys alone. */
export function signedOnlyBy(statement: VerifiedStatement, keys: ReadonlySet<string>): VerifiedStatement {
  const payload = encode({ v: VERSION, kind: statement.kind, body: statement.body })
  const theirs = statement.signatures.filter(({ publicKey }) => keys.has(authorKey(publicKey).id))
  return assemble(statement.kind, payload, theirs)
}

function assemble(
  kind: StatementKind,
  payload: Uint8Array,
  signatures: readonly StatementSignature[],
): VerifiedStatement {
  const bySigner = new Map<string, StatementSignature>()
  for (const one of signatures) {
    const { id } = authorKey(one.publicKey)
    if (!bySigner.has(id)) bySigner.set(id, one)
  }
  const ordered = [...bySigner].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const bytes = encode({ p: payload, s: ordered.map(([, { publicKey, signature }]) => [publicKey, signature]) })
  return openStatement(bytes, kind)
}

/**
 * Checks a statement: size and form first, then each signature.
 *
 * Whether enough of the right keys signed is for `governance/` to say.
 * @throws WireError with the first thing found wrong
 */
export function openStatement(bytes: Uint8Array, kinds: StatementKind | ReadonlySet<StatementKind>): VerifiedStatement {
  const outer = decode(bytes, Math.max(...Object.values(STATEMENT_MAX_BYTES)))
  const { p: payload, s: list } = shaped(outer)
  const inner = decode(payload, payload.length)
  const { kind, body } = payloadOf(inner)
  if (typeof kinds === 'string' ? kinds !== kind : !kinds.has(kind)) {
    throw new WireError('unknown-kind', `a ${kind} is not expected here`)
  }
  const cap = STATEMENT_MAX_BYTES[kind]
  if (bytes.length > cap) {
    throw new WireError('too-large', `a ${kind} of ${bytes.length} bytes; at most ${cap} are allowed`)
  }
  const signatures = list.map((entry) => signatureOf(entry, kind))
  const signers = signatures.map(({ publicKey }) => authorKey(publicKey))
  // In order and each once, or one statement would have several forms.
  for (let i = 1; i < signers.length; i++) {
    if (signers[i - 1]!.id >= signers[i]!.id) throw new WireError('not-canonical', `${kind}: signatures out of order`)
  }
  const signed = toSign(kind, payload)
  for (const [i, { signature }] of signatures.entries()) {
    if (!verify(null, signed, signers[i]!.verifier, signature)) {
      throw new WireError('bad-signature', `${kind}: the signature of ${signers[i]!.id} does not fit`)
    }
  }
  return { kind, hash: hash('sha256', payload, 'hex'), body, signers: signers.map(({ id }) => id), signatures, bytes }
}

function shaped(outer: unknown): { readonly p: Uint8Array; readonly s: readonly unknown[] } {
  if (typeof outer === 'object' && outer !== null && Object.keys(outer).length === 2 && 'p' in outer && 's' in outer) {
    const { p, s } = outer
    if (p instanceof Uint8Array && Array.isArray(s) && s.length <= MAX_SIGNATURES) return { p, s }
  }
  throw new WireError('malformed', `statement: expected a payload and at most ${MAX_SIGNATURES} signatures`)
}

function payloadOf(inner: unknown): { readonly kind: StatementKind; readonly body: unknown } {
  const known = typeof inner === 'object' && inner !== null && Object.keys(inner).length === 3
  if (!known || !('v' in inner) || inner.v !== VERSION || !('kind' in inner) || !('body' in inner)) {
    throw new WireError('malformed', `statement: expected version ${VERSION}, a kind and a body`)
  }
  const { kind, body } = inner
  if (typeof kind !== 'string' || !Object.hasOwn(STATEMENT_MAX_BYTES, kind)) {
    throw new WireError('unknown-kind', `a statement of a kind that this version does not know`)
  }
  return { kind: kind as StatementKind, body }
}

function signatureOf(entry: unknown, kind: StatementKind): StatementSignature {
  const [publicKey, signature, more]: unknown[] = Array.isArray(entry) ? entry : []
  if (!(publicKey instanceof Uint8Array) || !isEd25519Protobuf(publicKey) || more !== undefined) {
    throw new WireError('malformed', `${kind}: not a signature with its Ed25519 public key`)
  }
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) {
    throw new WireError('bad-signature', `${kind}: not an Ed25519 signature`)
  }
  return { publicKey, signature }
}
