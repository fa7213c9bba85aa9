import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { GOVERNANCE_BUGS } from '../../../scripts/simulate/governance-bugs.ts'
import { simulateGovernance } from './simulate.ts'

/** More are run by hand and before releases. */
const SMOKE_SEEDS = 150

describe('simulator of governance', function () {
  this.timeout(120_000)

  it(`${SMOKE_SEEDS} seeds keep every rule`, () => {
    const most = { entries: 0, members: 0 }
    for (let seed = 1; seed <= SMOKE_SEEDS; seed++) {
      const { ok, broken, problem, trace, entries, members } = simulateGovernance(seed)
      const again = `npm run sim -- --governance --seed ${seed}`
      assert.ok(ok, `seed ${seed}: ${broken}: ${problem}\n${trace.slice(-40).join('\n')}\nagain: ${again}`)
      most.entries = Math.max(most.entries, entries)
      most.members = Math.max(most.members, members)
    }
    assert.ok(most.entries > 8 && most.members > 5, JSON.stringify(most))
  })

  it('replays a seed exactly', () => {
    assert.deepEqual(simulateGovernance(3), simulateGovernance(3))
    assert.notDeepEqual(simulateGovernance(4).trace, simulateGovernance(3).trace)
  })

  it('knows where to plant its bugs', () => {
    for (const { name, file, line } of GOVERNANCE_BUGS) {
      const lines = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split('\n')
      const found = lines.filter((text) => text.trim() === line).length
      assert.equal(found, 1, `${name}: ${file} has this line ${found} times, so the bug must be written anew: ${line}`)
    }
    assert.equal(new Set(GOVERNANCE_BUGS.map(({ name }) => name)).size, GOVERNANCE_BUGS.length)
  })
})
