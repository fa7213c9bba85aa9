/**
 * `npm run build`: the daemon and the CLI as one minified CommonJS file each, and the status page.
 *
 * One file starts twice as fast as the packages it is made of and takes a quarter less memory
 * (docs/ARCHITECTURE.md). A dynamic `import()` stays lazy inside it: what it names is part of the
 * file, and runs when it is first asked for.
 *
 * `--if-stale` builds only when a source has changed since the last build.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashInputs } from './build/stamp.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const INPUTS = ['src', 'web', 'scripts/build', 'scripts/build.ts', 'bin', 'package.json', 'package-lock.json']
/** What the last build was made of, and by which Node; absent while one is under way. */
const STAMP = join(ROOT, 'dist', '.stamp')

const stamp = `${process.version} ${hashInputs(ROOT, INPUTS)}`
const fresh = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp
if (!(fresh && process.argv.includes('--if-stale'))) {
  const startedMs = performance.now()
  rmSync(STAMP, { force: true })
  // The builders take longer to load than the check above takes.
  const { buildAll } = await import('./build/bundle.ts')
  await buildAll(ROOT)
  writeFileSync(STAMP, stamp)
  console.log(`built in ${Math.round(performance.now() - startedMs)} ms`)
}
