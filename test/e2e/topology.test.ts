/** Where everybody is, as real daemons find it out. */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView, TaskView } from '../../src/model/api.ts'
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
      if (!self) assert.ok(rtt!.ms > 0 && rtt!.ms < 1_000, `${rtt!.ms} ms`)
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
    // Round trips on a machine that is busy may lead one out of the zone for a while.
    const ofOther = /^n[12] +ready +~home +~attic +\d+(\.\d+)? ms +measured +- +[\d.]+ [MG]iB\/s$/m
    const graph = /^graph althing \{[^]*label="attic";[^]* -- [^]*\}\n$/
    const isShown = async () => ofOther.test((await first.cli('topology')).stdout)
    await eventually('both in the zone of the first', isShown, 40_000)
    const isDrawn = async () => graph.test((await first.cli('topology', '--dot')).stdout)
    await eventually('the graph', isDrawn, 40_000)
  })

  it('a batch is spread over zones, and why says why what is left waits', async () => {
    const zoned = (zone: string) => ['--label', `zone=${zone}`, '--cpu', zone === 'east' ? '4' : '1', '--memory', '1Gi']
    const first = await startDaemon({ name: 'n0', args: zoned('east') })
    const second = await startDaemon({ name: 'n1', join: [first.address], args: zoned('west') })
    for (const daemon of [first, second]) {
      await eventually(`${daemon.name} to know both`, async () => {
        const nodes = await daemon.get<NodeView[]>('/v1/nodes')
        return nodes.filter(({ state }) => state === 'ready').length === 2
      })
    }
    const words = ['--cpu', '1', '--memory', '32Mi', '--spread', 'zone', '--', 'sleep', '60']
    const run = await first.cli('run', '--count', '4', '--detach', ...words)
    assert.equal(run.code, 0, run.stderr)
    const tasks = await eventually('three to run', async () => {
      const listed = await first.get<TaskView[]>('/v1/tasks')
      return listed.filter(({ state }) => state === 'running').length === 3 && listed
    })
    const where = tasks.map(({ nodeName, state }) => nodeName ?? state).toSorted()
    assert.deepEqual(where, ['n0', 'n0', 'n1', 'queued'], 'the west has room for one, so the east may have two')
    const left = tasks.find(({ state }) => state === 'queued')!
    const why = await eventually('the story', async () => {
      const { stdout } = await first.cli('why', left.taskId)
      return stdout.includes('not awarded') && stdout
    })
    assert.match(why, /n0 not awarded: zone east has 2 of the job's tasks and zone west 1: at most 1 more/)
    assert.match(why, /BID OF +SLOTS +SCORE +FIT +LOAD +CROWD +WARM +DISTANCE +LOCAL/)
    for (const { taskId } of tasks) await first.cli('cancel', taskId)
  })
})
