/**
 * Which datagrams under one key have been taken: RFC 4303, section 3.4.3 and appendix A2. Datagrams overtake each
 * other, so those up to 63 behind the newest are still taken, once each; what is older is refused.
 *
 * RFC 6479 does the same with a ring of words, to spare the shifting of a long bitmap. One of 64 bits needs no ring.
 */
const WINDOW_BITS = 64

/** The counters taken under one key. */
export class ReplayWindow {
  #highest = 0
  /** Bit n stands for the counter n below the highest. */
  #taken = 0n

  /** The highest counter taken; 0 before the first. */
  get highest(): number {
    return this.#highest
  }

  /** Whether a counter was not taken yet, as far as can be told. Ask before the tag is checked: it is cheaper. */
  isFresh(counter: number): boolean {
    const behind = this.#highest - counter
    if (behind < 0) return true
    return behind < WINDOW_BITS && ((this.#taken >> BigInt(behind)) & 1n) === 0n
  }

  /**
   * Takes a fresh counter. Only once the tag is found right: otherwise anybody could push the window past what is
   * still on its way.
   * @returns whether it is the highest so far
   */
  take(counter: number): boolean {
    const ahead = counter - this.#highest
    if (ahead <= 0) {
      this.#taken |= 1n << BigInt(-ahead)
      return false
    }
    this.#taken = ahead >= WINDOW_BITS ? 1n : BigInt.asUintN(WINDOW_BITS, this.#taken << BigInt(ahead)) | 1n
    this.#highest = counter
    return true
  }
}
