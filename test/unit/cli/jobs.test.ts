import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobWhyView } from '../../../src/model/why-view.ts'
import { OperationError } from '../../../src/node/operations.ts'
import { cli, startCli, type CliRun } from '../../support/cli.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

describe('cli: jobs', function () {
  this.timeout(30_000)
  let status: StatusFixture
  beforeEach(async () => {
    status = await startStatus()
    status.operations.script = undefined
  })
  afterEach(() => status.stop())
  const run = (...args: string[]): Promise<CliRun> => cli(args, { socketPath: status.socketPath })

  function submit(count: number): { jobId: string; taskIds: string[] } {
    const spec = { command: ['sleep'], resources: { cpuMilli: 100, memoryBytes: 1 } } as never
    return status.operations.submit({ spec, count, placeTimeoutMs: 1 })
  }

  it('cancel: those of its tasks that live, in order; the others are as they are', async () => {
    const { jobId, taskIds } = submit(12)
    status.operations.end(taskIds[1]!, { state: 'succeeded' })
    const { stdout, stderr, code } = await run('cancel', jobId)
    const live = taskIds.filter((_, index) => index !== 1)
    assert.deepEqual([stdout.trim().split('\n'), stderr, code], [live, '', 0])
    assert.deepEqual(status.operations.cancelled.toSorted(), live.toSorted())
  })

  it('cancel: says so when all have ended, and goes on with what else was named', async () => {
    const { jobId, taskIds } = submit(2)
    for (const taskId of taskIds) status.operations.end(taskId, {})
    const other = submit(2).taskIds[0]!
    const { stdout, stderr, code } = await run('cancel', jobId, other)
    assert.deepEqual([stdout, code], [`${other}\n`, 1])
    assert.match(stderr, new RegExp(`^althing: all 2 tasks of job ${jobId} have ended already\n$`))
  })

  it('cancel: what is the beginning of two jobs ends neither', async () => {
    for (let job = 1; job < 10; job++) submit(1)
    const [ten, eleven] = [submit(2), submit(2)]
    assert.deepEqual([ten.jobId, eleven.jobId], ['j10', 'j11'])
    status.operations.task = (id) => {
      throw new OperationError('conflict', `${id} is the beginning of several task ids`)
    }
    const { code, stderr } = await run('cancel', 'j1')
    assert.equal(code, 1)
    assert.match(stderr, /^althing: j1 is the beginning of several task ids/)
    assert.deepEqual(status.operations.cancelled, [])
  })

  it('logs: what each task wrote, behind its id', async () => {
    const { jobId, taskIds } = submit(11)
    for (const [index, taskId] of taskIds.entries()) {
      status.operations.write(taskId, 'stdout', `out ${index}\nno end`)
      status.operations.write(taskId, 'stderr', `err ${index}\n`)
      status.operations.end(taskId, {})
    }
    const { stdout, stderr, code } = await run('logs', jobId)
    assert.equal(stdout, taskIds.map((taskId, index) => `[${taskId}] out ${index}\n[${taskId}] no end\n`).join(''))
    assert.equal(stderr, taskIds.map((taskId, index) => `[${taskId}] err ${index}\n`).join(''))
    assert.equal(code, 0)
    const json = await run('logs', '--json', '--stream', 'stderr', jobId)
    assert.deepEqual(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { taskId: string }).taskId),
      taskIds,
    )
  })

  it('logs -f: goes on until all have ended', async () => {
    const { jobId, taskIds } = submit(3)
    const following = startCli(['logs', '-f', jobId], { socketPath: status.socketPath })
    await until('all are followed', () => status.operations.logReaders === 3)
    for (const taskId of taskIds.toReversed()) {
      status.operations.write(taskId, 'stdout', 'done\n')
      status.operations.end(taskId, {})
    }
    const { stdout, code } = await following.done
    assert.deepEqual([stdout.trim().split('\n').toSorted(), code], [taskIds.map((taskId) => `[${taskId}] done`), 0])
  })

  it('logs: one whose log cannot be had does not take those of the others', async () => {
    const { jobId, taskIds } = submit(2)
    for (const taskId of taskIds) {
      status.operations.write(taskId, 'stdout', 'said\n')
      status.operations.end(taskId, {})
    }
    status.operations.logsBreak = 'the executor is gone'
    const { stdout, stderr, code } = await run('logs', jobId)
    assert.deepEqual([stdout, code], [taskIds.map((taskId) => `[${taskId}] said\n`).join(''), 1])
    assert.equal(stderr.match(/the rest of the log of j1-[01] could not be had: the executor is gone/g)?.length, 2)
  })

  it('wait: until all have ended, outputs included, with the code of the first in order that failed', async () => {
    const { jobId, taskIds } = submit(12)
    const exit = (exitCode: number) => ({ exitCode, startedAtMs: 1, endedAtMs: 2 })
    status.operations.end(taskIds[11]!, { state: 'failed', exit: exit(9) })
    status.operations.end(taskIds[0]!, { output: 'fetching' })
    const waiting = startCli(['wait', jobId], { socketPath: status.socketPath })
    await until('the others are waited for', () => status.operations.waiting === 11)
    status.operations.end(taskIds[10]!, { state: 'failed', exit: exit(7) })
    for (const taskId of taskIds.slice(0, 10)) status.operations.end(taskId, { output: 'here' })
    const { stdout, code } = await waiting.done
    const ends = taskIds.map((taskId, index) => `${taskId} ${index < 10 ? 'succeeded' : 'failed'}\n`)
    assert.deepEqual([stdout, code], [ends.join(''), 7])
    const json = await run('wait', '--json', jobId)
    assert.deepEqual(
      (JSON.parse(json.stdout) as { taskId: string }[]).map(({ taskId }) => taskId),
      taskIds,
    )
  })

  describe('output', () => {
    let dir: string
    beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'althing-output-'))))
    afterEach(() => rmSync(dir, { recursive: true, force: true }))

    /** A job whose tasks have ended, each with a file that holds its number in its output. */
    function submitEnded(count: number): { jobId: string; taskIds: string[] } {
      const job = submit(count)
      for (const [index, taskId] of job.taskIds.entries()) {
        writeFileSync(join(dir, 'number'), String(index))
        status.operations.outputs.set(taskId, execFileSync('tar', ['-cC', dir, 'number']))
        status.operations.end(taskId, { exit: { exitCode: 0, startedAtMs: 1, endedAtMs: 2 } })
      }
      return job
    }

    it('brings that of each task into a directory of its own', async () => {
      const { jobId, taskIds } = submitEnded(11)
      const into = join(dir, 'results')
      const { stdout, stderr, code } = await run('output', jobId, into)
      const dirs = taskIds.map((_, index) => join(into, String(index)))
      assert.deepEqual([stdout, stderr, code], [dirs.map((one) => `${one}\n`).join(''), '', 0])
      for (const [index, one] of dirs.entries()) assert.equal(readFileSync(join(one, 'number'), 'utf8'), String(index))
      const json = await run('output', '--json', jobId, into)
      const expected = taskIds.map((taskId, index) => ({ taskId, dir: dirs[index], notes: [] }))
      assert.deepEqual(JSON.parse(json.stdout), expected)
    })

    it('goes on when one cannot be had, and says how many never ran', async () => {
      const { jobId, taskIds } = submitEnded(3)
      status.operations.outputs.delete(taskIds[0]!)
      status.operations.end(taskIds[1]!, { state: 'cancelled', exit: undefined })
      const { stdout, stderr, code } = await run('output', jobId, join(dir, 'results'))
      assert.deepEqual([stdout, code], [`${join(dir, 'results', '2')}\n`, 1])
      assert.match(stderr, /^althing: the output of j1-0 could not be brought back: task j1-0 kept no output\n/)
      assert.match(stderr, /^1 of 3 tasks never ran, and left nothing\n$/m)
    })

    it('begins nothing before all have ended', async () => {
      const { jobId, taskIds } = submitEnded(2)
      status.operations.end(taskIds[1]!, { state: 'running' })
      const { stderr, code } = await run('output', jobId, join(dir, 'results'))
      assert.equal(stderr, 'althing: j1-1 has not ended: it is running\n  fix: `althing wait j1` first\n')
      assert.deepEqual([code, existsSync(join(dir, 'results'))], [1, false])
    })
  })

  it('why: the bargaining once, and the attempts of each task', async () => {
    const { jobId, taskIds } = submit(12)
    for (const taskId of taskIds) status.operations.end(taskId, {})
    const { stdout, stderr, code } = await run('why', jobId)
    assert.deepEqual([stderr, code], ['', 0])
    assert.match(stdout, /^job j1: 12 tasks\n/)
    assert.equal(stdout.match(/offer o1: 1 slot, asked attic, barn/g)?.length, 1)
    const told = stdout.match(/^task \S+: succeeded\nattempt 1 on barn\n/gm)
    assert.deepEqual(
      told,
      taskIds.map((taskId) => `task ${taskId}: succeeded\nattempt 1 on barn\n`),
    )
    const json = JSON.parse((await run('why', '--json', jobId)).stdout) as JobWhyView
    assert.deepEqual([json.jobId, json.story.length, json.tasks.map(({ taskId }) => taskId)], [jobId, 6, taskIds])
  })

  it('ps: names the job of each task', async () => {
    const { jobId, taskIds } = submit(2)
    const { stdout } = await run('ps')
    assert.match(stdout, /^TASK +JOB +NAME/)
    for (const taskId of taskIds) assert.match(stdout, new RegExp(`^${taskId} +${jobId} +sleep`, 'm'))
  })
})
