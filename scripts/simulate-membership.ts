/**
 * `npm run sim -- --membership`: the deterministic simulator over the core that decides who is alive.
 *
 * Exits 0 when all went well, 1 when a rule was broken, a planted bug missed, or somebody alive was held offline, 2 for
 * wrong usage.
 */
import { membershipMain } from './simulate/membership.ts'

process.exitCode = await membershipMain(process.argv.slice(2))
