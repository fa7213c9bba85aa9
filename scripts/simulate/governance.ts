/** What the simulator of governance can be told, and what it prints. */
import { simulateGovernance, type GovernanceResult } from '../../test/sim/governance/simulate.ts'
import { parseSimulateArguments, type SimulateOptions } from './arguments.ts'
import { GOVERNANCE_BUGS } from './governance-bugs.ts'
import { runMutants, type MutantSuite } from './mutants.ts'
import { runRow } from './row.ts'

const USAGE = `usage: npm run sim -- --governance [options]
  --seed N      run one seed and print what happened; with --seeds the first of so many
  --seeds N     run N seeds (default 100)
  --from N      first of them (default 1); the same as --seed beside --seeds
  --first       stop at the first seed that fails
  --mutants     plant each known bug and see that it is caught; --only TEXT picks some; --clean when another run
                has seen that the unchanged core is
  --json        machine-readable results on standard output`

const SUITE: MutantSuite = { args: ['--governance'], bugs: GOVERNANCE_BUGS, seeds: 400 }

/** Runs what the command line asks for. @returns the exit code */
export async function governanceMain(argv: readonly string[]): Promise<number> {
  const options = parseSimulateArguments(argv)
  if ('problem' in options) {
    console.error(`${options.problem}\n\n${USAGE}`)
    return 2
  }
  if (options.mode === 'help') console.log(USAGE)
  else if (options.mode === 'mutants') return (await runMutants(options, SUITE)) ? 0 : 1
  else if (options.mode === 'one') return one(options) ? 0 : 1
  else return runRow(options, simulateGovernance, { failure }) ? 0 : 1
  return 0
}

function one({ seed, json }: SimulateOptions): boolean {
  const result = simulateGovernance(seed)
  if (json) console.log(JSON.stringify(result))
  else {
    for (const line of result.trace) console.log(line)
    const { members, entries, steps } = result
    console.log(result.ok ? `ok: ${members} members, ${entries} entries, ${steps} steps` : failure(result))
  }
  return result.ok
}

function failure({ seed, broken, problem }: GovernanceResult): string {
  return `seed ${seed} FAILED: ${broken}: ${problem}\n  again: npm run sim -- --governance --seed ${seed}`
}
