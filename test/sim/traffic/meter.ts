/** Who has sent and received how much, by what it was for. */
import type { StreamBytes } from './wire-sizes.ts'

/** What traffic is for. `control`: gossipsub's own words. `links`: what keeps a link standing, and greetings. */
export const TRAFFIC_KINDS = [
  'probes',
  'heartbeats',
  'passports',
  'testimony',
  'digests',
  'control',
  'sync',
  'links',
] as const
export type TrafficKind = (typeof TRAFFIC_KINDS)[number]

export class Meter {
  readonly #size: number
  readonly #sent: Float64Array
  readonly #received: Float64Array

  constructor(size: number) {
    this.#size = size
    this.#sent = new Float64Array(size * TRAFFIC_KINDS.length)
    this.#received = new Float64Array(size * TRAFFIC_KINDS.length)
  }

  /** Counts from now on. */
  reset(): void {
    this.#sent.fill(0)
    this.#received.fill(0)
  }

  #at(kind: TrafficKind, index: number): number {
    return TRAFFIC_KINDS.indexOf(kind) * this.#size + index
  }

  datagram(from: number, to: number, bytes: number): void {
    this.#count('probes', from, to, bytes)
  }

  /** A frame on a stream, with what its receiver's kernel says to it. */
  frame(kind: TrafficKind, from: number, to: number, { there, back }: StreamBytes): void {
    this.#count(kind, from, to, there)
    this.#count(kind, to, from, back)
  }

  #count(kind: TrafficKind, from: number, to: number, bytes: number): void {
    const [sentAt, receivedAt] = [this.#at(kind, from), this.#at(kind, to)]
    this.#sent[sentAt] = this.#sent[sentAt]! + bytes
    this.#received[receivedAt] = this.#received[receivedAt]! + bytes
  }

  sentBytes(index: number, kinds: readonly TrafficKind[] = TRAFFIC_KINDS): number {
    return kinds.reduce((sum, kind) => sum + this.#sent[this.#at(kind, index)]!, 0)
  }

  receivedBytes(index: number, kinds: readonly TrafficKind[] = TRAFFIC_KINDS): number {
    return kinds.reduce((sum, kind) => sum + this.#received[this.#at(kind, index)]!, 0)
  }
}
