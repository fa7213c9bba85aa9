/** The knobs' defaults, and the few numbers that nobody needs to turn. */
import type { TopologyConfig } from './types.ts'

/** What a daemon uses unless it is told otherwise. The simulator's tables are made with these. */
export const DEFAULT_TOPOLOGY: TopologyConfig = {
  probeMs: 1_000,
  burstMs: 150,
  minTimeoutMs: 100,
  maxTimeoutMs: 2_000,
  watchers: 4,
  witnesses: 8,
  quorum: 2,
  chance: 1e-6,
  suspectMinMs: 1_000,
  suspectMaxFactor: 3,
  lateMs: 100,
  lostProbeMs: 5_000,
  refuteMs: 500,
  brakeWindowMs: 10_000,
  brakeMs: 30_000,
  forgetMs: 86_400_000,
}

/** The health at its worst: timeouts are nine times their length. */
export const WORST_HEALTH = 8

/** How many others are asked at a time to probe a subject. */
export const ASKED_AT_ONCE = 3

/** Misses after which others are asked first, and then again. */
export const ASK_AT_MISS = 2
export const ASK_EVERY = 3

/** So many must say that a subject answered them to be believed; */
export const VOUCHERS_NEEDED = 2
/** the word of fewer counts for so long, while no more of those who were asked say nothing. */
export const VOUCHED_MS = 5_000

/** How long an unanswered errand is remembered. */
export const ERRAND_MS = 5_000

/** An offline member that shows signs of life is told so at most this often, */
export const TELL_MS = 5_000
/** and after a random part of this: whoever is told by one needs not be told by all. */
export const TELL_SPREAD_MS = 1_000

/** Whoever accuses this node again and again waits so many times `refuteMs` for its word at most, */
export const MOST_REFUTE_WAIT = 4
/** and begins anew after this. */
export const ACCUSER_FORGOTTEN_MS = 20_000

/** Changes of the roster are gathered for so long before the watch list is made anew. */
export const GATHER_MS = 20

/**
 * Between two probes of linked members that are not watched, on average, for their round trips alone: while some were
 * measured fewer times than this, and from then on.
 */
export const FIRST_SAMPLES = 3
export const MEASURE_FIRST_MS = 2_000
export const MEASURE_MS = 30_000
