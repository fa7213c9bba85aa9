/**
 * What a peer has done wrong lately. A misdeed counts 1 and halves every minute; five in quick succession and the
 * peer is turned away for a minute. Gossip sees the same number as part of the peer's score.
 */
const HALF_LIFE_MS = 60_000
/** A little under five, since the first has decayed a little by the time of the fifth. */
const BAN_THRESHOLD = 4.5
const BAN_MS = 60_000
/** Far more than can be connected at once; the least guilty is forgotten first. */
const MAX_TRACKED = 1024

interface Record {
  penalty: number
  atMs: number
  bannedUntilMs: number
}

export class Reputation {
  readonly #records = new Map<string, Record>()
  readonly #nowMs: () => number

  /** @param nowMs a clock that never jumps back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Notes a misdeed; returns true when it is the one that gets the peer turned away. */
  penalise(peer: string): boolean {
    const nowMs = this.#nowMs()
    const penalty = this.penalty(peer) + 1
    const wasBanned = this.isBanned(peer)
    const banned = penalty >= BAN_THRESHOLD
    this.#records.delete(peer)
    this.#records.set(peer, { penalty, atMs: nowMs, bannedUntilMs: banned ? nowMs + BAN_MS : 0 })
    if (this.#records.size > MAX_TRACKED) this.#forgetOne()
    return banned && !wasBanned
  }

  /** 0 for a peer without a record. */
  penalty(peer: string): number {
    const record = this.#records.get(peer)
    if (record === undefined) return 0
    return record.penalty * 0.5 ** ((this.#nowMs() - record.atMs) / HALF_LIFE_MS)
  }

  isBanned(peer: string): boolean {
    const record = this.#records.get(peer)
    return record !== undefined && record.bannedUntilMs > this.#nowMs()
  }

  /** The oldest that is not banned now; the oldest of all if every one is. */
  #forgetOne(): void {
    let victim: string | undefined
    for (const peer of this.#records.keys()) {
      victim ??= peer
      if (!this.isBanned(peer)) {
        victim = peer
        break
      }
    }
    if (victim !== undefined) this.#records.delete(victim)
  }
}
