/** Runs seeds and prints what came of them. */
import { simulate, type SeedResult } from '../../test/sim/simulate.ts'
import type { SimulateOptions } from './arguments.ts'
import { runRow } from './row.ts'

/** One seed, with everything that happened. @returns whether it went well */
export function runOne({ seed, real, json }: SimulateOptions): boolean {
  const result = simulate({ seed, real, traceAll: true })
  if (json) console.log(JSON.stringify({ ...summary(result), trace: result.trace() }))
  else {
    console.log(`seed ${seed}`)
    for (const line of result.trace()) console.log(line)
    console.log(result.ok ? `ok: ${measures(result)}` : failure(result))
  }
  return result.ok
}

/** Many seeds, with the trace of each that fails. @returns whether all went well */
export function runSeeds(options: SimulateOptions): boolean {
  let steps = 0
  let faults = 0
  const run = (seed: number): SeedResult => {
    const result = simulate({ seed, real: options.real })
    steps += result.steps
    // The last note says that all heals.
    faults += result.faults.length - 1
    return result
  }
  return runRow(options, run, {
    failure: (result) => [failure(result), ...result.trace().map((line) => `  ${line}`)].join('\n'),
    summary,
    measures(done, seconds) {
      const ms = ((seconds * 1000) / done).toFixed(0)
      return `each: ${ms} ms, ${Math.round(steps / done)} steps, ${(faults / done).toFixed(1)} faults`
    },
  })
}

function failure({ seed, broken, problem, real }: SeedResult): string {
  return `seed ${seed} FAILED: ${broken}: ${problem}\n  again: npm run sim -- --seed ${seed}${real ? ' --real' : ''}`
}

function measures({ virtualMs, steps, messages, faults }: SeedResult): string {
  const seconds = Math.round(virtualMs / 1000)
  return `${seconds} virtual seconds, ${steps} steps, ${messages} messages, ${faults.length - 1} faults`
}

function summary({ trace: _trace, ...rest }: SeedResult): Omit<SeedResult, 'trace'> {
  return rest
}
