/**
 * Gossip of records: whoever takes one as new passes it on to a few neighbours. Copies are dropped by
 * their hash before they reach the core, as the gossip layer does, except those a fault repeats.
 */
import type { Rng } from '../../src/util/rng.ts'
import type { VerifiedRecord } from '../../src/wire/envelope.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'

/** Neighbours a record is passed on to: the least degree of the real gossip mesh. Sync makes up for gaps. */
const DEGREE = 3
/** Hashes remembered per node. */
const SEEN_MOST = 2_000

export class Gossip {
  /** How often a copy reaches the core all the same, 0 to 1. */
  repeatShare = 0
  readonly #network: Network
  readonly #rng: Rng
  readonly #seen = new Map<string, Set<string>>()

  constructor(network: Network, rng: Rng) {
    this.#network = network
    this.#rng = rng
  }

  /** A new daemon remembers nothing. */
  forget(id: string): void {
    this.#seen.set(id, new Set())
  }

  /** Spreads a node's own record, or one it has just taken. */
  publish(from: SimNode, record: VerifiedRecord, nodeOf: (id: string) => SimNode): void {
    this.#isNew(from.id, record.hash)
    const peers = this.#network.peersOf(from.id)
    for (const peer of this.#rng.shuffle(peers).slice(0, DEGREE)) {
      // Who has it would drop it: not worth an event.
      if (this.repeatShare === 0 && this.#seen.get(peer)!.has(record.hash)) continue
      const target = nodeOf(peer)
      const { boots } = target
      this.#network.gossip(from.id, peer, () => {
        if (!target.online || target.boots !== boots) return
        if (!this.#isNew(peer, record.hash) && this.#rng.next() >= this.repeatShare) return
        if (target.receiveGossip(record)) this.publish(target, record, nodeOf)
      })
    }
  }

  #isNew(id: string, hash: string): boolean {
    const seen = this.#seen.get(id)!
    if (seen.has(hash)) return false
    if (seen.size >= SEEN_MOST) seen.clear()
    seen.add(hash)
    return true
  }
}
