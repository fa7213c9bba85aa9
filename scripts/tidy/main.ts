/**
 * `node scripts/tidy/main.ts`: the house rules that no general linter knows. Exits 1 and lists the
 * problems when there are any.
 */
import { fileURLToPath } from 'node:url'
import { checkAll, describeProblem } from './check.ts'
import { readSources } from './source.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = readSources(root)
const problems = checkAll(sources)
for (const problem of problems) console.error(describeProblem(problem))
console.log(`tidy: ${sources.length} files, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
