/** Where known peers can be dialled. libp2p's own store forgets after an hour; the lost are re-dialled for ever. */
import { parseRelayedAddress, parseTcpAddress } from './addresses.ts'
import { MAX_ADDRESSES_PER_PEER, MAX_KNOWN_PEERS, MAX_RELAYED_ADDRESSES } from './limits.ts'

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
      const relayed = parseRelayedAddress(text)
      // Two who can reach each other by nobody else's relay than one of them are not helped by it.
      if (relayed?.relay.peer === this.#self || relayed?.relay.peer === peer) continue
      const parsed = relayed === undefined ? parseTcpAddress(text) : { ...relayed.relay, peer: relayed.peer }
      if (parsed === undefined || (parsed.peer !== undefined && parsed.peer !== peer)) continue
      if (parsed.family.startsWith('ip') && !this.#allowed(text)) continue
      usable.push(parsed.peer === undefined ? text : text.slice(0, text.lastIndexOf('/p2p/')))
    }
    if (usable.length === 0) return
    this.#addresses.delete(peer)
    const all = [...new Set([...usable, ...known])]
    const relayed = all.filter(isRelayed).slice(0, MAX_RELAYED_ADDRESSES)
    const direct = all.filter((text) => !isRelayed(text)).slice(0, MAX_ADDRESSES_PER_PEER - relayed.length)
    this.#addresses.set(peer, [...direct, ...relayed])
    if (this.#addresses.size > MAX_KNOWN_PEERS) {
      this.#addresses.delete(this.#addresses.keys().next().value as string)
    }
  }

  /** Dial order: the one that worked last, or was learnt last, first; those by way of a relay after all others. */
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

/** Whether another peer relays what is sent to this address. */
export function isRelayed(address: string): boolean {
  return address.includes('/p2p-circuit')
}
