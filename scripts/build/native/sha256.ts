/** Stands in for `@chainsafe/as-sha256` in the shipped bundle: the same hash by Node's own OpenSSL. */
import { hash } from 'node:crypto'

/** SHA-256 of `data`, 32 bytes. */
export function digest(data: Uint8Array): Uint8Array {
  return hash('sha256', data, 'buffer')
}
