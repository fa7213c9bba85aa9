/** How far two clocks are apart, and what the mesh makes of that. */
import type { DoctorStep } from '../model/doctor.ts'
import { MAX_AHEAD_MS } from '../wire/limits.ts'
import { SET_CLOCK } from './firewall.ts'
import { broken, inWords, ok, skipped, warning } from './step.ts'

/** The four timestamps of one exchange, Unix milliseconds: the first and last by this clock, the others by theirs. */
export interface Exchange {
  readonly askedMs: number
  readonly receivedMs: number
  readonly answeredMs: number
  readonly heardMs: number
}

/** By how much their clock is ahead of this one (negative: behind), and within what the truth lies either way. */
export interface Offset {
  readonly offsetMs: number
  readonly withinMs: number
  /** The round trip, their time of thinking taken off. */
  readonly delayMs: number
}

/**
 * RFC 5905, section 8: offset = ((T2 − T1) + (T3 − T4)) / 2, delay = (T4 − T1) − (T3 − T2). Whatever the way there and
 * back take of the delay, the truth lies within half of it; and clocks are read to a whole millisecond.
 */
export function offsetOf({ askedMs, receivedMs, answeredMs, heardMs }: Exchange): Offset {
  const delayMs = Math.max(0, heardMs - askedMs - (answeredMs - receivedMs))
  return { offsetMs: (receivedMs - askedMs + (answeredMs - heardMs)) / 2, withinMs: delayMs / 2 + 1, delayMs }
}

/** Of several exchanges the one that took least, as the clock filter of RFC 5905, section 10, chooses. */
export function bestOffset(exchanges: readonly Exchange[]): Offset | undefined {
  const offsets = exchanges.map(offsetOf)
  return offsets.reduce<Offset | undefined>(
    (best, one) => (best === undefined || one.delayMs < best.delayMs ? one : best),
    undefined,
  )
}

/**
 * What the mesh tolerates: a record further ahead than this is refused, and one further behind counts as old
 * (`wire/limits.ts`, `registry/age.ts`).
 */
export const CLOCK_TOLERANCE_MS = MAX_AHEAD_MS
/** A third of it: clocks that drift get here first. */
export const CLOCK_WARNING_MS = MAX_AHEAD_MS / 3

/** The clocks of a pair. @param offset undefined when it could not be measured */
export function judgeClock(peerName: string, offset: Offset | undefined): DoctorStep {
  if (offset === undefined) return skipped('clock', `${peerName} did not say what time it is there`)
  const { offsetMs, withinMs, delayMs } = offset
  const size = Math.abs(offsetMs)
  const side = offsetMs >= 0 ? 'ahead of' : 'behind'
  const found = `the clock of ${peerName} is ${inWords(size)} ${side} this one (± ${inWords(withinMs)})`
  const measured = { offsetMs, withinMs, delayMs }
  if (size <= CLOCK_WARNING_MS) return ok('clock', found, measured)
  const fix = [`on whichever of the two is wrong (compare with \`date -u\`):`, ...SET_CLOCK]
  if (size <= CLOCK_TOLERANCE_MS) {
    const cause = `one of the two is wrong; beyond ${inWords(CLOCK_TOLERANCE_MS)} records are refused`
    return warning('clock', found, { cause, fix }, measured)
  }
  const [late, early] = offsetMs > 0 ? ['here', `those of ${peerName}`] : ['there', 'those of this node']
  const cause =
    `more than the ${inWords(CLOCK_TOLERANCE_MS)} that clocks may differ: ${early} come from the future and are ` +
    `refused ${late}, the others count as old`
  return broken('clock', found, { cause: `one of the two is wrong, by ${cause}`, fix }, measured)
}

/** One neighbour's clock. */
export interface NeighbourClock {
  readonly name: string
  readonly offset: Offset
}

/** Neighbours that must agree before it is this clock that is called wrong. */
const AGREEING = 2

/**
 * This host's clock, by those of its neighbours: when most of them are off by the same, this one is; when one is, that
 * one is.
 */
export function judgeOwnClock(clocks: readonly NeighbourClock[]): DoctorStep {
  if (clocks.length === 0) return skipped('clock', 'no neighbour to compare the clock with')
  const offsets = clocks.map(({ offset }) => offset.offsetMs).toSorted((a, b) => a - b)
  const medianMs = offsets[Math.floor(offsets.length / 2)]!
  const worst = clocks.reduce((most, one) =>
    Math.abs(one.offset.offsetMs) > Math.abs(most.offset.offsetMs) ? one : most,
  )
  const measured = { medianMs, worstMs: worst.offset.offsetMs, worst: worst.name, neighbours: clocks.length }
  const isOurs = Math.abs(medianMs) > CLOCK_WARNING_MS && clocks.length >= AGREEING
  if (!isOurs) {
    if (Math.abs(worst.offset.offsetMs) > CLOCK_WARNING_MS) {
      return { ...judgeClock(worst.name, worst.offset), measured }
    }
    const found = `within ${inWords(Math.abs(worst.offset.offsetMs))} of the clocks of ${clocks.length} neighbours`
    return ok('clock', found, measured)
  }
  const side = medianMs > 0 ? 'behind' : 'ahead of'
  const found = `this clock is ${inWords(Math.abs(medianMs))} ${side} those of most of its ${clocks.length} neighbours`
  const cause = `this host's clock is wrong; beyond ${inWords(CLOCK_TOLERANCE_MS)} records are refused`
  const fault = { cause, fix: ['on this host:', ...SET_CLOCK] }
  return Math.abs(medianMs) > CLOCK_TOLERANCE_MS
    ? broken('clock', found, fault, measured)
    : warning('clock', found, fault, measured)
}
