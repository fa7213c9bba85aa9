/** Nodes that are cordoned and drained, as those meet it who do it and whose tasks go elsewhere: real daemons. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import type { AuditPage } from '../../src/model/audit-view.ts'
import type { OperationView } from '../../src/model/operation.ts'
import { done, found, idOf, invite, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, startPair, stopAll, type TestDaemon } from '../support/daemon.ts'
import { policyFile } from '../support/policy-file.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/althing')

const cordonAt = async (daemon: TestDaemon, node: string) => (await daemon.get<NodeView>(`/v1/nodes/${node}`)).cordon
const tasksOf = (daemon: TestDaemon) => daemon.get<TaskView[]>('/v1/tasks?all=true')

/** Waits until a node shows another, or itself, as such. */
async function shows(daemon: TestDaemon, node: string, state: string | undefined): Promise<void> {
  await eventually(`${daemon.name} to show ${node} as ${state}`, async () => {
    return (await cordonAt(daemon, node))?.state === state
  })
}

describe('cordoned nodes', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('take no new tasks, say who wants it so and why, and do so over kill -9', async () => {
    const [north, south] = await startPair()
    const cordoned = await south.cli('cordon', '--reason', 'kernel update')
    assert.deepEqual([cordoned.code, cordoned.stderr], [0, ''])
    assert.match(cordoned.stdout, /^south: cordoned by \S+: kernel update\n$/)
    await shows(north, 'south', 'cordoned')
    assert.match((await north.cli('nodes')).stdout, /^south +cordoned /m)
    assert.match((await north.cli('node', 'south')).stdout, /no new tasks: cordoned by \S+: kernel update/)
    assert.match((await south.cli('status')).stdout, /no new tasks: cordoned by \S+: kernel update/)

    const run = await south.cli('run', '--', 'true')
    assert.equal(run.code, 0, run.stderr)
    const [task] = await tasksOf(south)
    assert.equal(task!.nodeName, 'north')
    assert.match((await south.cli('why', task!.taskId)).stdout, /south.*: cordoned by \S+: kernel update/)

    await south.kill()
    const again = await startDaemon({ name: 'south', dataDir: south.dataDir, join: [north.address] })
    await shows(again, 'south', 'cordoned')
    await shows(north, 'south', 'cordoned')
    const lifted = await again.cli('uncordon')
    assert.deepEqual([lifted.code, lifted.stdout], [0, 'south: takes tasks\n'])
    await shows(north, 'south', undefined)
    const events = await again.get<AuditPage>('/v1/audit/events')
    const types = events.entries.map(({ event }) => event.type)
    for (const type of ['node.cordoned', 'node.uncordoned'] as const) assert.ok(types.includes(type), type)
  })

  it('are drained: told first, then waited for, and at the deadline tasks go elsewhere', async () => {
    const [north, south] = await startPair()
    assert.equal((await north.cli('cordon')).code, 0)
    assert.equal((await north.cli('run', '--detach', '--', 'sleep', '60')).code, 0)
    const runsOn = (name: string) =>
      eventually(`the task to run on ${name}`, async () => {
        const [task] = await tasksOf(north)
        return task!.state === 'running' && task!.nodeName === name && task!.taskId
      })
    const taskId = await runsOn('south')
    await north.cli('uncordon')

    const tried = await south.cli('drain', '--dry-run', '--json')
    const [view] = JSON.parse(tried.stdout) as [OperationView]
    assert.deepEqual(
      [view.cordon, view.tasks.map((one) => [one.taskId, one.submitterName])],
      [undefined, [[taskId, 'north']]],
    )
    assert.equal(await cordonAt(south, 'south'), undefined, 'nothing was done')

    // Without a deadline it waits, until it is told not to.
    const env = { ...process.env, NO_COLOR: '1', ALTHING_SOCKET: south.socketPath, ALTHING_DATA_DIR: south.dataDir }
    const waiting = spawn(LAUNCHER, ['drain', '--reason', 'new disk'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let told = ''
    waiting.stderr.on('data', (data: Buffer) => (told += data.toString()))
    await eventually('the drain to say what it waits for', () => /draining by \S+: new disk; 1 task left/.test(told))
    waiting.kill('SIGINT')
    const [code] = (await once(waiting, 'exit')) as [number]
    assert.equal(code, 130)
    assert.match(told, /no longer waiting; south stays cordoned.*\n.*althing uncordon/)
    assert.equal((await cordonAt(south, 'south'))?.state, 'draining')

    const drained = await south.cli('drain', '--deadline', '1s')
    assert.equal(drained.code, 0, drained.stderr)
    assert.match(drained.stdout, /^south: drained by \S+: new disk\n$/)
    await runsOn('north')
    assert.match((await north.cli('why', taskId)).stdout, /drained by \S+: new disk/)
    await shows(north, 'south', 'drained')
    assert.equal((await north.cli('cancel', taskId)).code, 0)
  })

  it('are cordoned and drained from elsewhere by whom their owner lets, and the refusal names the rule', async () => {
    const [attic, cellar] = [await startClosed('attic'), await startClosed('cellar')]
    await found([attic, cellar])
    const works = await startClosed('works')
    await done(works.cli('join', (await invite(attic, '--owner', 'oli')).ticket))
    for (const [one, other] of [
      [attic, works],
      [works, attic],
      [cellar, attic],
    ] as const)
      await sees(one, await idOf(other))

    // Machines of one owner serve each other; those of others do not, until a rule lets them.
    assert.match(await done(cellar.cli('cordon', 'attic')), /^attic: cordoned by ann's cellar\n$/)
    await done(cellar.cli('uncordon', 'attic'))
    const stranger = await works.cli('cordon', 'attic')
    assert.equal(stranger.code, 1)
    assert.match(stranger.stderr, /attic refuses cordon: a member of the owner of this node.* \(operator.owner = "oli"/)

    const rule = "    - { name: only-oli, operations: [cordon, drain], allow: operator.owner == 'oli' }\n"
    await done(attic.cli('policy', 'apply', policyFile('attic', rule)))
    const refused = await cellar.cli('cordon', 'attic', '--json')
    assert.equal(refused.code, 1)
    const problem = JSON.parse(refused.stderr) as { code: string; detail: string }
    assert.equal(problem.code, 'not-allowed')
    assert.equal(
      problem.detail,
      'attic refuses cordon: rule only-oli of node policy attic: ' +
        'allow operator.owner == \'oli\' (operator.owner = "ann")',
    )
    assert.match(
      await done(works.cli('cordon', 'attic', '--reason', 'new disk')),
      /^attic: cordoned by oli's works: new disk\n$/,
    )
    await shows(cellar, 'attic', 'cordoned')

    const among = ['-l', 'seat in (attic,cellar)']
    await done(cellar.cli('run', ...among, '--', 'true'))
    const [ran] = await tasksOf(cellar)
    assert.equal(ran!.nodeName, 'cellar')
    assert.match(await done(cellar.cli('why', ran!.taskId)), /attic.*: cordoned by oli's works: new disk/)

    // What runs there is moved by a drain, and the rest of it holds over kill -9.
    await done(works.cli('uncordon', 'attic'))
    await shows(cellar, 'attic', undefined)
    await done(cellar.cli('cordon'))
    await done(cellar.cli('run', '--detach', ...among, '--', 'sleep', '60'))
    const runsOn = (name: string) =>
      eventually(`the task to run on ${name}`, async () => {
        const task = (await tasksOf(cellar)).find(({ taskId }) => taskId !== ran!.taskId)!
        return task.state === 'running' && task.nodeName === name && task.taskId
      })
    const taskId = await runsOn('attic')
    await done(cellar.cli('uncordon'))
    const tried = JSON.parse(await done(works.cli('drain', 'attic', '--dry-run', '--json'))) as [OperationView]
    assert.deepEqual(
      tried[0].tasks.map((one) => [one.taskId, one.submitterName]),
      [[taskId, 'cellar']],
    )
    assert.match(await done(works.cli('drain', 'attic', '--deadline', '1s')), /^attic: drained by oli's works\n$/)
    await runsOn('cellar')
    await done(cellar.cli('cancel', taskId))
    await attic.kill()
    const again = await startClosed('attic', { dataDir: attic.dataDir })
    await shows(again, 'attic', 'drained')
    await sees(works, await idOf(again))

    // All levels must allow.
    const law = "    - { name: no-drains, operations: [drain], deny: 'true' }\n"
    await done(again.cliIn(freshDataDir(), 'policy', 'apply', '--cluster', policyFile('law', law)))
    await eventually('the rule of the cluster to hold', async () => {
      const { stderr } = await works.cli('drain', 'attic', '--dry-run')
      return stderr.includes('attic refuses drain: rule no-drains of cluster policy law: deny true')
    })
    await done(works.cli('uncordon', 'attic'))
    const { entries } = await again.get<AuditPage>('/v1/audit/events')
    const types = new Set(entries.map(({ event }) => event.type))
    for (const type of ['node.cordoned', 'node.uncordoned', 'operation.refused', 'drain.begun', 'drain.ended'] as const)
      assert.ok(types.has(type), type)
  })

  it('are so in all clusters of the machine, or in the one that is named', async () => {
    const machine = await startClosed('attic')
    await done(machine.cli('init', 'house', '--owner', 'ann'))
    await done(machine.cli('init', 'works', '--owner', 'ann', '--beside'))
    assert.match(
      await done(machine.cli('cordon')),
      /^attic in house: cordoned by \S+\nattic in works: cordoned by \S+\n$/,
    )
    assert.equal(await done(machine.cli('uncordon', '--in', 'works')), 'attic: takes tasks\n')
    const stateIn = async (cluster: string) =>
      (await machine.get<StatusView>(`/clusters/${cluster}/v1/status`)).cordon?.state
    assert.deepEqual([await stateIn('house'), await stateIn('works')], ['cordoned', undefined])
    assert.match(await done(machine.cli('clusters')), /^house \* +cordoned .*\nworks +ready /m)
    assert.match(await done(machine.cli('drain')), /^attic in house: drained .*\nattic in works: drained .*\n$/)
  })

  it('refuse wrong words, with what was expected', async () => {
    const alone = await startDaemon({ name: 'alone' })
    for (const [words, expected] of [
      [['cordon', '--reason', ''], /--reason '': expected a line of text/],
      [['cordon', '--reason', 'x'.repeat(201)], /expected at most 200 characters/],
      [['drain', '--deadline', '10'], /give a unit, such as 10s/],
    ] as const) {
      const refused = await alone.cli(...words)
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, expected)
    }
  })
})
