/** What a bench measures, and whether it is good enough. */

/** A bound that a figure has to keep. */
export type Target = { readonly atMost: number } | { readonly atLeast: number }

/** One line of the table. */
export interface Figure {
  readonly name: string
  readonly measured: number
  /** Printed behind the number: `ms`, `MB`, `%`, `/s`. */
  readonly unit: string
  /** Absent: told for what it says, not judged. */
  readonly target?: Target
  /** How it was measured, in a few words. */
  readonly how: string
  /** Further numbers, for the JSON: counts, other percentiles, the rounds. */
  readonly detail?: Readonly<Record<string, number | string | readonly number[]>>
}

/** What a suite is told. */
export interface Bench {
  /** Fewer repetitions, for a quick look: the figures are rougher, the targets the same. */
  readonly quick: boolean
  /** The `althing` to measure: this checkout's, unless another build is to be compared. */
  readonly launcher: string
  /** Says what is being done, on stderr. */
  readonly say: (text: string) => void
}

/** One group of figures that share their set-up. */
export interface Suite {
  readonly name: string
  readonly what: string
  /** Takes minutes: it is run only when it is named. */
  readonly onlyWhenNamed?: boolean
  run(bench: Bench): Promise<Figure[]>
}

/** True when the target is kept; undefined when there is none. */
export function isReached({ measured, target }: Figure): boolean | undefined {
  if (target === undefined) return undefined
  return 'atMost' in target ? measured <= target.atMost : measured >= target.atLeast
}

/** The value below which `share` of the sorted values lie: the nearest rank, so always one that was measured. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  if (sorted.length === 0) throw new RangeError('no value was measured')
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

/** Three significant digits: what a bench on a machine with other work can mean. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

/** The spread of some measurements, for the detail of a figure. */
export function spread(values: readonly number[]): Record<string, number> {
  const at = (share: number): number => rounded(percentile(values, share))
  return { count: values.length, min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}
