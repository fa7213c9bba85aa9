/** Settings that the admins of a cluster sign, tried by some members first: real daemons, the shipped launcher. */
import assert from 'node:assert/strict'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import type { ConfigurationHistory, ConfigurationView } from '../../src/model/configuration-api.ts'
import { done, found, idOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const configOf = (daemon: TestDaemon) => daemon.get<ConfigurationView>('/v1/configuration')
const config = (daemon: TestDaemon, ...words: string[]) => daemon.cliIn(freshDataDir(), 'config', ...words)

async function settingOf(daemon: TestDaemon, key: string) {
  const { settings } = await configOf(daemon)
  return settings.find((setting) => setting.key === key)!
}

async function valueOn(daemon: TestDaemon, key: string, value: string, ms?: number): Promise<void> {
  const isSo = async () => (await settingOf(daemon, key)).value === value
  await eventually(`${daemon.name} to have ${key}=${value}`, isSo, ms)
}

async function stage(daemon: TestDaemon, wanted: string, ms?: number): Promise<void> {
  await eventually(
    `${daemon.name} to be at ${wanted}`,
    async () => (await configOf(daemon)).decided?.stage === wanted,
    ms,
  )
}

async function cluster(...names: string[]): Promise<TestDaemon[]> {
  const daemons = await Promise.all(names.map((name) => startClosed(name)))
  await found(daemons)
  for (const daemon of daemons) for (const other of daemons) await sees(daemon, await idOf(other))
  return daemons
}

describe('the configuration of a cluster', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('takes effect on every member while it runs, is shown, and is taken back', async () => {
    const [north, south] = (await cluster('north', 'south')) as [TestDaemon, TestDaemon]
    const set = await config(north, 'set', 'heartbeat.every=2s', 'task.timeout=1s', 'bids.window=200ms')
    assert.equal(set.code, 0, set.stderr)
    assert.match(set.stderr, /heartbeat\.every = 2s/, 'the admin sees what it signs')
    await valueOn(south, 'heartbeat.every', '2s')
    // The heartbeats say so themselves.
    for (const daemon of [north, south]) {
      await eventually(`heartbeats at ${daemon.name}`, async () => {
        const nodes = await daemon.get<NodeView[]>('/v1/nodes')
        return nodes.length === 2 && nodes.every(({ heartbeatIntervalMs }) => heartbeatIntervalMs === 2_000)
      })
    }
    const ran = await south.cli('run', '-l', 'seat=south', '--', 'sleep', '60')
    assert.notEqual(ran.code, 0)
    assert.equal((await south.get<TaskView[]>('/v1/tasks?all=true'))[0]!.state, 'timed-out')
    assert.match(await done(south.cli('config', 'get')), /^heartbeat\.every +2s +cluster +10s/m)
    assert.equal(await done(south.cli('config', 'get', 'task.timeout')), '1s\n')

    await done(config(north, 'unset', 'heartbeat.every', 'bids.window'))
    await valueOn(south, 'heartbeat.every', '10s')
    assert.equal(await done(south.cli('config', 'diff')), '- bids.window = 200ms\n- heartbeat.every = 2s\n')
    assert.equal(await done(south.cli('config', 'diff', '0', '2')), '+ task.timeout = 1s\n')
    await done(config(north, 'rollback', '1'))
    await valueOn(south, 'heartbeat.every', '2s')
    const { versions } = JSON.parse(await done(south.cli('config', 'history', '--json'))) as ConfigurationHistory
    assert.deepEqual(
      versions.map(({ version, height, stage: at, signers }) => [version, height, at, signers.length]),
      [
        [3, 3, 'everywhere', 1],
        [2, 2, 'replaced', 1],
        [1, 1, 'replaced', 1],
      ],
    )
    assert.match(await done(south.cli('config', 'history')), /^ +3 .* 1, entry 3 +everywhere +.*heartbeat\.every=2s/m)
    // It is there from the first moment after a restart.
    await south.kill()
    const again = await startDaemon({ name: 'south', dataDir: south.dataDir, open: false })
    assert.equal((await settingOf(again, 'heartbeat.every')).value, '2s')
  })

  it('leaves a node its own setting where the cluster lets it, and nowhere else', async () => {
    const north = await startClosed('north')
    const south = await startClosed('south', { args: ['--set', 'bids.ask=5', '--set', 'bids.window=1s'] })
    assert.deepEqual(
      [(await settingOf(south, 'bids.ask')).source, (await settingOf(south, 'bids.ask')).value],
      ['node', '5'],
    )
    await found([north, south])
    await done(config(north, 'set', 'bids.ask=7'))
    await valueOn(south, 'bids.ask', '7')
    assert.match((await south.cli('config', 'get')).stderr, /bids\.ask=5 of this node is left aside/)
    assert.equal((await settingOf(south, 'bids.window')).value, '1s', 'the cluster says nothing of it')
    await done(config(north, 'set', 'bids.ask=8', '--overridable'))
    await valueOn(north, 'bids.ask', '8')
    await valueOn(south, 'bids.ask', '5')
  })

  it('is tried by canaries first, and holds everywhere when they have been well for long enough', async () => {
    const [north, south] = (await cluster('north', 'south', 'east')) as [TestDaemon, TestDaemon, TestDaemon]
    await done(config(north, 'set', 'bids.ask=5'))
    await valueOn(south, 'bids.ask', '5')
    await done(config(north, 'set', 'bids.ask=9', '--canary', 'seat=south', '--for', '30m'))
    await valueOn(south, 'bids.ask', '9')
    assert.equal((await settingOf(north, 'bids.ask')).value, '5')
    assert.match(await done(north.cli('config', 'get')), /version 2 is being tried\n {2}south {2}trying/)
    const busy = await config(north, 'set', 'bids.ask=2')
    assert.match(busy.stderr, /version 2 is being tried/)
    await done(config(north, 'rollback'))
    await valueOn(south, 'bids.ask', '5')
    await done(config(north, 'set', 'bids.ask=9', '--canary', 'seat=south', '--for', '2s'))
    await valueOn(north, 'bids.ask', '9')
    assert.match(
      await done(north.cli('config', 'get')),
      /was tried, and holds everywhere\n {2}south {2}well {2}south: well for/,
    )
    // Whoever comes later, or was away, knows it from what was signed.
    await south.kill()
    const again = await startDaemon({ name: 'south', dataDir: south.dataDir, open: false })
    assert.equal((await configOf(again)).decided?.stage, 'promoted')
  })

  it('is given up by all when a canary falls silent, by the word of two; only the admins bring it back', async () => {
    const [north, south, east] = (await cluster('north', 'south', 'east')) as [TestDaemon, TestDaemon, TestDaemon]
    await done(config(north, 'set', 'bids.ask=9', '--canary', 'seat=south', '--for', '20s'))
    await valueOn(south, 'bids.ask', '9')
    await south.kill()
    await stage(north, 'rolled-back', 40_000)
    await stage(east, 'rolled-back')
    const view = await done(east.cli('config', 'get'))
    assert.match(view, /was tried and GIVEN UP.*\n {2}\S+ {2}unwell {2}.*north: offline for \d+ ms/)
    const again = await startDaemon({ name: 'south', dataDir: south.dataDir, open: false, join: [north.address] })
    await stage(again, 'rolled-back')
    assert.equal((await settingOf(again, 'bids.ask')).value, '3')
    await done(config(north, 'promote'))
    for (const daemon of [north, east, again]) await valueOn(daemon, 'bids.ask', '9')
    await done(config(north, 'rollback'))
    for (const daemon of [north, east, again]) await valueOn(daemon, 'bids.ask', '3')
  })

  it('is given up at once by a canary on which tasks fail', async () => {
    const [north, south] = (await cluster('north', 'south')) as [TestDaemon, TestDaemon]
    await done(config(north, 'set', 'bids.ask=9', '--canary', 'seat=south', '--for', '30m'))
    await valueOn(south, 'bids.ask', '9')
    const words = ['run', '-l', 'seat=south', '--count', '3', '--', '/nowhere/program']
    assert.notEqual((await north.cli(...words)).code, 0)
    await stage(north, 'rolled-back', 30_000)
    await valueOn(south, 'bids.ask', '3')
    assert.match(await done(north.cli('config', 'get')), /south {2}unwell {2}south: 3 of 3 runs failed by the node/)
    assert.match(await done(north.cli('config', 'history')), /rolled-back, 1 first/)
    assert.match(await done(south.cli('status')), /settings +version 1 was GIVEN UP/)
    // What was given up does not come back by going back.
    await done(config(north, 'set', 'bids.ask=5'))
    await valueOn(south, 'bids.ask', '5')
    assert.match(await done(north.cli('config', 'history')), /everywhere[^]*rolled-back, 1 first/)
    const same = await config(north, 'rollback', '2')
    assert.deepEqual([same.code, /that is so already/.test(same.stderr)], [2, true], same.stderr)
    await done(config(north, 'rollback'))
    await valueOn(south, 'bids.ask', '3')
  })

  it('refuses what is no setting, or out of its bounds, and says what was expected', async () => {
    const [north] = (await cluster('north')) as [TestDaemon]
    for (const [word, message] of [
      ['nothing.such=1', /nothing\.such=1: there is no such setting/],
      ['bids.ask=17', /bids\.ask=17: expected a whole number from 1 to 16, such as 3/],
      ['heartbeat.every=10', /expected a duration from 1s to 10m, such as 10s/],
      ['bids.ask', /expected KEY=VALUE/],
    ] as const) {
      const { code, stderr } = await config(north, 'set', word)
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
      assert.doesNotMatch(stderr, /\n +at /)
    }
    assert.equal((await config(north, 'set', 'bids.ask=4', '--canary', 'seat=nobody')).code, 2)
    assert.equal((await config(north, 'promote')).code, 1)
    assert.equal((await config(north, 'rollback')).code, 1)
    const { code, stderr } = await (await startClosed('alone')).cli('config', 'set', 'bids.ask=4')
    assert.deepEqual([code, /belongs to no cluster/.test(stderr)], [1, true])
  })
})
