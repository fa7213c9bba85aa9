/** How a judgement is written down. */
import type { DoctorStep, StepId } from '../model/doctor.ts'

/** Values for programs; what is undefined is left out. */
export type Measured = Readonly<Record<string, string | number | boolean | undefined>>

/** What is wrong, why, and what to do about it. */
export interface Fault {
  readonly cause: string
  readonly fix: readonly string[]
}

/** All is well. */
export function ok(id: StepId, found: string, measured: Measured = {}): DoctorStep {
  return { id, outcome: 'ok', found, fix: [], measured: known(measured) }
}

/** Not looked at; `found` says why. */
export function skipped(id: StepId, found: string): DoctorStep {
  return { id, outcome: 'skipped', found, fix: [], measured: {} }
}

/** It works, and is about to stop working, or works worse than it could. */
export function warning(id: StepId, found: string, { cause, fix }: Fault, measured: Measured = {}): DoctorStep {
  return { id, outcome: 'warning', found, cause, fix: [...fix], measured: known(measured) }
}

/** It does not work. */
export function broken(id: StepId, found: string, { cause, fix }: Fault, measured: Measured = {}): DoctorStep {
  return { id, outcome: 'broken', found, cause, fix: [...fix], measured: known(measured) }
}

function known(measured: Measured): DoctorStep['measured'] {
  return Object.fromEntries(Object.entries(measured).filter(([, value]) => value !== undefined)) as never
}

/** Milliseconds as people read them: 0.31 ms, 12 ms, 90.2 s, 2.5 h. */
export function inWords(ms: number): string {
  const size = Math.abs(ms)
  if (size < 10) return `${(Math.round(ms * 100) / 100).toString()} ms`
  if (size < 1_000) return `${Math.round(ms)} ms`
  if (size < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  if (size < 7_200_000) return `${(ms / 60_000).toFixed(1)} min`
  return size < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} days`
}

/** At most so many of a list, and how many more there are. */
export function someOf(texts: readonly string[], most = 8): string {
  return texts.length <= most ? texts.join(', ') : `${texts.slice(0, most).join(', ')} and ${texts.length - most} more`
}
