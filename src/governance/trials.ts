/**
 * What a member has to sign of the canaries of a trial, by what it knows anyway: whether they are there, whether tasks
 * fail by them, whether they are cut off. Each judges for itself; what follows from all words is in `configuration.ts`.
 */
import type { Trial } from '../model/configuration.ts'
import type { Key } from './authority.ts'

/** So many runs must have failed by the node, and more than half of all, before it calls itself unwell. */
const FAILED_RUNS = 3
/**
 * A canary that is restarted is no failure of its configuration: others wait so long for it to come back, and no longer
 * than half of the trial.
 */
const AWAY_MS = 20_000

/** What a member knows. Times are of one clock, in milliseconds. */
export interface TrialFacts {
  readonly self: Key
  readonly nowMs: number
  readonly trial: Trial
  /** Since when this node goes by the configuration, or has known of the trial. */
  readonly sinceMs: number
  /** Runs that ended here since then, and those of them that failed by this node: never started, or lost. */
  readonly runs: { readonly ended: number; readonly failed: number }
  /** So many vanished at once that this node may be the one that is cut off. */
  readonly cutOff: boolean
  /** Canaries that were there since then and are held offline now, with since when. */
  readonly away: ReadonlyMap<Key, number>
}

/** Something to sign. */
export interface DueWord {
  readonly about: Key
  readonly well: boolean
  readonly why: string
}

/** What is to be said now; whoever asks leaves out what it has said before. */
export function wordsDue({ self, nowMs, trial, sinceMs, runs, cutOff, away }: TrialFacts): DueWord[] {
  const due: DueWord[] = []
  if (trial.canaries.includes(self)) {
    const { ended, failed } = runs
    const unwell = (why: string) => due.push({ about: self, well: false, why })
    if (cutOff) unwell('cut off: most of the mesh vanished at once')
    else if (failed >= FAILED_RUNS && 2 * failed > ended) unwell(`${failed} of ${ended} runs failed by the node`)
    else if (nowMs - sinceMs >= trial.forMs) due.push({ about: self, well: true, why: `well for ${trial.forMs} ms` })
  }
  // Whoever may be cut off itself accuses nobody.
  if (cutOff) return due
  const graceMs = Math.min(AWAY_MS, trial.forMs / 2)
  for (const [canary, awayMs] of away) {
    if (canary === self || !trial.canaries.includes(canary) || nowMs - awayMs < graceMs) continue
    due.push({ about: canary, well: false, why: `offline for ${Math.round(nowMs - awayMs)} ms` })
  }
  return due
}
