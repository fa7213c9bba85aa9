/**
 * `npm test`: all tests in two halves side by side. Those of real daemons and processes mostly wait; what computes uses
 * the time, at a lower priority, so that it does not eat into the deadlines of the others. What is given is handed to
 * mocha, as `-- --grep tickets`.
 *
 * The first half is shown as it runs; what the second has said until then follows, and then the rest of it. What was
 * skipped in either is one list at the end.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeSkips, type Skip } from '../test/support/skips.ts'

/** Of 19 at most: before what runs at the lowest priority, behind all else. */
const COMPUTING_NICENESS = 10

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MOCHA = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'althing-skips-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Runs a half. @returns its exit code, a function from when on what it says is shown, and what it skipped */
function start(name: string, files: readonly string[], niceness: number) {
  const skipsFile = join(folder, `${name}.json`)
  const child = spawn(process.execPath, [MOCHA, ...files, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ALTHING_SKIPS_FILE: skipsFile, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
  })
  if (child.pid !== undefined && niceness > 0) setPriority(child.pid, niceness)
  const said: Buffer[] = []
  const keep = (data: Buffer) => void said.push(data)
  child.stdout.on('data', keep)
  const code = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 130)))
  })
  const show = (): void => {
    child.stdout.off('data', keep)
    for (const data of said.splice(0)) process.stdout.write(data)
    child.stdout.on('data', (data: Buffer) => process.stdout.write(data))
  }
  // A half that was cut short has not written it.
  const skips = () => (existsSync(skipsFile) ? (JSON.parse(readFileSync(skipsFile, 'utf8')) as Skip[]) : [])
  return { child, code, show, skips }
}

const OF_PROCESSES = ['test/e2e/**/*.test.ts', 'test/contract/**/*.test.ts']
const others = OF_PROCESSES.flatMap((one) => ['--ignore', one])
const computing = start('computing', ['test/**/*.test.ts', ...others], COMPUTING_NICENESS)
const daemons = start('daemons', OF_PROCESSES, 0)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const { child } of [computing, daemons]) child.kill(signal)
  })
}
computing.show()
const first = await computing.code
daemons.show()
const second = await daemons.code
const skipped = describeSkips([computing, daemons].flatMap(({ skips }) => skips()))
if (skipped.length > 0) console.log(`\n${skipped.join('\n')}`)
if (first !== 0 || second !== 0) {
  const red = [
    first === 0 ? [] : ['those that compute'],
    second === 0 ? [] : ['those of real daemons and processes'],
  ].flat()
  console.log(`\nred: ${red.join(' and ')}`)
}
process.exitCode = first || second
