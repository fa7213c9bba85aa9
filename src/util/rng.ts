/**
 * Seeded randomness for the core and the simulator: the same seed gives the same run, everywhere.
 *
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c),
 * its state filled by splitmix32 as its authors advise (a 32-bit splitmix with murmur3's finalizer).
 * It is not for secrets: keys and tokens come from the runtime's cryptographic source.
 */

/** A source of numbers that can be replayed. */
export interface Rng {
  /** Uniform in [0, 1), with 53 random bits. */
  next(): number
  /** Uniform integer in [0, maxExclusive). @throws RangeError unless `maxExclusive` is a positive safe integer. */
  int(maxExclusive: number): number
  /** One element, each as likely. @throws RangeError when the list is empty. */
  pick<T>(list: readonly T[]): T
  /** Shuffles in place (Fisher and Yates) and returns the same list. */
  shuffle<T>(list: T[]): T[]
  /** `length` characters of Crockford's base32 in lower case, 5 random bits each. */
  id(length: number): string
}

/** https://www.crockford.com/base32.html: no i, l, o, u, so that ids survive being read aloud. */
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz'

function splitmix32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}

/** 32 random bits a call, as an unsigned integer. */
function xoshiro128(seed: number): () => number {
  const low = splitmix32(seed)
  // Seeds above 2^32 must differ too, so the high half feeds the other two words.
  const high = splitmix32(Math.floor(seed / 2 ** 32) ^ 0x5bf03635)
  let [a, b, c, d] = [low(), low(), high(), high()] as [number, number, number, number]
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotateLeft(d, 11)
    return result >>> 0
  }
}

/** A generator that replays for ever what `seed` (any safe integer) determines. */
export function seededRng(seed: number): Rng {
  const word = xoshiro128(seed)
  const next = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53
  const int = (maxExclusive: number): number => {
    if (!Number.isSafeInteger(maxExclusive) || maxExclusive < 1) {
      throw new RangeError(`int(${maxExclusive}): expected a positive safe integer`)
    }
    return Math.floor(next() * maxExclusive)
  }
  return {
    next,
    int,
    pick(list) {
      if (list.length === 0) throw new RangeError('pick: the list is empty')
      return list[int(list.length)]!
    },
    shuffle(list) {
      for (let i = list.length - 1; i > 0; i--) {
        const j = int(i + 1)
        ;[list[i], list[j]] = [list[j]!, list[i]!]
      }
      return list
    },
    id(length) {
      let text = ''
      for (let i = 0; i < length; i++) text += CROCKFORD[word() >>> 27]
      return text
    },
  }
}
