/** JWTs for tests, and the keys they are signed with. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

export type TestAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

export interface TestKey {
  readonly alg: TestAlgorithm
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** As a key set has it. */
  readonly jwk: Record<string, unknown>
}

const PAIRS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const

export function makeKey(alg: TestAlgorithm, kid: string): TestKey {
  const { publicKey, privateKey } = PAIRS[alg]()
  return { alg, kid, publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Signs what a key says it can. */
export function signature(key: TestKey, signed: string): string {
  const data = Buffer.from(signed)
  if (key.alg === 'EdDSA') return sign(null, data, key.privateKey).toString('base64url')
  if (key.alg === 'RS256') return sign('sha256', data, key.privateKey).toString('base64url')
  return sign('sha256', data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

/** A signed token. @param header replaces or adds to what it would say */
export function makeJwt(key: TestKey, claims: unknown, header: Record<string, unknown> = {}): string {
  const signed = `${part({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })}.${part(claims)}`
  return `${signed}.${signature(key, signed)}`
}
