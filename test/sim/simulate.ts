/** Runs one seed and says what came of it. */
import { allCheckers } from './checkers/all.ts'
import { Violation } from './checker.ts'
import { World } from './world.ts'

export interface SeedOptions {
  readonly seed: number
  /** @default false */
  readonly real?: boolean
  /** @default 60000 */
  readonly lastsMs?: number
  /** Keep every event for the trace, not only the last ones. @default false */
  readonly traceAll?: boolean
}

export interface SeedResult {
  readonly seed: number
  readonly real: boolean
  readonly ok: boolean
  /** The rule that was broken: a checker's name, or `core` when the core threw. */
  readonly broken?: string
  readonly problem?: string
  /** Virtual time that passed. */
  readonly virtualMs: number
  readonly steps: number
  readonly messages: number
  readonly faults: readonly string[]
  readonly trace: () => string[]
}

/** Events shown of a failing seed. */
const LAST_EVENTS = 120

/** Runs a seed from its beginning to its end or to the first broken rule. */
export function simulate({ seed, real = false, lastsMs = 60_000, traceAll = false }: SeedOptions): SeedResult {
  const world: World = new World({
    seed,
    real,
    lastsMs,
    traceKept: traceAll ? Infinity : LAST_EVENTS,
    checkers: allCheckers,
  })
  const startMs = world.time.nowMs
  const failure = attempt(() => world.run())
  return {
    seed,
    real,
    ok: failure === undefined,
    ...failure,
    virtualMs: world.time.nowMs - startMs,
    steps: world.steps,
    messages: world.messages,
    faults: world.faults,
    trace: () => world.trace.lines(),
  }
}

function attempt(run: () => void): { broken: string; problem: string } | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Violation) return { broken: error.checker, problem: error.message }
    return { broken: 'core', problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
