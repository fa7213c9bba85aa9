/** From an Ed25519 seed to the key libp2p signs its handshakes with, and to the peer id. */
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { PeerIdText } from './peer.ts'

/** What stands before the seed in the PKCS#8 form of an Ed25519 key (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** The public key is the last 32 bytes of its SPKI form. */
const PUBLIC_KEY_BYTES = 32

/** @throws RangeError when the seed has not 32 bytes */
export function privateKeyFromSeed(seed: Uint8Array): Ed25519PrivateKey {
  if (seed.byteLength !== 32) throw new RangeError(`an Ed25519 seed has 32 bytes, not ${seed.byteLength}`)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return privateKeyFromRaw(Buffer.concat([seed, spki.subarray(-PUBLIC_KEY_BYTES)])) as Ed25519PrivateKey
}

/** The peer id of a seed, in text form (`12D3Koo…`). @throws RangeError when the seed has not 32 bytes */
export function peerIdFromSeed(seed: Uint8Array): PeerIdText {
  return peerIdFromPrivateKey(privateKeyFromSeed(seed)).toString()
}
