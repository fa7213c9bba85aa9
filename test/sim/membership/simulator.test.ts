import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { MEMBERSHIP_BUGS } from '../../../scripts/simulate/membership-bugs.ts'
import { measureAccuracy } from './accuracy.ts'
import { simulateMembership } from './simulate.ts'
import { measureDetection } from './tables.ts'

/** More are run by hand and before releases. */
const SMOKE_SEEDS = 40

describe('simulator of membership', function () {
  this.timeout(120_000)

  it(`${SMOKE_SEEDS} seeds keep every rule`, () => {
    let faults = 0
    for (let seed = 1; seed <= SMOKE_SEEDS; seed++) {
      const result = simulateMembership(seed)
      const { ok, broken, problem, trace } = result
      const again = `npm run sim -- --membership --seed ${seed}`
      assert.ok(ok, `seed ${seed}: ${broken}: ${problem}\n${trace.slice(-40).join('\n')}\nagain: ${again}`)
      faults += result.faults.length
    }
    assert.ok(faults > 10 * SMOKE_SEEDS, `only ${faults} faults`)
  })

  it('replays a seed exactly', () => {
    const [first, second] = [simulateMembership(3, Infinity), simulateMembership(3, Infinity)]
    assert.deepEqual(first, second)
    assert.notDeepEqual(simulateMembership(4, Infinity).trace, first.trace)
  })

  it('all know of a kill within a second, of a silence within three', () => {
    for (const size of [8, 32]) {
      const kill = measureDetection({ size, what: 'kill', trials: 20, seed: 1 })
      const silence = measureDetection({ size, what: 'silence', trials: 20, seed: 1 })
      assert.ok(kill.maxMs <= 1_000, JSON.stringify(kill))
      assert.ok(silence.maxMs <= 3_000, JSON.stringify(silence))
    }
  })

  it('holds nobody offline who is slow, with a quarter of all packets lost', () => {
    const { falseOffline, pauses, suspects, examples } = measureAccuracy({ seed: 1, size: 60, minutes: 3, slow: 0.1 })
    assert.equal(falseOffline, 0, examples.join('\n'))
    assert.ok(pauses > 20 && suspects > 0, `${pauses} pauses, ${suspects} suspicions`)
  })

  it('knows where to plant its bugs', () => {
    for (const { name, file, line } of MEMBERSHIP_BUGS) {
      const lines = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split('\n')
      const found = lines.filter((text) => text.trim() === line).length
      assert.equal(found, 1, `${name}: ${file} has this line ${found} times, so the bug must be written anew: ${line}`)
    }
    assert.equal(new Set(MEMBERSHIP_BUGS.map(({ name }) => name)).size, MEMBERSHIP_BUGS.length)
  })
})
