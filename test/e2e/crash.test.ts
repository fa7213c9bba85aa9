/** Daemons killed in the middle of things: nothing that was promised is lost, nothing runs twice. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

/** A submitter that runs nothing itself, and an executor. */
async function pair(): Promise<{ submitter: TestDaemon; executor: TestDaemon }> {
  const submitter = await startDaemon({ name: 'submitter', args: ['--cpu', '0'] })
  const executor = await startDaemon({ name: 'executor', join: [submitter.address] })
  await eventually('both known', async () => {
    const nodes = await submitter.get<NodeView[]>('/v1/nodes')
    return nodes.some(({ name, state }) => name === 'executor' && state === 'ready')
  })
  return { submitter, executor }
}

const COUNTING = 'i=0; while [ $i -lt 40 ]; do echo tick-$i; i=$((i+1)); sleep 0.1; done; exit 42'

async function startCounting(submitter: TestDaemon): Promise<string> {
  const id = (await submitter.cli('run', '--detach', '--', 'sh', '-c', COUNTING)).stdout.trim()
  await eventually('its first words', async () => (await submitter.cli('logs', id)).stdout.includes('tick-2\n'))
  return id
}

async function assertWhole(submitter: TestDaemon, id: string): Promise<void> {
  const view = await eventually(
    'the end',
    async () => {
      const task = await submitter.get<TaskView>(`/v1/tasks/${id}`)
      return task.state !== 'running' && task
    },
    40_000,
  )
  assert.equal(view.state, 'failed')
  assert.equal(view.exit?.exitCode, 42)
  assert.equal(view.attempt, 1, 'one attempt, one start')
  const { stdout } = await submitter.cli('logs', id)
  assert.equal(stdout, Array.from({ length: 40 }, (_, i) => `tick-${i}\n`).join(''))
}

describe('daemons that die', function () {
  this.timeout(120_000)
  afterEach(stopAll)

  it('kill -9 of the executor in mid-task: restarted, it adopts the task, its output and its exit code', async () => {
    const { submitter, executor } = await pair()
    const id = await startCounting(submitter)
    await executor.kill()
    await startDaemon({ name: 'executor', dataDir: executor.dataDir, join: [submitter.address] })
    await assertWhole(submitter, id)
  })

  it('the same when the task ended while no daemon was there', async () => {
    const { submitter, executor } = await pair()
    const mark = join(executor.dataDir, 'mark')
    const script = 'echo before; sleep 0.5; echo after; touch "$MARK"; exit 3'
    const started = await submitter.cli('run', '--detach', '--env', `MARK=${mark}`, '--', 'sh', '-c', script)
    const id = started.stdout.trim()
    await eventually('its first words', async () => (await submitter.cli('logs', id)).stdout === 'before\n')
    await executor.kill()
    await eventually('the task to end alone', () => existsSync(mark))
    await startDaemon({ name: 'executor', dataDir: executor.dataDir, join: [submitter.address] })
    const view = await eventually(
      'the report',
      async () => {
        const task = await submitter.get<TaskView>(`/v1/tasks/${id}`)
        return task.exit && task
      },
      40_000,
    )
    assert.equal(view.exit!.exitCode, 3)
    assert.equal((await submitter.cli('logs', id)).stdout, 'before\nafter\n')
  })

  it('kill -9 of the submitter: its work goes on, and it is told when it is back', async () => {
    const { submitter, executor } = await pair()
    const id = await startCounting(submitter)
    await submitter.kill()
    const again = await startDaemon({
      name: 'submitter',
      dataDir: submitter.dataDir,
      join: [executor.address],
      args: ['--cpu', '0'],
    })
    await assertWhole(again, id)
  })

  it('kill -9 of the executor while its output is on the way: it comes when that is back, however late', async () => {
    const { submitter, executor } = await pair()
    const script = 'truncate -s 150M "$ALTHING_OUTPUT/large"; echo done > "$ALTHING_OUTPUT/small"'
    const spec = ['--detach', '--output', 'ignored', '--', 'sh', '-c', script]
    const id = (await submitter.cli('run', ...spec)).stdout.trim()
    const task = () => submitter.get<TaskView>(`/v1/tasks/${id}`)
    await eventually('the transfer', async () => (await task()).output === 'fetching', 40_000)
    await executor.kill()
    assert.equal((await task()).output, 'fetching', 'it was not here yet')
    // Longer than a transfer used to be tried: 0.5 + 1 + 2 seconds.
    await eventually('the fifth failure', () => /failures: 5|"failures":5/.test(submitter.output()), 30_000)
    await startDaemon({ name: 'executor', dataDir: executor.dataDir, join: [submitter.address] })
    const { output } = await eventually(
      'the output',
      async () => (await task()).output !== 'fetching' && task(),
      60_000,
    )
    assert.equal(output, 'here')
  })

  it('what waits on the executor is told of the end of a task of another', async () => {
    const { submitter, executor } = await pair()
    const gate = join(executor.dataDir, 'gate')
    const script = 'echo first; while [ ! -e "$GATE" ]; do sleep 0.05; done; echo last'
    const started = await submitter.cli('run', '--detach', '--env', `GATE=${gate}`, '--', 'sh', '-c', script)
    const id = started.stdout.trim()
    await eventually('its first words', async () => (await executor.cli('logs', id)).stdout === 'first\n')
    const following = executor.cli('logs', '-f', id)
    const waiting = executor.get<TaskView>(`/v1/tasks/${id}?wait=ended`)
    writeFileSync(gate, '')
    assert.deepEqual(await following, { code: 0, stdout: 'first\nlast\n', stderr: '' })
    assert.equal((await waiting).state, 'succeeded')
  })
})
