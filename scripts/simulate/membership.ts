/** What the simulator of membership can be told, and what it prints. */
import { parseArgs } from 'node:util'
import { availableParallelism } from 'node:os'
import { simulateMembership, type MembershipResult } from '../../test/sim/membership/simulate.ts'
import { measureDetection } from '../../test/sim/membership/tables.ts'
import { runAccuracy } from './accuracy.ts'
import { beginning, wholeNumber } from './arguments.ts'
import { MEMBERSHIP_BUGS } from './membership-bugs.ts'
import { runMutants, type MutantSuite } from './mutants.ts'
import { runRow } from './row.ts'

const USAGE = `usage: npm run sim -- --membership [options]
  --seed N      run one seed and print what happened; with --seeds the first of so many
  --seeds N     run N seeds (default 100; 1 with --accuracy)
  --from N      first of them (default 1); the same as --seed beside --seeds
  --first       stop at the first seed that fails
  --mutants     plant each known bug and see that it is caught; --only TEXT picks some; --clean when another run
                has seen that the unchanged core is
  --tables      how long until all know of a kill and of a silence; --trials N for each line (default 200)
  --accuracy    whether anybody alive is held offline: 200 members, 30 minutes, a quarter of all packets lost,
                one in twenty slow; --size N, --minutes N, --loss SHARE change that. Seeds are spread over --workers N
                threads (default: one a core), with --nice at the lowest priority, and printed in order: what was
                interrupted is resumed with --from. Exits 1 when anybody was held. For a release:
                  npm run sim -- --membership --accuracy --seeds 500 --nice
  --json        machine-readable results on standard output`

const SUITE: MutantSuite = { args: ['--membership'], bugs: MEMBERSHIP_BUGS, seeds: 300 }
const TABLE_SIZES = [8, 32, 100, 200]

type Options = Exclude<ReturnType<typeof parseMembershipArguments>, { readonly problem: string }>

/** Reads the command line. @returns the problem, in words, when it makes no sense */
export function parseMembershipArguments(argv: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ...{ nice: flag, clean: flag, workers: text },
        ...{ help: flag, first: flag, json: flag, mutants: flag, tables: flag, accuracy: flag },
        ...{ seed: text, seeds: text, from: text, only: text, trials: text, size: text, minutes: text, loss: text },
      },
    })
    const loss = Number(values.loss ?? 0.25)
    if (!(loss >= 0 && loss < 1)) throw new Error(`--loss ${values.loss}: expected a share from 0 to 1, as 0.25`)
    const start = beginning(values)
    return {
      ...values,
      only: values.only ?? '',
      isClean: values.clean,
      isOne: start.isOne,
      seeds: wholeNumber(values, 'seeds', values.accuracy ? 1 : 100),
      from: wholeNumber(values, start.from, 1, 0),
      trials: wholeNumber(values, 'trials', 200),
      size: wholeNumber(values, 'size', 200, 2),
      minutes: wholeNumber(values, 'minutes', 30),
      loss,
      workers: wholeNumber(values, 'workers', availableParallelism()),
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Runs what the command line asks for. @returns the exit code */
export async function membershipMain(argv: readonly string[]): Promise<number> {
  const options = parseMembershipArguments(argv)
  if ('problem' in options) {
    console.error(`${options.problem}\n\n${USAGE}`)
    return 2
  }
  if (options.help) console.log(USAGE)
  else if (options.mutants) return (await runMutants(options, SUITE)) ? 0 : 1
  else if (options.tables) return tables(options) ? 0 : 1
  else if (options.accuracy) return (await runAccuracy(options)) ? 0 : 1
  else if (options.isOne) return one(options) ? 0 : 1
  else return runRow(options, (seed) => simulateMembership(seed), { failure }) ? 0 : 1
  return 0
}

function tables({ trials, from, json }: Options): boolean {
  let allKnew = true
  if (!json) console.log('members  what     trials   p50 ms   p99 ms   max ms')
  for (const what of ['kill', 'silence'] as const) {
    for (const size of TABLE_SIZES) {
      const line = measureDetection({ size, what, trials, seed: from })
      allKnew &&= line.missed === 0
      const times = [line.p50Ms, line.p99Ms, line.maxMs].map((ms) => ms.toFixed(0).padStart(8))
      if (json) console.log(JSON.stringify(line))
      else
        console.log(`${String(size).padStart(7)}  ${what.padEnd(7)}  ${String(trials).padStart(6)} ${times.join(' ')}`)
    }
  }
  return allKnew
}

function one({ from, json }: Options): boolean {
  const result = simulateMembership(from, Infinity)
  if (json) console.log(JSON.stringify(result))
  else {
    for (const line of result.trace) console.log(line)
    console.log(result.ok ? `ok: ${result.size} members, ${result.steps} steps` : failure(result))
  }
  return result.ok
}

function failure({ seed, broken, problem, faults }: MembershipResult): string {
  const again = `again: npm run sim -- --membership --seed ${seed}`
  return `seed ${seed} FAILED: ${broken}: ${problem}\n  ${faults.join('; ')}\n  ${again}`
}
