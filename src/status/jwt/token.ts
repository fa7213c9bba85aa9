/**
 * A JWT in its compact form (RFC 7515, section 3.1), taken apart: nothing of it is believed yet. Stricter than the
 * standard where laxness has led to forgeries (RFC 8725): three algorithms, all of them signatures, no header that asks
 * for more than this code does, no padding, no other alphabet.
 */
import { objectOf, textOf } from './json.ts'

/** The algorithms: RSA with SHA-256, ECDSA on P-256 with SHA-256, Ed25519. Neither `none` nor any shared secret. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
/** One of `ALGORITHMS`. */
export type Algorithm = (typeof ALGORITHMS)[number]

/** A token in its parts. */
export interface ParsedJwt {
  readonly alg: Algorithm
  readonly kid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** What was signed. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Media types of what is meant for an API; others, such as a logout token, are JWTs too. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt'])
/** Headers that ask for more than this code does. */
const EXTENSIONS = ['crit', 'b64', 'enc', 'zip']
/** Characters of a key's id. */
export const MOST_KID_CHARS = 256
/** The longest signature: RSA with 8192 bits. */
const MOST_SIGNATURE_BYTES = 1_024

/** @returns its parts, or what is wrong with it */
export function parseJwt(text: string): ParsedJwt | string {
  const parts = text.split('.')
  const [head = '', body = '', sealed = ''] = parts
  if (parts.length !== 3) return 'it has not three parts'
  const header = objectOf(readJson(head))
  const alg = ALGORITHMS.find((known) => known === header?.['alg'])
  const kid = textOf(header?.['kid'], MOST_KID_CHARS)
  const typ = textOf(header?.['typ'], MOST_KID_CHARS)
  if (header === undefined || alg === undefined || kid === null || typ === null)
    return `its header is wrong, or its alg is none of ${ALGORITHMS.join(', ')}`
  // What a header declares critical must be understood, and nothing is (RFC 7515, section 4.1.11).
  if (EXTENSIONS.some((name) => Object.hasOwn(header, name))) return 'its header asks for an extension'
  if (typ !== undefined && !TYPES.has(typ.toLowerCase())) return 'it is a JWT for another purpose'
  const claims = objectOf(readJson(body))
  if (claims === undefined) return 'its claims are no object'
  const signature = readBase64Url(sealed)
  if (signature === undefined || signature.length === 0 || signature.length > MOST_SIGNATURE_BYTES)
    return 'its signature is no base64url, empty or too long'
  return {
    ...{ alg, kid, signature },
    claims,
    signed: Buffer.from(`${head}.${body}`, 'latin1'),
  }
}

function readJson(part: string): unknown {
  const bytes = readBase64Url(part)
  if (bytes === undefined) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    return undefined
  }
}

/** Of a text in one way only: what would read the same bytes from another text is refused. */
function readBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
