/** What `npm run sim` can be told. */
import { parseArgs } from 'node:util'

export interface SimulateOptions {
  readonly mode: 'help' | 'one' | 'seeds' | 'mutants'
  readonly seed: number
  readonly from: number
  readonly seeds: number
  readonly json: boolean
  /** Real signatures and frames. */
  readonly real: boolean
  /** Stop at the first seed that fails. */
  readonly first: boolean
  /** Only the mutants whose name holds this. */
  readonly only: string
  /** With mutants: another run has seen that the unchanged core is clean. */
  readonly isClean: boolean
}

export const SIMULATE_USAGE = `usage: npm run sim -- [options]
  --seed N      run one seed and print what happened; with --seeds the first of so many
  --seeds N     run N seeds (default 100)
  --from N      first of them (default 1); the same as --seed beside --seeds
  --real        with real signatures and frames, about ten times slower
  --first       stop at the first seed that fails
  --mutants     plant each known bug and see that it is caught; --only TEXT picks some; --clean when another run
                has seen that the unchanged core is, which is else seen first
  --membership  the simulator of who is alive instead; --membership --help lists its options
  --governance  the simulator of who belongs instead; --governance --help lists its options
  --coordinates how well members place themselves by round trips; --coordinates --help lists its options
  --traffic     what members send and receive, in meshes of 10 to 10,000; --traffic --help lists its options
  --json        machine-readable results on standard output`

/** Reads the command line. @returns the problem, in words, when it makes no sense */
export function parseSimulateArguments(argv: readonly string[]): SimulateOptions | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        from: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean' },
        real: { type: 'boolean' },
        first: { type: 'boolean' },
        mutants: { type: 'boolean' },
        clean: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
    const { json = false, real = false, first = false, only = '', clean: isClean = false } = values
    const start = beginning(values)
    const mode = values.help ? 'help' : values.mutants ? 'mutants' : start.isOne ? 'one' : 'seeds'
    return {
      mode,
      seed: wholeNumber(values, 'seed', 1, 0),
      from: wholeNumber(values, start.from, 1, 0),
      seeds: wholeNumber(values, 'seeds', 100),
      json,
      real,
      first,
      only,
      isClean,
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/**
 * An option that is a whole number.
 * @throws Error, in words for whoever typed it, when it is none, or beyond its bounds
 */
export function wholeNumber<Name extends string>(
  values: Readonly<Partial<Record<Name, unknown>>>,
  name: Name,
  standard: number,
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const text = values[name]
  const value = text === undefined ? standard : Number(text)
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const bounds = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  throw new Error(`--${name} ${String(text)}: expected a whole number ${bounds}`)
}

/**
 * Where a row of seeds begins, and whether it is one seed only.
 * @throws Error when `--seed` and `--from` name two beginnings
 */
export function beginning({ seed, seeds, from }: Readonly<Partial<Record<'seed' | 'seeds' | 'from', string>>>): {
  readonly from: 'seed' | 'from'
  readonly isOne: boolean
} {
  if (seed !== undefined && from !== undefined)
    throw new Error('--seed and --from both say which seed is the first: give one of them')
  return { from: seed === undefined ? 'from' : 'seed', isOne: seed !== undefined && seeds === undefined }
}
