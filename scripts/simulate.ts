/**
 * `npm run sim`: the deterministic simulator over the real core.
 *
 *   npm run sim -- --seed 7              one seed, with a readable trace
 *   npm run sim -- --seeds 2000          many, from --from or --seed (1) on; failing ones are listed, the seed first
 *   npm run sim -- --mutants             plants known bugs one by one; every one must be caught
 *   npm run sim -- --membership --help   the simulator of who is alive, with options of its own
 *   npm run sim -- --governance --help   the simulator of who belongs
 *   npm run sim -- --coordinates --help  how well members place themselves by round trips
 *   npm run sim -- --traffic --help      what members send and receive, in meshes of 10 to 10,000
 *
 * Exits 0 when all went well, 1 when a rule was broken or a planted bug was missed, 2 for wrong usage.
 */
import { coordinatesMain } from './simulate/coordinates.ts'
import { parseSimulateArguments, SIMULATE_USAGE } from './simulate/arguments.ts'
import { governanceMain } from './simulate/governance.ts'
import { membershipMain } from './simulate/membership.ts'
import { runMutants } from './simulate/mutants.ts'
import { runOne, runSeeds } from './simulate/seeds.ts'
import { trafficMain } from './simulate/traffic.ts'

const argv = process.argv.slice(2)
const parsed = parseSimulateArguments(argv)
if (argv.includes('--membership')) process.exitCode = await membershipMain(argv.filter((one) => one !== '--membership'))
else if (argv.includes('--governance')) {
  process.exitCode = await governanceMain(argv.filter((one) => one !== '--governance'))
} else if (argv.includes('--coordinates')) {
  process.exitCode = coordinatesMain(argv.filter((one) => one !== '--coordinates'))
} else if (argv.includes('--traffic')) process.exitCode = trafficMain(argv.filter((one) => one !== '--traffic'))
else if ('problem' in parsed) {
  console.error(`${parsed.problem}\n\n${SIMULATE_USAGE}`)
  process.exitCode = 2
} else if (parsed.mode === 'help') console.log(SIMULATE_USAGE)
else if (parsed.mode === 'mutants') process.exitCode = (await runMutants(parsed)) ? 0 : 1
else if (parsed.mode === 'one') process.exitCode = runOne(parsed) ? 0 : 1
else process.exitCode = runSeeds(parsed) ? 0 : 1
