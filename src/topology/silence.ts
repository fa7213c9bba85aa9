/** When silence is evidence: when so many misses in a row would be too improbable on this link. */
import type { TopologyState, Watch } from './types.ts'

/** A link is never thought to lose less than this. */
const LEAST_LOSS = 0.02
/** A new link is thought to lose this much, on the word of so many probes. */
const FIRST_LOSS = 0.25
const FIRST_SAMPLES = 4
/** One probe's weight in the long run: at one probe a second, the last minute counts. */
const MOST_SAMPLES = 64
/** From so many on the link is known well enough to probe it at the usual pace. */
const SETTLED_SAMPLES = 32
/** From so many on it is reported in full. */
const REPORTED_SAMPLES = 16
/** Fewest misses that are evidence, and most that are asked for however lossy the link is. */
const LEAST_MISSES = 4
const MOST_MISSES = 30
/** A probe without an answer for so long is lost, if the subject was heard since. */
const LOST_AFTER_MS = 2_000

/** What is expected of a new link: as other links of this node are, or with some loss while there is no experience. */
export function expectedLoss(state: TopologyState): { loss: number; lossSamples: number } {
  const known = [...state.watches.values()].filter(({ lossSamples }) => lossSamples >= REPORTED_SAMPLES)
  if (2 * known.length <= state.watches.size) return { loss: FIRST_LOSS, lossSamples: FIRST_SAMPLES }
  return { loss: Math.max(usual(known.map(({ loss }) => loss)), LEAST_LOSS), lossSamples: 2 * FIRST_SAMPLES }
}

/** Whether too little is known of a link for silence on it to be evidence soon. */
export function isUnsettled({ lossSamples }: Watch): boolean {
  return lossSamples < SETTLED_SAMPLES
}

/** Usual loss of this node's links, 0 to 1. */
export function seenLoss(state: TopologyState): number {
  return usual([...state.watches.values()].map(reportedLoss))
}

/** The lower median: a way that is shut, or a single liar, does not make the network look lossy. */
export function usual(losses: readonly number[]): number {
  return losses.toSorted((a, b) => a - b)[(losses.length - 1) >> 1] ?? 0
}

/** What is reported of a link: what was learnt, the less the fewer the probes were that it was learnt from. */
export function reportedLoss({ loss, lossSamples }: Watch): number {
  return loss * Math.min(1, lossSamples / REPORTED_SAMPLES)
}

/** Takes in what became of one probe, sent while the subject was well. */
export function learnLoss(watch: Watch, lost: boolean): void {
  if (watch.lossSamples < MOST_SAMPLES) watch.lossSamples++
  watch.loss += ((lost ? 1 : 0) - watch.loss) / watch.lossSamples
}

/**
 * Drops probes that will not be answered any more. They count as lost only if the subject was heard after they were
 * sent: what a dead or a paused subject does not answer says nothing of the link.
 */
export function settleLost(watch: Watch, nowMs: number): void {
  const { outstanding } = watch
  let settled = 0
  for (const { sentMs, missed } of outstanding) {
    if (!missed || sentMs >= watch.heardMs || nowMs - sentMs < LOST_AFTER_MS) break
    learnLoss(watch, true)
    settled++
  }
  if (settled > 0) outstanding.splice(0, settled)
}

/** A silence that was evidence is over. It was the subject's, or the way was shut: not what the link loses usually. */
export function forgiveOutage(watch: Watch, chance: number): void {
  if (watch.misses < LEAST_MISSES || watch.misses < missesNeeded(watch.loss, chance)) return
  const open = watch.outstanding.filter(({ missed }) => !missed)
  watch.outstanding.splice(0, Infinity, ...open)
}

/** Misses in a row that are evidence on this link: the fewest k with loss^k ≤ `chance`, within bounds. */
export function missesNeeded(loss: number, chance: number): number {
  const atLeast = Math.max(loss, LEAST_LOSS)
  if (atLeast >= 1) return MOST_MISSES
  return Math.min(Math.max(Math.ceil(Math.log(chance) / Math.log(atLeast)), LEAST_MISSES), MOST_MISSES)
}
