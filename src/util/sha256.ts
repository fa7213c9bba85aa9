/**
 * sha256, synchronous and in pure JavaScript, so that the core may use it.
 *
 * Adapters that hash much (bundles, gossip) use the runtime's own, which is several times faster;
 * the result is the same.
 */
import { sha256 as digest } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** The sha256 of `bytes`, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return digest(bytes)
}

/** The sha256 of `bytes` in lower-case hex, 64 characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes))
}
