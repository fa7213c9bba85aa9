/** Where known peers can be dialled. libp2p's own store forgets after an hour; the lost are re-dialled for ever. */
import { parseTcpAddress } from './addresses.ts'
import { MAX_ADDRESSES_PER_PEER, MAX_KNOWN_PEERS } from './limits.ts'

export class AddressBook {
  readonly #addresses = new Map<string, string[]>()
  readonly #self: string
  readonly #allowed: (address: string) => boolean

  /** @param allowed which addresses are worth remembering (public ones may not be) */
  constructor(self: string, allowed: (address: string) => boolean) {
    this.#self = self
    this.#allowed = allowed
  }

  /** Adds addresses, newest first; those that name another peer, or cannot be dialled, are left out. */
  learn(peer: string, addresses: readonly string[]): void {
    if (peer === this.#self) return
    const known = this.#addresses.get(peer) ?? []
    const usable: string[] = []
    for (const text of addresses.slice(0, 4 * MAX_ADDRESSES_PER_PEER)) {
      const parsed = parseTcpAddress(text)
      if (parsed === undefined || (parsed.peer !== undefined && parsed.peer !== peer)) continue
      if (parsed.family.startsWith('ip') && !this.#allowed(text)) continue
      usable.push(parsed.peer === undefined ? text : text.slice(0, text.lastIndexOf('/p2p/')))
    }
    if (usable.length === 0) return
    this.#addresses.delete(peer)
    this.#addresses.set(peer, [...new Set([...usable, ...known])].slice(0, MAX_ADDRESSES_PER_PEER))
    if (this.#addresses.size > MAX_KNOWN_PEERS) {
      this.#addresses.delete(this.#addresses.keys().next().value as string)
    }
  }

  /** Dial order: the one that worked last, or was learnt last, first. */
  of(peer: string): readonly string[] {
    return this.#addresses.get(peer) ?? []
  }

  forget(peer: string): void {
    this.#addresses.delete(peer)
  }

  peers(): string[] {
    return [...this.#addresses.keys()]
  }

  get size(): number {
    return this.#addresses.size
  }
}
