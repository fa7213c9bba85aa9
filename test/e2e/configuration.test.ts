/** Settings that the admins of a cluster sign, tried by some members first: real daemons, the shipped launcher. */
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import type { ConfigurationHistory, ConfigurationView } from '../../src/model/configuration-api.ts'
import { done, found, idOf, listed, sees, startClosed } from '../support/cluster.ts'
import type { AuditEvent } from '../../src/model/audit.ts'
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

/** What a daemon wrote of a version, in order. */
async function written(daemon: TestDaemon, version: number): Promise<string[]> {
  const events = (await listed(daemon, 'config')).toReversed().map(({ event }) => event)
  return events.flatMap((event) => ('version' in event && event.version === version ? [event.type] : []))
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
    const [north, south, east] = (await cluster('north', 'south', 'east')) as [TestDaemon, TestDaemon, TestDaemon]
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
    assert.deepEqual(await written(south, 2), ['config.trial'])
    const shared = await config(north, 'set', 'bids.ask=9', '--canary', 'seat!=north', '--share', '50%', '--for', '2s')
    assert.equal(shared.code, 0, shared.stderr)
    const share = '1 of the 2 nodes with seat!=north that were up \\(50%\\)'
    assert.match(
      shared.stderr,
      new RegExp(`tried for 2 s by ${share}:\n\\S+ +12D3KooW\\w+\n`),
      'an admin sees what it signs',
    )
    await valueOn(north, 'bids.ask', '9')
    const { decided, canaries } = await configOf(north)
    const [canary, other] = canaries[0]!.name === 'south' ? [south, east] : [east, south]
    const { name } = canary
    assert.match(
      await done(north.cli('config', 'get')),
      new RegExp(`was tried, and holds everywhere\nbegun by ${share}:\n {2}${name} {2}well {2}${name}: well for`),
    )
    assert.match(await done(other.cli('config', 'history')), /promoted, 1 of 2 first.*\n.*replaced.*\n.*ended, 1 first/)
    const log = JSON.parse(await done(north.cli('gov', 'log', '--json'))) as { entries: { kind: string }[] }
    assert.deepEqual(log.entries.map(({ kind }) => kind).toSorted(), ['config', 'config', 'config', 'config-share'])
    // Each writes down what it saw, and the canary what it said, under the entry that all know.
    const tried = ['config.trial', 'config.well', 'config.promoted']
    await eventually(`${name} to write of it`, async () => (await written(canary, 4)).length === tried.length)
    assert.deepEqual(await written(canary, 4), tried)
    assert.deepEqual(await written(other, 4), ['config.trial', 'config.promoted'])
    const [begun] = await listed(canary, 'config.trial')
    const entry = { type: 'config.trial', statement: decided!.hash, version: 4, canary: true }
    assert.deepEqual(begun!.event, { ...entry, atMs: begun!.event.atMs })
    // Whoever comes later, or was away, knows it from what was signed, and does not write it again.
    await canary.kill()
    const again = await startDaemon({ name, dataDir: canary.dataDir, open: false, join: [north.address] })
    assert.equal((await configOf(again)).decided?.stage, 'promoted')
    await sees(again, await idOf(north))
    assert.deepEqual(await written(again, 4), tried)
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
    const given = ['config.trial', 'config.unwell', 'config.rolled-back']
    for (const daemon of [north, east]) assert.deepEqual(await written(daemon, 1), given)
    // It was down in the middle, and writes the rest when it hears of it.
    const heard = async () => (await written(again, 1)).join() === 'config.trial,config.rolled-back'
    await eventually('the canary to write that it was given up', heard)
    const [back] = await listed(again, 'config.rolled-back')
    const { peer, peers, reason } = back!.event as AuditEvent & { type: 'config.rolled-back' }
    assert.deepEqual([peer, peers.toSorted()], [await idOf(again), [await idOf(north), await idOf(east)].toSorted()])
    assert.match(reason, /^offline for \d+ ms$/)
    await done(config(north, 'promote'))
    for (const daemon of [north, east, again]) await valueOn(daemon, 'bids.ask', '9')
    await done(config(north, 'rollback'))
    for (const daemon of [north, east, again]) await valueOn(daemon, 'bids.ask', '3')
  })

  it('is given up at once by a canary on which tasks fail', async () => {
    const [north, south] = (await cluster('north', 'south')) as [TestDaemon, TestDaemon]
    await done(config(north, 'set', 'bids.ask=9', '--canary', 'seat=south', '--for', '30m'))
    await valueOn(south, 'bids.ask', '9')
    const tasksAt = (...words: string[]) => ['run', '-l', 'seat=south', '--count', '3', '--', ...words]
    // A program that is nowhere is the submitter's doing: whoever may submit must not be able to end a trial.
    assert.notEqual((await north.cli(...tasksAt('/nowhere/program'))).code, 0)
    await stage(north, 'trial')
    // No folder for a run can be made there any more. Its own tasks count as those of others.
    const runs = join(south.dataDir, 'runs')
    renameSync(runs, `${runs}-away`)
    writeFileSync(runs, '')
    assert.notEqual((await south.cli(...tasksAt('true'))).code, 0)
    await stage(north, 'rolled-back', 30_000)
    await valueOn(south, 'bids.ask', '3')
    assert.match(await done(north.cli('config', 'get')), /south {2}unwell {2}south: \d+ of \d+ runs failed by the node/)
    assert.match(await done(north.cli('config', 'history')), /rolled-back, 1 first/)
    assert.match(await done(south.cli('status')), /settings +version 1 was GIVEN UP/)
    await eventually('both to write it', async () => {
      const all = await Promise.all([north, south].map((daemon) => written(daemon, 1)))
      return all.join(' ') === 'config.trial,config.rolled-back config.trial,config.unwell,config.rolled-back'
    })
    assert.match(
      await done(north.cli('audit', 'list', '--type', 'config')),
      /config\.rolled-back +statement=\w{12} version=1 peer=\S+ peers=\S+ reason=\d+ of \d+ runs failed by the node/,
    )
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
    const nobody = await config(north, 'set', 'bids.ask=4', '--canary', 'seat=nobody', '--share', '25%')
    assert.match(nobody.stderr, /no member that is up has such labels/, 'a share of nobody is nobody')
    assert.equal((await config(north, 'set', 'bids.ask=4', '--share', '25%')).code, 2)
    assert.equal((await config(north, 'promote')).code, 1)
    assert.equal((await config(north, 'rollback')).code, 1)
    const any = await config(north, 'set', 'bids.ask=4', '--canary', '', '--share', '1%')
    assert.match(any.stderr, /tried for 600 s by 1 of the 1 nodes that were up \(1%\):/, 'no labels: all that are up')
    assert.equal((await configOf(north)).decided?.stage, 'trial')
    const { code, stderr } = await (await startClosed('alone')).cli('config', 'set', 'bids.ask=4')
    assert.deepEqual([code, /belongs to no cluster/.test(stderr)], [1, true])
  })
})
