/**
 * A JWT in its compact form (RFC 7515, section 3.1), taken apart: nothing of it is believed yet. Stricter than the
 * standard where laxness has led to forgeries (RFC 8725): three algorithms, all of them signatures, no header that asks
 * for more than this code does, no padding, no other alphabet.
 */
import * as z from 'zod'

/** The algorithms: RSA with SHA-256, ECDSA on P-256 with SHA-256, Ed25519. Neither `none` nor any shared secret. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
/** One of `ALGORITHMS`. */
export type Algorithm = (typeof ALGORITHMS)[number]

const Header = z.looseObject({
  alg: z.enum(ALGORITHMS),
  kid: z.string().min(1).max(256).optional(),
  typ: z.string().max(32).optional(),
})

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
/** The longest signature: RSA with 8192 bits. */
const MOST_SIGNATURE_BYTES = 1_024

/** @returns its parts, or what is wrong with it */
export function parseJwt(text: string): ParsedJwt | string {
  const parts = text.split('.')
  const [head = '', body = '', sealed = ''] = parts
  if (parts.length !== 3) return 'it has not three parts'
  const header = Header.safeParse(readJson(head))
  if (!header.success) return `its header is wrong, or its alg is none of ${ALGORITHMS.join(', ')}`
  const { alg, kid, typ, ...rest } = header.data
  // What a header declares critical must be understood, and nothing is (RFC 7515, section 4.1.11).
  if ('crit' in rest || 'b64' in rest || 'enc' in rest || 'zip' in rest) return 'its header asks for an extension'
  if (typ !== undefined && !TYPES.has(typ.toLowerCase())) return 'it is a JWT for another purpose'
  const claims = readJson(body)
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return 'its claims are no object'
  const signature = readBase64Url(sealed)
  if (signature === undefined || signature.length === 0 || signature.length > MOST_SIGNATURE_BYTES)
    return 'its signature is no base64url, empty or too long'
  return {
    ...{ alg, kid, signature },
    claims: claims as Record<string, unknown>,
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
