import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { PLANTED_BUGS } from '../../scripts/simulate/planted-bugs.ts'
import { simulate, type SeedResult } from './simulate.ts'

const SMOKE_SEEDS = 100
const REAL_SEEDS = 3

/** Seeds that once showed a bug, and which. A file is added for every new one. */
interface Regression {
  readonly why: string
  readonly seeds: readonly number[]
  readonly real?: boolean
}

function check(result: SeedResult): void {
  const { seed, real, ok, broken, problem, faults, trace } = result
  const again = `npm run sim -- --seed ${seed}${real ? ' --real' : ''}`
  assert.ok(ok, `seed ${seed}: ${broken}: ${problem}\n${trace().slice(-40).join('\n')}\nagain: ${again}`)
  // The last note is the healing.
  assert.ok(faults.length - 1 >= 3, `seed ${seed} had only ${faults.length - 1} faults`)
  assert.ok(result.virtualMs >= 60_000, `seed ${seed} lasted ${result.virtualMs} ms`)
}

describe('simulator', () => {
  it(`${SMOKE_SEEDS} seeds keep every rule`, function () {
    this.timeout(120_000)
    for (let seed = 1; seed <= SMOKE_SEEDS; seed++) check(simulate({ seed }))
  })

  it(`${REAL_SEEDS} seeds keep them with real signatures and frames`, function () {
    this.timeout(60_000)
    for (let seed = 1; seed <= REAL_SEEDS; seed++) check(simulate({ seed, real: true }))
  })

  it('replays a seed exactly', () => {
    const [first, second] = [simulate({ seed: 11, traceAll: true }), simulate({ seed: 11, traceAll: true })]
    assert.equal(first.steps, second.steps)
    assert.deepEqual(first.trace(), second.trace())
    assert.notDeepEqual(simulate({ seed: 12, traceAll: true }).trace(), first.trace())
  })

  const folder = new URL('regressions/', import.meta.url)
  for (const file of readdirSync(folder)) {
    const { why, seeds, real = false } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Regression
    it(`regression ${file}: ${why}`, function () {
      this.timeout(60_000)
      for (const seed of seeds) check(simulate({ seed, real }))
    })
  }

  it('knows where to plant its bugs', () => {
    for (const { name, file, line } of PLANTED_BUGS) {
      const lines = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split('\n')
      const found = lines.filter((text) => text.trim() === line).length
      assert.equal(found, 1, `${name}: ${file} has this line ${found} times, so the bug must be written anew: ${line}`)
    }
    assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length)
  })
})
