/**
 * Whose heartbeats are no news to whom. In a large world nearly all inputs are heartbeats of members that are believed
 * alive under the very pair the heartbeat names; the core does nothing with them, and finding that out means to look up
 * every member in the memory of every node. Here it is one number.
 */
import type { Member, Pair } from '../../../src/topology/types.ts'
import { isBelievedAlive, isSame } from '../../../src/topology/state.ts'

/** Incarnations of one epoch that are told apart. */
const INCARNATIONS = 2 ** 20

export class Beats {
  #size: number
  /** By author and receiver, the pair that is no news; 0 where every heartbeat is. */
  #known: Float64Array

  constructor(size: number) {
    this.#size = size
    this.#known = new Float64Array(size * size)
  }

  isKnown(to: number, from: number, pair: Pair): boolean {
    return this.#known[from * this.#size + to] === numberOf(pair)
  }

  /** `to` has taken a heartbeat of `from`, of whom it now holds this. */
  taken(to: number, from: number, pair: Pair, member: Member | undefined): void {
    if (from === to || member === undefined || !isBelievedAlive(member) || !isSame(member.pair, pair)) return
    this.#known[from * this.#size + to] = numberOf(pair)
  }

  /** `to` thinks anew of `from`. */
  forget(to: number, from: number): void {
    this.#known[from * this.#size + to] = 0
  }

  /** `to` begins anew and knows nobody. */
  forgetAll(to: number): void {
    for (let from = 0; from < this.#size; from++) this.forget(to, from)
  }
}

function numberOf({ epoch, incarnation }: Pair): number {
  return epoch * INCARNATIONS + incarnation
}
