/** Runs seeds and prints what came of them. */
import { simulate, type SeedResult } from '../../test/sim/simulate.ts'
import type { SimulateOptions } from './arguments.ts'

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

/** Many seeds, one line for each that fails. @returns whether all went well */
export function runSeeds({ from, seeds, real, json, first }: SimulateOptions): boolean {
  const startMs = performance.now()
  const failed: SeedResult[] = []
  let done = 0
  let steps = 0
  let faults = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const result = simulate({ seed, real })
    done++
    steps += result.steps
    // The last note says that all heals.
    faults += result.faults.length - 1
    if (result.ok) continue
    failed.push(result)
    if (!json) {
      console.log(failure(result))
      for (const line of result.trace()) console.log(`  ${line}`)
    }
    if (first) break
  }
  const seconds = (performance.now() - startMs) / 1000
  if (json) console.log(JSON.stringify({ from, seeds: done, failed: failed.map(summary), seconds }))
  else {
    const each = [
      `${((seconds * 1000) / done).toFixed(0)} ms`,
      `${Math.round(steps / done)} steps`,
      `${(faults / done).toFixed(1)} faults`,
    ]
    console.log(`${done} seeds from ${from}: ${failed.length} failed; ${seconds.toFixed(1)} s`)
    console.log(`each: ${each.join(', ')}`)
    if (failed.length > 0) console.log(`failing seeds: ${failed.map(({ seed }) => seed).join(' ')}`)
  }
  return failed.length === 0
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
