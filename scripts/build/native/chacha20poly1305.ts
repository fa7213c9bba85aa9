/**
 * Stands in for `@chainsafe/as-chacha20poly1305` in the shipped bundle: the same cipher by Node's own OpenSSL.
 *
 * The WebAssembly one is quicker on small messages (up to a fifth of the CPU of gossip), but takes 6 MB of every
 * daemon, which idles most of its life. RFC 8439; the interface is that of the package's class.
 */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const NAME = 'chacha20-poly1305'
const TAG_BYTES = 16

/**
 * Keys as OpenSSL wants them. Node makes one for each call that is given bytes, which costs three times the cipher;
 * a link has two keys for all its life, and never changes their bytes.
 */
const keys = new WeakMap<Uint8Array, KeyObject>()

function keyOf(bytes: Uint8Array): KeyObject {
  let key = keys.get(bytes)
  if (key === undefined) {
    key = createSecretKey(bytes)
    keys.set(bytes, key)
  }
  return key
}

/** What the package asks for a WebAssembly instance with; there is none here. */
export function newInstance(): undefined {
  return undefined
}

/** Seals and opens with a 32-byte key and a 12-byte nonce. */
export class ChaCha20Poly1305 {
  /** @returns ciphertext and tag */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    const cipher = createCipheriv(NAME, keyOf(key), nonce, { authTagLength: TAG_BYTES })
    if (associated) cipher.setAAD(associated, { plaintextLength: plaintext.length })
    const body = cipher.update(plaintext)
    cipher.final()
    return Buffer.concat([body, cipher.getAuthTag()], plaintext.length + TAG_BYTES)
  }

  /** @returns the plaintext, in `into` when given, or null when it was tampered with */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    associated?: Uint8Array,
    into?: Uint8Array,
  ): Uint8Array | null {
    if (sealed.length < TAG_BYTES) return null
    const length = sealed.length - TAG_BYTES
    const decipher = createDecipheriv(NAME, keyOf(key), nonce, { authTagLength: TAG_BYTES })
    if (associated) decipher.setAAD(associated, { plaintextLength: length })
    decipher.setAuthTag(sealed.subarray(length))
    try {
      const plaintext = decipher.update(sealed.subarray(0, length))
      decipher.final()
      if (!into) return plaintext
      into.set(plaintext)
      return into
    } catch {
      return null
    }
  }
}
