/** Who is linked to whom: as many links as the daemon keeps (`peer/degree.ts`), and those to whom it watches. */
import { DEGREE_TARGET } from '../../../src/peer/limits.ts'
import type { Rng } from '../../../src/util/rng.ts'

export class Overlay {
  readonly #links: Set<number>[]
  /** Of its links, those that it dialled. */
  readonly #dialled: Set<number>[]
  readonly #isUp: boolean[]
  readonly #rng: Rng
  /** Told of every link that comes and goes. */
  onLink: (a: number, b: number, stands: boolean) => void = () => {}

  constructor(size: number, rng: Rng) {
    this.#links = Array.from({ length: size }, () => new Set<number>())
    this.#dialled = Array.from({ length: size }, () => new Set<number>())
    this.#isUp = Array.from({ length: size }, () => false)
    this.#rng = rng
  }

  linksOf(index: number): ReadonlySet<number> {
    return this.#links[index]!
  }

  isUp(index: number): boolean {
    return this.#isUp[index]!
  }

  /** It can be dialled from now on. */
  rise(index: number): void {
    this.#isUp[index] = true
  }

  /** Its links break. @returns those to whom they stood */
  fall(index: number): number[] {
    this.#isUp[index] = false
    const peers = [...this.#links[index]!]
    for (const peer of peers) {
      this.#links[peer]!.delete(index)
      this.#links[index]!.delete(peer)
      this.#dialled[peer]!.delete(index)
      this.#dialled[index]!.delete(peer)
      this.onLink(index, peer, false)
    }
    return peers
  }

  hasDialled(index: number, peer: number): boolean {
    return this.#dialled[index]!.has(peer)
  }

  /** `a` dials `b`. @returns whether there is a new link now */
  link(a: number, b: number): boolean {
    if (a === b || !this.#isUp[a] || !this.#isUp[b] || this.#links[a]!.has(b)) return false
    this.#links[a]!.add(b)
    this.#links[b]!.add(a)
    this.#dialled[a]!.add(b)
    this.onLink(a, b, true)
    return true
  }

  isShort(index: number): boolean {
    return this.#links[index]!.size < DEGREE_TARGET
  }

  /** Dials at random while there are too few links, all at once. */
  fill(index: number): void {
    for (let tries = 0; this.isShort(index) && tries < 10 * DEGREE_TARGET; tries++) {
      this.link(index, this.#rng.int(this.#links.length))
    }
  }
}
