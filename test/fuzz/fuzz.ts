/** Runs a decoder over many seeded inputs, and sees to what every decoder must stand up to. */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { AlthingError } from '../../src/util/errors.ts'
import { seededRng, type Rng } from '../../src/util/rng.ts'

/** `ALTHING_FUZZ_SEED` replays a run; otherwise every run is another one. */
export const SEED = Number(process.env['ALTHING_FUZZ_SEED'] ?? Date.now() % 2 ** 32)

const IS_REPLAY = process.env['ALTHING_FUZZ_SEED'] !== undefined

/** Mutations of each decoder: what is slow is made faster, and never fed less. */
export const MUTATIONS = 100_000

/** What memory may grow by while inputs go through a decoder, once garbage was collected: caches, and no hoards. */
const MAX_GROWTH_BYTES = 12 * 1024 * 1024
/** Seldom, since collecting garbage takes as long as a thousand inputs. */
const MEMORY_CHECK_EVERY = 25_000

/** What came of a run. */
export interface Fuzzed {
  readonly accepted: number
  /** By code. */
  readonly refused: Readonly<Record<string, number>>
}

/** A decoder under test, and what it is fed. */
export interface Fuzzing<Input, Output> {
  readonly name: string
  readonly next: (rng: Rng) => Input
  readonly decode: (input: Input) => Output | Promise<Output>
  /** Asserts what must be true of what was accepted. */
  readonly accepted?: (output: Output, input: Input) => void
  /** The code of a refusal; undefined for an error that nobody meant to throw. @default that of our own errors */
  readonly codeOf?: (error: unknown) => string | undefined
}

const codeOfOurs = (error: unknown): string | undefined => (error instanceof AlthingError ? error.code : undefined)

/**
 * Feeds a decoder. It must either accept an input, or refuse it with an error of ours that has a code; and it
 * must keep nothing of either.
 */
export async function fuzz<Input, Output>(fuzzing: Fuzzing<Input, Output>): Promise<Fuzzed> {
  // Most inputs are refused, and collecting the stack is most of what that costs. A replay shows it.
  const { stackTraceLimit } = Error
  if (!IS_REPLAY) Error.stackTraceLimit = 0
  try {
    return await run(fuzzing)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

async function run<Input, Output>(fuzzing: Fuzzing<Input, Output>): Promise<Fuzzed> {
  const { name, next, decode, accepted, codeOf = codeOfOurs } = fuzzing
  const rng = seededRng(SEED)
  const refused: Record<string, number> = {}
  let taken = 0
  const memory = watchMemory(name)
  for (let i = 0; i < MUTATIONS; i++) {
    if (i % MEMORY_CHECK_EVERY === 0) await memory.check(i)
    const input = next(rng)
    let output: Output
    try {
      const made = decode(input)
      output = made instanceof Promise ? await made : made
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) throw explain(name, i, input, error)
      refused[code] = (refused[code] ?? 0) + 1
      continue
    }
    taken++
    try {
      accepted?.(output, input)
    } catch (error) {
      throw explain(name, i, input, error)
    }
  }
  await memory.check(MUTATIONS)
  return { accepted: taken, refused }
}

/** Collects garbage now, so that what is left is what is held. */
const collect: () => void = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

const usedBytes = (): number => {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Streams that have ended are let go in the turns after, and bytes are freed beside the program. */
const PATIENCE = 20

function watchMemory(name: string): { check(inputs: number): Promise<void> } {
  collect()
  const atStart = usedBytes()
  return {
    async check(inputs) {
      await new Promise(setImmediate)
      for (let tries = 0; usedBytes() - atStart > MAX_GROWTH_BYTES; tries++) {
        const kept = usedBytes() - atStart
        assert.ok(tries < PATIENCE, `${name}: ${kept} bytes are kept after ${inputs} inputs, seed ${SEED}`)
        collect()
        await new Promise(setImmediate)
      }
    },
  }
}

function explain(name: string, i: number, input: unknown, cause: unknown): Error {
  const shown = input instanceof Uint8Array ? Buffer.from(input).toString('hex') : (JSON.stringify(input) ?? '')
  return new Error(`${name}: seed ${SEED}, input ${i}: ${String(cause)}\n${shown.slice(0, 4000)}`, { cause })
}
