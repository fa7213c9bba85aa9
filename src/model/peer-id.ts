/** Peer ids as text, where no libp2p is at hand. */

/**
 * The base58 form of an Ed25519 public key as an identity multihash: 38 bytes that begin alike, so that the text
 * begins with 12D3KooW. Every Althing node has such a key.
 * https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
 */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/

/** True for text that can be a node's peer id. It need not be anybody's. */
export function isPeerId(text: string): boolean {
  return PEER_ID.test(text)
}
