/** The first mesh, as a user meets it: real daemons through the shipped launcher. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import type { WhyView } from '../../src/model/why-view.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const SEED_PASSPORT = resolve(import.meta.dirname, '../../config/examples/writer-passport.yaml')

/** `count` open daemons that know each other. */
async function mesh(count: number): Promise<TestDaemon[]> {
  const first = await startDaemon({ name: 'n0' })
  const others = await Promise.all(
    Array.from({ length: count - 1 }, (_, i) => startDaemon({ name: `n${i + 1}`, join: [first.address] })),
  )
  const all = [first, ...others]
  for (const daemon of all) await untilKnows(daemon, count)
  return all
}

async function untilKnows(daemon: TestDaemon, count: number): Promise<NodeView[]> {
  return eventually(`${daemon.name} to know ${count} nodes`, async () => {
    const nodes = await daemon.get<NodeView[]>('/v1/nodes')
    return nodes.filter(({ state }) => state === 'ready').length === count && nodes
  })
}

const lastTask = async (daemon: TestDaemon) => (await daemon.get<TaskView[]>('/v1/tasks?all=true'))[0]!

describe('a mesh of real daemons', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('lists who is there, from every node', async () => {
    const all = await mesh(3)
    for (const daemon of all) {
      const { code, stdout } = await daemon.cli('nodes', '--json')
      assert.equal(code, 0)
      const nodes = JSON.parse(stdout) as NodeView[]
      assert.deepEqual(
        nodes.map(({ name }) => name),
        ['n0', 'n1', 'n2'],
      )
      assert.ok(nodes.every(({ capacity, cpuRatio }) => capacity!.cpuMilli > 0 && cpuRatio !== undefined))
    }
    await all[2]!.stop()
    const left = await eventually('the goodbye', async () => {
      const nodes = await all[0]!.get<NodeView[]>('/v1/nodes')
      return nodes.find(({ name, state }) => name === 'n2' && state === 'offline')
    })
    assert.equal(left.name, 'n2')
  })

  it('runs a task with input on another node; output and exit code come back', async () => {
    const [first] = await mesh(2)
    const dir = freshDataDir()
    mkdirSync(join(dir, 'data'))
    writeFileSync(join(dir, 'data', 'a.txt'), 'one two three\n')
    const run = await first!.cliIn(dir, 'run', '-l', 'where=n1', '--place-timeout', '1s', '--', 'true')
    assert.equal(run.code, 125, 'no node has that label')
    assert.match(run.stderr, /labels do not match|NoCapableNodes/)

    const script = 'wc -w data/a.txt; cp data/a.txt $ALTHING_OUTPUT/copy.txt; echo to-stderr >&2; exit 7'
    const { code, stdout, stderr } = await first!.cliIn(
      dir,
      'run',
      '-q',
      '--input',
      './data',
      '--output',
      'out',
      '--',
      'sh',
      '-c',
      script,
    )
    assert.equal(stdout, '3 data/a.txt\n')
    assert.match(stderr, /to-stderr/)
    assert.equal(code, 7)
    assert.equal(readFileSync(join(dir, 'out', 'copy.txt'), 'utf8'), 'one two three\n')
  })

  it('keeps output byte for byte', async () => {
    const [first] = await mesh(1)
    const { stdout } = await first!.cli(
      'run',
      '-q',
      '--',
      'sh',
      '-c',
      'i=0; while [ $i -lt 3000 ]; do echo line-$i; i=$((i+1)); done',
    )
    assert.equal(stdout, Array.from({ length: 3000 }, (_, i) => `line-${i}\n`).join(''))
  })

  it('tells the story: bids of two others, signed, and why', async () => {
    const [first] = await mesh(3)
    await first!.cli('run', '--', 'true')
    const task = await lastTask(first!)
    const why = await first!.get<WhyView>(`/v1/tasks/${task.taskId}/why`)
    assert.equal(why.story.filter(({ kind }) => kind === 'bid').length, 3)
    assert.equal(why.attempts[0]!.outcome, 'ended')
    const told = await first!.cli('why', task.taskId)
    assert.equal(told.code, 0)
    assert.match(told.stdout, /n1/)
  })

  it('runs a task on the node that it names and on no other, and says why it does not', async () => {
    const [first, second] = await mesh(2)
    for (const { name } of [second!, first!, second!]) {
      assert.equal((await first!.cli('run', '--node', name, '--', 'true')).code, 0)
      assert.equal((await lastTask(first!)).nodeName, name)
    }
    const nobody = await first!.cli('run', '--node', 'nobody', '--', 'true')
    assert.equal(nobody.code, 125)
    assert.match(nobody.stderr, /no node nobody is known/)
    await second!.stop()
    await first!.cli('run', '--node', second!.name, '--place-timeout', '1s', '--', 'true')
    const why = await first!.cli('why', (await lastTask(first!)).taskId)
    assert.match(why.stdout, /n0.*is not the node that was asked for[^]*n1.*offline/)
  })

  it('declines strangers with that reason until they are trusted', async () => {
    const submitter = await startDaemon({ name: 'asker', args: ['--cpu', '0'] })
    const host = await startDaemon({ name: 'host', open: false, join: [submitter.address] })
    await untilKnows(host, 1)
    await eventually('both known', async () => (await submitter.get<NodeView[]>('/v1/nodes')).length === 2)
    const refused = await submitter.cli('run', '--place-timeout', '2s', '--', 'true')
    assert.equal(refused.code, 125)
    assert.match(refused.stderr, /trust/)
    const added = await host.cli('trust', 'add', submitter.status.peerId)
    assert.equal(added.code, 0, added.stderr)
    const allowed = await submitter.cli('run', '--', 'true')
    assert.equal(allowed.code, 0, allowed.stderr)
  })

  it('publishes the passport of the seed document unchanged, and another node finds it', async () => {
    const [first, second] = await mesh(2)
    const applied = await first!.cli('apply', '-f', SEED_PASSPORT)
    assert.equal(applied.code, 0, applied.stderr)
    await eventually('the passport on the other node', async () => {
      const found = await second!.cli('find', 'write_article')
      return found.code === 0 && found.stdout.includes('writer-001')
    })
    const nobody = await second!.cli('find', 'fly')
    assert.equal(nobody.code, 1)
    assert.match(nobody.stderr, /fly/)
  })

  it('places a batch over the mesh and counts every exit', async () => {
    const [first] = await mesh(3)
    const { code, stderr } = await first!.cli('run', '--count', '30', '--', 'sh', '-c', 'exit 0')
    assert.equal(code, 0, stderr)
    const tasks = await first!.get<TaskView[]>('/v1/tasks?all=true')
    assert.equal(tasks.filter(({ state }) => state === 'succeeded').length, 30)
    assert.ok(new Set(tasks.map(({ node }) => node)).size >= 2, 'more than one node worked')
  })

  it('cancels, follows logs, and lists', async () => {
    const [first] = await mesh(2)
    const started = await first!.cli('run', '--detach', '--', 'sh', '-c', 'echo begun; exec sleep 600')
    const id = started.stdout.trim()
    await eventually('its first words', async () => (await first!.cli('logs', id)).stdout === 'begun\n')
    assert.match((await first!.cli('ps')).stdout, new RegExp(id))
    assert.equal((await first!.cli('cancel', id)).code, 0)
    const view = await first!.get<TaskView>(`/v1/tasks/${id}?wait=ended`)
    assert.equal(view.state, 'cancelled')
    assert.doesNotMatch((await first!.cli('ps')).stdout, new RegExp(id))
  })

  it('remembers nodes and ended tasks across a restart', async () => {
    const [first, second] = await mesh(2)
    const id = (await first!.cli('run', '--detach', '--', 'echo', 'kept')).stdout.trim()
    await first!.get(`/v1/tasks/${id}?wait=ended`)
    await first!.stop()
    const again = await startDaemon({ name: 'n0', dataDir: first!.dataDir, join: [second!.address] })
    assert.equal(again.status.peerId, first!.status.peerId)
    assert.equal((await again.get<TaskView>(`/v1/tasks/${id}`)).state, 'succeeded')
    await untilKnows(again, 2)
    rmSync(first!.dataDir, { recursive: true, force: true, maxRetries: 0 })
  })
})
