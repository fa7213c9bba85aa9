/** Certificates for tests, made when they are needed: none that is kept could be used for anything, or run out. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

export interface TestCertificate {
  /** PEM; it is its own issuer, so that clients trust it by naming it. */
  readonly cert: string
  readonly key: string
}

/** DER: a tag, the length, and the contents. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const { length } = body
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), body])
}

const sequence = (...contents: Uint8Array[]) => der(0x30, ...contents)
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(0x18, Buffer.from(text))
}

function altName(name: string): Buffer {
  if (isIP(name) === 4) return der(0x87, Buffer.from(name.split('.').map(Number)))
  if (isIP(name) === 6) return der(0x87, Buffer.from(`${'0'.repeat(31)}1`, 'hex'))
  return der(0x82, Buffer.from(name))
}

/**
 * A certificate on P-256.
 * @param names DNS names and addresses it is for; of IPv6 only `::1`
 * @param subject a name in its subject, which clients must not go by
 */
export function makeCertificate(
  names: readonly string[],
  { validToMs = Date.now() + 86_400_000, subject = 'test' } = {},
): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(subject)))))
  const extension = sequence(oid('551d11'), der(0x04, sequence(...names.map(altName))))
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    name,
    sequence(time(Date.now() - 86_400_000 * 2), time(validToMs)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', tbs, privateKey)])
  const certificate = sequence(tbs, ECDSA_SHA256, der(0x03, signature))
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** Writes one where a daemon looks for it, over the one that was there. */
export function writeCertificate(
  dir: string,
  { cert, key }: TestCertificate,
): { readonly certFile: string; readonly keyFile: string } {
  const certFile = join(dir, 'cert.pem')
  const keyFile = join(dir, 'key.pem')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key, { mode: 0o600 })
  return { certFile, keyFile }
}
