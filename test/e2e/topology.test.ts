/** Where everybody is, as real daemons find it out. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlaceView, TopologyView } from '../../src/model/topology-view.ts'
import { eventually, freshDataDir, startDaemon, stopAll } from '../support/daemon.ts'

const INPUT_BYTES = 16 * 1024 * 1024

describe('topology of real daemons', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('round trips are measured, zones are labelled or inferred, bandwidth comes with transfers', async () => {
    // They tell their places soon, so that nothing has to be waited for.
    const env = { ALTHING_BEAT_MS: '500', ALTHING_LEASE_MS: '5000', ALTHING_DEAD_MS: '10000' }
    const labels = ['--label', 'zone=attic', '--label', 'topology.kubernetes.io/region=home']
    const first = await startDaemon({ name: 'n0', env, args: labels })
    const others = ['n1', 'n2'].map((name) => startDaemon({ name, env, join: [first.address] }))
    const second = (await Promise.all(others))[0]!

    const isPlaced = ({ rtt, zone, region }: PlaceView) =>
      rtt !== undefined && zone?.name.endsWith('attic') && region?.name.endsWith('home')
    // Those without a label are near the one that has it.
    const view = await eventually(
      'everybody to be placed',
      async () => {
        const { nodes } = await second.get<TopologyView>('/v1/topology')
        return nodes.length === 3 && nodes.every(isPlaced) && nodes
      },
      40_000,
    )
    for (const { self, rtt, zone, region } of view) {
      assert.equal(rtt!.source, 'measured')
      if (!self) assert.ok(rtt!.ms > 0 && rtt!.ms < 100, `${rtt!.ms} ms`)
      assert.match(`${zone!.name} ${region!.name}`, /^~?attic ~?home$/)
    }
    assert.deepEqual(
      view.map(({ zone }) => zone!.inferred),
      [false, true, true],
    )

    const dir = freshDataDir()
    writeFileSync(join(dir, 'data'), randomFillSync(new Uint8Array(INPUT_BYTES)))
    const run = await first.cliIn(dir, 'run', '-q', '-l', 'zone!=attic', '--input', 'data', '--', 'test', '-s', 'data')
    assert.equal(run.code, 0, run.stderr)
    const sent = await eventually('the speed of the transfer', async () => {
      const { nodes } = await first.get<TopologyView>('/v1/topology')
      return nodes.find(({ send }) => send)
    })
    assert.ok(sent.send!.bytesPerSecond > 1024 * 1024, `${sent.send!.bytesPerSecond} B/s`)

    const table = await first.cli('topology')
    assert.equal(table.code, 0)
    assert.match(table.stdout, /^NODE +STATE +REGION +ZONE +RTT +BASIS +RECEIVE +SEND$/m)
    assert.match(table.stdout, /^n0 \* +ready +home +attic +- +- +- +-$/m)
    assert.match(table.stdout, /^n[12] +ready +~home +~attic +\d+(\.\d+)? ms +measured +- +[\d.]+ [MG]iB\/s$/m)
    const dot = await first.cli('topology', '--dot')
    assert.match(dot.stdout, /^graph althing \{[^]*label="~attic";[^]* -- [^]*\}\n$/)
  })
})
