/** A daemon that joins a mesh in which more is said than one message holds. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView } from '../../src/model/api.ts'
import { eventually, freshDataDir, startDaemon, stopAll } from '../support/daemon.ts'
import { readMetrics } from '../support/metrics.ts'

const PASSPORTS = 60

/** A file of passports, 4 kB each: two daemons' are four messages' worth. */
function passportsOf(owner: string): string {
  const path = join(freshDataDir(), 'passports.yaml')
  const one = (i: number) => `apiVersion: althing.dev/v1
kind: NodePassport
metadata: { name: ${owner}-${i}, annotations: { note: "${'x'.repeat(4_000)}" } }
spec: { type: agent, version: "1", capabilities: [{ name: cap-${owner}-${i} }] }
`
  writeFileSync(path, Array.from({ length: PASSPORTS }, (_, i) => one(i)).join('---\n'))
  return path
}

describe('a newcomer', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('has all passports of a mesh within seconds, part by part', async () => {
    const attic = await startDaemon({ name: 'attic', args: ['--passport', passportsOf('attic')] })
    const cellar = await startDaemon({
      name: 'cellar',
      join: [attic.address],
      args: ['--passport', passportsOf('cellar')],
    })
    const has = async (who: typeof attic, name: string): Promise<boolean> =>
      (await who.get<NodeView>(`/v1/nodes/${name}`)).passports.length === PASSPORTS + 1
    await eventually('the first two to know each other', () => has(attic, 'cellar'))
    const newcomer = await startDaemon({ name: 'newcomer', join: [attic.address] })
    // Anti-entropy's rounds are half a minute apart: this is the first.
    for (const name of ['attic', 'cellar']) await eventually(`all of ${name}`, () => has(newcomer, name), 12_000)
    for (const daemon of [attic, cellar, newcomer]) {
      assert.equal((await readMetrics(daemon))('refused_total'), 0, `${daemon.name} refused something`)
    }
  })
})
