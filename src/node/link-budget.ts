/**
 * Keeps the number of links of one daemon bounded.
 *
 * Whoever is the address that others join by gets a link from each of them, and each link costs memory, keepalives and
 * a share of gossip's words. Nobody can tell by itself whether the other end needs a link, so it asks: whoever has
 * more links than it should tells some of those whom it does not need that they may end theirs, and those who do not
 * need it either do. They dial somebody else when they have too few then (`peer/degree.ts`).
 */
import type { MeshState } from '../mesh/types.ts'
import type { Peer, PeerIdText } from '../peer/peer.ts'
import type { Rng } from '../util/rng.ts'

/** Above so many links others are asked to end theirs: three to four times what a daemon dials for. */
export const MOST_LINKS = 32
/** How often, and how many are asked at once. */
const LOOK_MS = 30_000
const ASKED_AT_ONCE = 64
/** Links that a daemon keeps whoever asks: fewer than these, and gossip could pass it by. */
const LEAST_LINKS = 4

/** What the budget needs of the daemon around it. */
export interface LinkBudgetOptions {
  readonly peer: () => Pick<Peer, 'peers' | 'link' | 'network' | 'letGo'>
  readonly mesh: Pick<MeshState, 'topology' | 'negotiation' | 'wards'>
  readonly rng: Rng
  /** Tells a peer that its link may go. */
  readonly ask: (peer: PeerIdText) => void
  /** @default MOST_LINKS */
  readonly mostLinks?: () => number
}

export class LinkBudget {
  readonly #options: LinkBudgetOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: LinkBudgetOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Asks as many as there are too many, at random among those that are not needed here. */
  look(): void {
    const { peer, rng, ask, mostLinks } = this.#options
    const linked = peer().peers()
    const tooMany = Math.min(linked.length - (mostLinks?.() ?? MOST_LINKS), ASKED_AT_ONCE)
    if (tooMany <= 0) return
    for (const one of rng.shuffle(linked.filter((other) => this.#isSpare(other))).slice(0, tooMany)) ask(one)
  }

  /** A peer says that it has too many links. @returns whether the one to it was ended */
  onSpare(from: PeerIdText): boolean {
    const peer = this.#options.peer()
    if (peer.peers().length <= LEAST_LINKS || !this.#isSpare(from)) return false
    peer.letGo(from)
    return true
  }

  /** Neither watched from here, nor worked for or with, nor a way to others or to another ward. */
  #isSpare(other: PeerIdText): boolean {
    const { mesh, peer } = this.#options
    const { topology, negotiation, wards } = mesh
    if (topology.watches.has(other) || negotiation.byExecutor.has(other) || wards.outside.includes(other)) return false
    for (const { submitter } of negotiation.contracts.values()) if (submitter === other) return false
    // A link that is relayed was hard to come by, and a relay is how others come here.
    return peer().link(other)?.relay === undefined && !peer().network().relays.includes(other)
  }
}
