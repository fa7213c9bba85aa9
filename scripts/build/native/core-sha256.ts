/** Stands in for `src/util/sha256.ts` in the shipped bundle: the same hashes by Node's own OpenSSL. */
import { hash } from 'node:crypto'

/** The sha256 of `bytes`, 32 bytes: no Buffer, as the core has none. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = hash('sha256', bytes, 'buffer')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** The sha256 of `bytes` in lower-case hex, 64 characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
