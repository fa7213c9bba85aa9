/** The public keys of an issuer, as a JWK set names them (RFC 7517). */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { objectOf, textOf } from './json.ts'
import { MOST_KID_CHARS, type Algorithm, type ParsedJwt } from './token.ts'

/** Keys of a set that are looked at. */
const MOST_KEYS = 64
/** The largest set: 64 RSA keys of 8192 bits with room for their certificates. */
export const MOST_SET_BYTES = 256 * 1024
/** Shorter ones can be broken (RFC 7518, section 3.3), longer ones take a daemon's time. */
const RSA_BITS = { least: 2_048, most: 8_192 }

/** A key that verifies one algorithm. */
export interface IssuerKey {
  readonly kid: string | undefined
  readonly alg: Algorithm
  readonly key: KeyObject
}

/**
 * The keys of a set that can be used; others are left out, since an issuer may have keys for other purposes.
 * @returns what is wrong, as a text, when it is no set
 */
export function readKeySet(text: string): IssuerKey[] | string {
  if (Buffer.byteLength(text) > MOST_SET_BYTES) return `it is larger than ${MOST_SET_BYTES / 1024} KiB`
  const set = objectOf(readJson(text))?.['keys']
  if (!Array.isArray(set)) return 'it is no JSON Web Key Set, `{"keys": [...]}`'
  return set.slice(0, MOST_KEYS).flatMap(readKey)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function readKey(value: unknown): IssuerKey[] {
  const jwk = objectOf(value)
  const kid = textOf(jwk?.['kid'], MOST_KID_CHARS)
  const alg = algorithmOf(jwk?.['kty'], jwk?.['crv'])
  if (jwk === undefined || kid === null || alg === undefined) return []
  const { alg: said = alg, use = 'sig', key_ops: uses = ['verify'] } = jwk
  if (said !== alg && !(alg === 'EdDSA' && said === 'Ed25519')) return []
  if (use !== 'sig' || !Array.isArray(uses) || !uses.includes('verify')) return []
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS.least
    return bits < RSA_BITS.least || bits > RSA_BITS.most ? [] : [{ kid, alg, key }]
  } catch {
    return []
  }
}

/** One algorithm a kind of key: what a token says of itself must fit the key, never the other way round. */
function algorithmOf(kty: unknown, crv: unknown): Algorithm | undefined {
  if (kty === 'RSA') return 'RS256'
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  return kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : undefined
}

/** The keys that a token may have been signed with: by its key id, or the only one there is for its algorithm. */
export function keysFor(keys: readonly IssuerKey[], { alg, kid }: Pick<ParsedJwt, 'alg' | 'kid'>): IssuerKey[] {
  const fitting = keys.filter((key) => key.alg === alg)
  if (kid !== undefined) return fitting.filter((key) => key.kid === kid)
  return fitting.length === 1 ? fitting : []
}

/** Whether a key has signed a token. */
export function isSignedBy({ alg, key }: IssuerKey, { signed, signature }: ParsedJwt): boolean {
  switch (alg) {
    case 'RS256':
      return verify('sha256', signed, key, signature)
    case 'ES256':
      // The two numbers one after the other (RFC 7518, section 3.4), not in ASN.1.
      return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'EdDSA':
      return verify(null, signed, key, signature)
  }
}
