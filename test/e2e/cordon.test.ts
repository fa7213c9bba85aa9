/** Nodes that are cordoned and drained, as those meet it who do it and whose tasks go elsewhere: real daemons. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import type { AuditPage } from '../../src/model/audit-view.ts'
import type { OperationView } from '../../src/model/operation.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/althing')

/** Two open daemons that know each other. */
async function pair(): Promise<[TestDaemon, TestDaemon]> {
  const north = await startDaemon({ name: 'north' })
  const south = await startDaemon({ name: 'south', join: [north.address] })
  for (const daemon of [north, south]) {
    await eventually(`${daemon.name} to know both`, async () => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return nodes.filter(({ state }) => state === 'ready').length === 2
    })
  }
  return [north, south]
}

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
    const [north, south] = await pair()
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
    const [north, south] = await pair()
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
