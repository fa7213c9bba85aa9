/**
 * `npm test`: all tests in two halves side by side. Those of real daemons and processes mostly wait; what computes uses
 * the time, at a lower priority, so that it does not eat into the deadlines of the others. What is given is handed to
 * mocha, as `-- --grep tickets`.
 *
 * The first half is shown as it runs; what the second has said until then follows, and then the rest of it.
 */
import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Of 19 at most: before what runs at the lowest priority, behind all else. */
const COMPUTING_NICENESS = 10

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MOCHA = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url))

/** Runs a half. @returns its exit code, and a function from when on what it says is shown */
function start(files: readonly string[], niceness: number) {
  const child = spawn(process.execPath, [MOCHA, ...files, ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
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
  return { child, code, show }
}

const OF_PROCESSES = ['test/e2e/**/*.test.ts', 'test/contract/**/*.test.ts']
const computing = start(['test/**/*.test.ts', ...OF_PROCESSES.flatMap((one) => ['--ignore', one])], COMPUTING_NICENESS)
const daemons = start(OF_PROCESSES, 0)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const { child } of [computing, daemons]) child.kill(signal)
  })
}
computing.show()
const first = await computing.code
daemons.show()
const second = await daemons.code
if (first !== 0 || second !== 0) {
  const red = [
    first === 0 ? [] : ['those that compute'],
    second === 0 ? [] : ['those of real daemons and processes'],
  ].flat()
  console.log(`\nred: ${red.join(' and ')}`)
}
process.exitCode = first || second
