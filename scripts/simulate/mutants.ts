/** Plants each known bug in a copy of the sources and lets the simulator find it. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SimulateOptions } from './arguments.ts'
import { AUDIT_BUGS } from './audit-bugs.ts'
import type { PlantedBug } from './planted-bug.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['src', 'test/sim', 'scripts/simulate', 'scripts/simulate.ts', 'package.json']

/** A simulator, and the bugs it must find. */
export interface MutantSuite {
  /** What its command line has beside `--json --first --seeds N --from N`. */
  readonly args: readonly string[]
  readonly bugs: readonly PlantedBug[]
  /** A bug that so many seeds do not show counts as missed. */
  readonly seeds: number
}

const MESH: MutantSuite = { args: [], bugs: [...PLANTED_BUGS, ...AUDIT_BUGS], seeds: 300 }

interface Outcome {
  readonly name: string
  readonly caught: boolean
  /** The rule that caught it, and at which seed; or what is wrong. */
  readonly by: string
  readonly seconds: number
}

/** All seeds of a suite, over an unchanged core, take a fraction of it. */
const LONGEST_MS = 30 * 60_000
/** Of each stream the end is kept: far more than a report has. */
const MOST_CHARACTERS = 4 * 1024 * 1024

/** @returns whether the unchanged core is clean and every planted bug was caught */
export async function runMutants(
  { json, only, from, isClean }: Pick<SimulateOptions, 'json' | 'only' | 'from' | 'isClean'>,
  suite: MutantSuite = MESH,
): Promise<boolean> {
  const left = suite.bugs.filter(({ name }) => name.includes(only))
  if (left.length === 0) {
    console.error(`no planted bug is named ${only}; there are ${suite.bugs.map(({ name }) => name).join(', ')}`)
    return false
  }
  const dir = mkdtempSync(join(tmpdir(), 'althing-mutants-'))
  try {
    const [copy, ...more] = Array.from({ length: availableParallelism() }, (_, index) => copyOf(dir, String(index)))
    const outcomes: Outcome[] = []
    const tell = (outcome: Outcome): void => {
      outcomes.push(outcome)
      if (!json) console.log(lineOf(outcome))
    }
    const plantAll = async (into: string): Promise<void> => {
      for (let bug = left.shift(); bug !== undefined; bug = left.shift()) tell(await plant(into, bug, from, suite))
    }
    // The others begin with the first bugs while one sees whether the core is clean without any.
    const others = more.map(plantAll)
    const clean = isClean ? ({ clean: true } as const) : await search(copy!, from, suite)
    // On a core that breaks rules by itself nothing planted can be told apart.
    if (!('clean' in clean)) left.length = 0
    await Promise.all([...others, plantAll(copy!)])
    if (json) console.log(JSON.stringify({ ...(!isClean && { clean }), outcomes }))
    else {
      const caught = outcomes.filter((outcome) => outcome.caught).length
      console.log(`${caught} of ${outcomes.length} planted bugs caught`)
      if (!('clean' in clean)) console.log(`the unchanged core is not clean: ${describe(clean)}`)
      else if (!isClean) console.log(`the unchanged core is clean over ${suite.seeds} seeds`)
    }
    return 'clean' in clean && outcomes.every(({ caught }) => caught)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A copy of the core and its simulator, to plant bugs in. @returns its folder */
function copyOf(dir: string, name: string): string {
  const copy = join(dir, name)
  for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

function lineOf({ name, caught, by, seconds }: Outcome): string {
  return `${caught ? 'caught' : 'MISSED'}  ${name.padEnd(28)} ${seconds.toFixed(1).padStart(5)} s  ${by}`
}

async function plant(dir: string, bug: PlantedBug, from: number, suite: MutantSuite): Promise<Outcome> {
  const { name, file, line, instead } = bug
  const path = join(dir, file)
  const text = readFileSync(path, 'utf8')
  const lines = text.split('\n')
  const places = lines.flatMap((found, index) => (found.trim() === line ? [index] : []))
  if (places.length !== 1)
    return { name, caught: false, by: `${file} has this line ${places.length} times: ${line}`, seconds: 0 }
  lines[places[0]!] = instead
  writeFileSync(path, lines.join('\n'))
  const startMs = performance.now()
  try {
    const atOnce = bug.seed !== undefined && (await search(dir, bug.seed, { ...suite, seeds: 1 }))
    const found = atOnce && 'broken' in atOnce ? atOnce : await search(dir, from, suite)
    const seconds = (performance.now() - startMs) / 1000
    return {
      name,
      caught: 'broken' in found,
      by: 'clean' in found ? `not seen in ${suite.seeds} seeds` : describe(found),
      seconds,
    }
  } finally {
    writeFileSync(path, text)
  }
}

type Found =
  | { readonly clean: true }
  | { readonly seed: number; readonly broken: string; readonly problem: string }
  | { readonly error: string }

function describe(found: Exclude<Found, { clean: true }>): string {
  return 'error' in found
    ? `the simulator did not run: ${found.error}`
    : `seed ${found.seed}: ${found.broken}: ${found.problem.split('\n')[0]!.slice(0, 140)}`
}

/** Runs the simulator of a copy until its first failing seed. */
async function search(dir: string, from: number, { args: more, seeds }: MutantSuite): Promise<Found> {
  const counts = ['--seeds', String(seeds), '--from', String(from)]
  const args = [join(dir, 'scripts/simulate.ts'), ...more, '--json', '--first', ...counts]
  const { stdout, stderr, isLate } = await run(args)
  if (isLate) return { error: `it did not end within ${LONGEST_MS / 60_000} minutes` }
  try {
    const { failed } = JSON.parse(stdout) as { failed: { seed: number; broken: string; problem: string }[] }
    return failed[0] ?? { clean: true }
  } catch {
    return { error: stderr.slice(-400) }
  }
}

/** A planted bug may make the core go round for ever, or print without end. */
function run(args: readonly string[]): Promise<{ stdout: string; stderr: string; isLate: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
    })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        texts[name] = (texts[name] + text).slice(-MOST_CHARACTERS)
      })
    }
    child.once('error', reject)
    child.once('close', () => resolve({ ...texts, isLate: child.killed }))
  })
}
