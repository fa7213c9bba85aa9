/** A row of seeds, one after the other: what failed, in words or as JSON. */

/** What every simulator tells of a seed. */
export interface SeedOutcome {
  readonly ok: boolean
  readonly seed: number
}

/** Which seeds, and how they are told of. */
export interface RowOptions {
  readonly from: number
  readonly seeds: number
  /** Stop at the first that fails. */
  readonly first: boolean
  readonly json: boolean
}

/** What a simulator says of its seeds. */
export interface RowTexts<Result> {
  /** Of one that failed, with how to run it again. */
  failure(result: Result): string
  /** Of one that failed, for programs. @default all of it */
  summary?(result: Result): unknown
  /** A line below the count, for people. */
  measures?(done: number, seconds: number): string
}

/** Runs them, a line for each that fails and one for all. @returns whether all went well */
export function runRow<Result extends SeedOutcome>(
  { from, seeds, first, json }: RowOptions,
  simulate: (seed: number) => Result,
  { failure, summary = (result) => result, measures }: RowTexts<Result>,
): boolean {
  const startMs = performance.now()
  const failed: Result[] = []
  let done = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const result = simulate(seed)
    done++
    if (result.ok) continue
    failed.push(result)
    if (!json) console.log(failure(result))
    if (first) break
  }
  const seconds = (performance.now() - startMs) / 1000
  if (json) console.log(JSON.stringify({ from, seeds: done, failed: failed.map(summary), seconds }))
  else {
    console.log(`${done} seeds from ${from}: ${failed.length} failed; ${seconds.toFixed(1)} s`)
    if (measures) console.log(measures(done, seconds))
    if (failed.length > 0) console.log(`failing seeds: ${failed.map(({ seed }) => seed).join(' ')}`)
  }
  return failed.length === 0
}
