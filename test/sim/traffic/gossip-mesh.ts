/**
 * One topic's mesh of gossipsub: with whom each member exchanges whole records.
 *
 * As in libp2p's gossipsub 1.1 (`peer/gossip-settings.ts`): whoever has fewer than 3 grafts others up to 4; who has 6
 * refuses, unless it has dialled who asks; who has more than 6 prunes down to 4. Looked after once a second.
 */
import type { Topic } from '../../../src/peer/peer.ts'
import type { Rng } from '../../../src/util/rng.ts'
import type { Meter } from './meter.ts'
import type { Overlay } from './overlay.ts'
import { graftBytes } from './wire-sizes.ts'

/** As `gossipSettings` has them. */
export const GOSSIP_DEGREE = { d: 4, low: 3, high: 6 } as const

export class GossipMesh {
  readonly topic: Topic
  /** Of which ward; undefined: of the whole mesh. */
  readonly ward: string | undefined
  /** Who has subscribed: to the whole mesh's topics everybody does, to begin with. */
  readonly #listens: Uint8Array
  readonly #peers: Set<number>[]
  readonly #overlay: Overlay
  readonly #rng: Rng
  readonly #meter: Meter
  readonly #cluster: string

  constructor(
    topic: Topic,
    ward: string | undefined,
    size: number,
    { overlay, rng, meter, cluster }: { overlay: Overlay; rng: Rng; meter: Meter; cluster: string },
  ) {
    this.topic = topic
    this.ward = ward
    this.#listens = new Uint8Array(size).fill(ward === undefined ? 1 : 0)
    this.#peers = Array.from({ length: size }, () => new Set<number>())
    this.#overlay = overlay
    this.#rng = rng
    this.#meter = meter
    this.#cluster = cluster
  }

  listens(index: number): boolean {
    return this.#listens[index] === 1
  }

  /** It subscribes, or is gone from the topic. */
  listen(index: number, isThere: boolean): void {
    if (this.listens(index) === isThere) return
    this.#listens[index] = isThere ? 1 : 0
    if (isThere) this.join(index, () => true)
    else for (const other of [...this.#peers[index]!]) this.drop(index, other)
  }

  peersOf(index: number): ReadonlySet<number> {
    return this.#peers[index]!
  }

  /** Whom a member sends a record of its own: its mesh, and others while that is small. */
  publishesTo(index: number): number[] {
    const peers = [...this.#peers[index]!]
    const missing = GOSSIP_DEGREE.d - peers.length
    return missing > 0 ? [...peers, ...this.others(index).slice(0, missing)] : peers
  }

  /** Linked members outside its mesh, in random order. */
  others(index: number): number[] {
    const mesh = this.#peers[index]!
    return this.#rng.shuffle([...this.#overlay.linksOf(index)].filter((peer) => !mesh.has(peer) && this.listens(peer)))
  }

  /** The link between the two is gone. */
  drop(a: number, b: number): void {
    this.#peers[a]!.delete(b)
    this.#peers[b]!.delete(a)
  }

  /** A newcomer grafts as many as it may, of those linked to it who are there already. */
  join(index: number, isThere: (other: number) => boolean): void {
    let grafted = 0
    for (const other of this.others(index)) {
      if (grafted >= GOSSIP_DEGREE.d) return
      if (!isThere(other) || !this.#accepts(other, index)) continue
      this.#peers[index]!.add(other)
      this.#peers[other]!.add(index)
      grafted++
    }
  }

  /** What one member does once a second. */
  maintain(index: number): void {
    const mesh = this.#peers[index]!
    if (mesh.size < GOSSIP_DEGREE.low && mesh.size < this.#overlay.linksOf(index).size) {
      for (const other of this.others(index)) {
        if (mesh.size >= GOSSIP_DEGREE.d) break
        if (!this.#accepts(other, index)) continue
        mesh.add(other)
        this.#peers[other]!.add(index)
        this.#say(index, other)
      }
    } else if (mesh.size > GOSSIP_DEGREE.high) {
      for (const other of this.#rng.shuffle([...mesh]).slice(GOSSIP_DEGREE.d)) {
        this.drop(index, other)
        this.#say(index, other)
      }
    }
  }

  #accepts(index: number, asker: number): boolean {
    return this.#peers[index]!.size < GOSSIP_DEGREE.high || this.#overlay.hasDialled(index, asker)
  }

  #say(from: number, to: number): void {
    this.#meter.frame('control', from, to, graftBytes(this.#cluster, this.topic, this.ward))
  }
}
