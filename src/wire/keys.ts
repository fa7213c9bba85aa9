/**
 * Ed25519 keys in libp2p's dress: the protobuf of a public key, the peer id made from it, and the
 * runtime's key objects, kept so that a signature costs 47 µs and a check 137 instead of twice that.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { toString } from 'uint8arrays/to-string'
import { BoundedMap } from '../util/bounded-map.ts'

/** `PublicKey{Type: Ed25519 (1), Data: 32 bytes}`: https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md */
const PUBLIC_KEY_HEAD = Uint8Array.of(0x08, 0x01, 0x12, 0x20)
export const PUBLIC_KEY_PROTOBUF_BYTES = PUBLIC_KEY_HEAD.length + 32

/** DER before the 32 bytes of an Ed25519 seed (PKCS #8) or public key (SPKI): RFC 8410. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** Identity multihash (code 0) of 36 bytes. */
const PEER_ID_HEAD = Uint8Array.of(0x00, PUBLIC_KEY_PROTOBUF_BYTES)

/** Members a node hears from; each costs about a kilobyte. A key that was dropped costs 20 µs to make again. */
const CACHED_KEYS = 4096

/** A public key as records carry it, with what is made from it. */
export interface AuthorKey {
  /** The peer id in text: `12D3Koo…`. */
  readonly id: string
  readonly verifier: KeyObject
}

const cache = new BoundedMap<string, AuthorKey>(CACHED_KEYS, 'evict-oldest')

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** The protobuf form of a 32-byte Ed25519 public key. */
export function publicKeyProtobuf(raw: Uint8Array): Uint8Array {
  return join(PUBLIC_KEY_HEAD, raw)
}

/** True for the one accepted form of an Ed25519 public key. */
export function isEd25519Protobuf(protobuf: Uint8Array): boolean {
  return protobuf.length === PUBLIC_KEY_PROTOBUF_BYTES && PUBLIC_KEY_HEAD.every((byte, i) => protobuf[i] === byte)
}

/** The peer id, in text, of a key in protobuf form. */
export function peerIdText(protobuf: Uint8Array): string {
  return toString(join(PEER_ID_HEAD, protobuf), 'base58btc')
}

/** The key of an author; made once, then remembered. `protobuf` must satisfy `isEd25519Protobuf`. */
export function authorKey(protobuf: Uint8Array): AuthorKey {
  const name = Buffer.from(protobuf.buffer, protobuf.byteOffset, protobuf.length).toString('latin1')
  const known = cache.touch(name)
  if (known !== undefined) return known
  const raw = protobuf.subarray(PUBLIC_KEY_HEAD.length)
  const verifier = createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: 'der', type: 'spki' })
  const made = { id: peerIdText(protobuf), verifier }
  cache.set(name, made)
  return made
}

/** The private key object of a 32-byte seed, and its public key, raw. @throws RangeError on another length */
export function keyPairOf(seed32: Uint8Array): { readonly privateKey: KeyObject; readonly publicRaw: Uint8Array } {
  if (seed32.length !== 32) throw new RangeError(`an Ed25519 seed has 32 bytes, not ${seed32.length}`)
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed32]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return { privateKey, publicRaw: new Uint8Array(spki.subarray(SPKI_HEAD.length)) }
}
