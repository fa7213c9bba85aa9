/** `npm run sim -- --coordinates`: how well members place themselves, over time. */
import { parseArgs } from 'node:util'
import { measureCoordinates, measureReturn, type CoordinateLine } from '../../test/sim/coordinates/accuracy.ts'
import { wholeNumber } from './arguments.ts'

const USAGE = `usage: npm run sim -- --coordinates [options]
Members in three regions find their places; then a tenth of them starts anew. Shown are the relative errors of the
expected round trips, of all pairs and of those within a region, where the trips are short.
  --size N       so many members (default: 8, 50 and 200, one after the other)
  --seed N       (default 1)
  --loss SHARE   of probes without an answer (default 0.01)
  --liars SHARE  of members that tell false places (default 0)
  --json         machine-readable lines on standard output
Exits 1 when half of all pairs are misjudged by more than 15 % after ten minutes.`

const SIZES = [8, 50, 200]
const MOMENTS_MS = [30, 60, 120, 300, 600].map((seconds) => seconds * 1_000)
const AFTER_MS = [2, 5, 10, 30, 60].map((seconds) => seconds * 1_000)
/** The median relative error that is promised. */
const TARGET = 0.15

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...{ help: flag, json: flag }, ...{ size: text, seed: text, loss: text, liars: text } },
    })
    const share = (name: 'loss' | 'liars', standard: number) => {
      const value = Number(values[name] ?? standard)
      if (value >= 0 && value < 1) return value
      throw new Error(`--${name} ${values[name]}: expected a share from 0 to 1, as 0.05`)
    }
    return {
      help: values.help,
      json: values.json,
      sizes: values.size === undefined ? SIZES : [wholeNumber(values, 'size', 0, 3, 10_000)],
      seed: wholeNumber(values, 'seed', 1, 0, 2 ** 32),
      loss: share('loss', 0.01),
      liars: share('liars', 0),
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Runs what the command line asks for. @returns the exit code */
export function coordinatesMain(argv: readonly string[]): number {
  const options = parse(argv)
  if ('problem' in options) {
    console.error(`${options.problem}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const { sizes, seed, loss, liars, json } = options
  if (!json) console.log('                           all pairs        within a region')
  if (!json) console.log('members  when            p50 %    p95 %    p50 %    p95 %   p50 ms')
  let isGood = true
  for (const size of sizes) {
    const world = { seed, size, loss, liars }
    const lines = measureCoordinates(world, MOMENTS_MS)
    for (const line of lines) print(line, `${line.atMs / 1_000} s`, json)
    isGood &&= lines.at(-1)!.all.p50 <= TARGET
    const returning = Math.ceil(size / 10)
    const returned = measureReturn({ ...world, settleMs: MOMENTS_MS.at(-1)!, returning }, AFTER_MS)
    for (const line of returned) print(line, `anew + ${line.atMs / 1_000} s`, json)
  }
  return isGood ? 0 : 1
}

function print(line: CoordinateLine, when: string, json: boolean): void {
  if (json) return console.log(JSON.stringify({ when, ...line }))
  const { all, near } = line
  const shares = [all.p50, all.p95, near.p50, near.p95].map((one) => (100 * one).toFixed(1).padStart(8))
  console.log(
    `${String(line.size).padStart(7)}  ${when.padEnd(12)} ${shares.join(' ')} ${line.nearMs.toFixed(2).padStart(8)}`,
  )
}
