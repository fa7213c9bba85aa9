/**
 * How much one peer may send, and one author may publish. Whatever is beyond it is dropped before it costs anything;
 * whoever goes on for some seconds is turned away for a minute, links and all (`peer/reputation.ts`). Only what comes
 * from its own author is held against anybody: a neighbour that passes on what others published does its duty.
 */
import type { PeerIdText } from '../peer/peer.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import type { Clock } from '../util/clock.ts'
import { TokenBuckets, type Rate } from '../util/token-buckets.ts'

/**
 * Control frames of one peer. The busiest honest one, which hands out or reports tasks in batches, stays far below; one
 * that floods costs itself its frames.
 */
const FRAMES: Rate = { perSecond: 1_000, burst: 2_000 }
/**
 * Gossip that one neighbour brings, before its signatures are looked at: a restart of a thousand members at once fits,
 * and what comes at that rate for good takes some percent of a core.
 */
const GOSSIP: Rate = { perSecond: 300, burst: 3_000 }
/**
 * What one author publishes: a heartbeat a second at most, its passports again after a restart, 64 at most, and
 * testimony about the few that it watches. What comes at once beyond that is verified and passed on in one turn of the
 * event loop, in which nobody else is served: a burst of 200 took half a second of a busy machine.
 */
const AUTHOR: Rate = { perSecond: 20, burst: 100 }
/**
 * Records in comparisons, of one neighbour: all of the largest mesh that is one at once, or again and again all of a
 * small one; what comes at that rate for good takes a tenth of a core.
 */
const TOLD: Rate = { perSecond: 500, burst: 10_000 }
/** So many records of its own that are dropped are a misdeed: five are reached in a second by one that floods. */
const DROPPED_A_MISDEED = 200
/** Of others one a second is noted: five in quick succession are what turns a peer away. */
const MISDEEDS: Rate = { perSecond: 1, burst: 1 }
/** More than can be linked. */
const MAX_PEERS = 1_024
/** As many as a registry knows. */
const MAX_AUTHORS = 20_000

/** What it reads, and whom it tells. */
export interface FloodGuardOptions {
  readonly clock: Clock
  /** A peer did what it should not. */
  readonly penalise: (peer: PeerIdText) => void
}

/** One for each daemon. */
export class FloodGuard {
  readonly #options: FloodGuardOptions
  readonly #frames = new TokenBuckets(FRAMES, MAX_PEERS)
  readonly #gossip = new TokenBuckets(GOSSIP, MAX_PEERS)
  readonly #authors = new TokenBuckets(AUTHOR, MAX_AUTHORS)
  readonly #told = new TokenBuckets(TOLD, MAX_PEERS)
  /** Since the last that were a misdeed. */
  readonly #dropped = new BoundedMap<PeerIdText, number>(MAX_PEERS, 'evict-oldest')
  readonly #misdeeds = new TokenBuckets(MISDEEDS, MAX_PEERS)

  constructor(options: FloodGuardOptions) {
    this.#options = options
  }

  /** Whether a control frame of this peer is taken. */
  mayTakeFrame(peer: PeerIdText): boolean {
    return this.#frames.take(peer, this.#nowMs) || this.blame(peer)
  }

  /** Whether gossip that this neighbour brings is looked at. */
  mayHear(from: PeerIdText): boolean {
    return this.#gossip.take(from, this.#nowMs)
  }

  /**
   * Whether a record that says it is of this author need not be looked at, since it has none left. What others forge
   * in its name takes nothing from it: only what was verified does.
   */
  isSpent(author: PeerIdText, from: PeerIdText): boolean {
    const isEmpty = this.#authors.isEmpty(author, this.#nowMs)
    if (isEmpty && author === from) this.#blameForDropped(from)
    return isEmpty
  }

  /** A record of this author was news. */
  notePublished(author: PeerIdText): void {
    this.#authors.take(author, this.#nowMs)
  }

  /** Whether one more record that this neighbour tells of in a comparison is looked at. */
  mayTellOf(from: PeerIdText): boolean {
    return this.#told.take(from, this.#nowMs)
  }

  #blameForDropped(peer: PeerIdText): void {
    const dropped = (this.#dropped.get(peer) ?? 0) + 1
    this.#dropped.set(peer, dropped % DROPPED_A_MISDEED)
    if (dropped === DROPPED_A_MISDEED) this.#options.penalise(peer)
  }

  /** Notes a misdeed, of which there is one a second at most. @returns false */
  blame(peer: PeerIdText): false {
    if (this.#misdeeds.take(peer, this.#nowMs)) this.#options.penalise(peer)
    return false
  }

  get #nowMs(): number {
    return this.#options.clock.nowMs()
  }
}
