import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, type Duplex } from 'node:stream'
import type { StartOrder, TaskDriver } from '../../../src/drivers/driver.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import type { TaskExit } from '../../../src/model/task.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import { BundleError, BundleStore } from '../../../src/node/bundle-store.ts'
import { Runner, type RunnerOptions } from '../../../src/node/runner.ts'
import { serveBundle } from '../../../src/node/streams/bundle-stream.ts'
import { writeMessage } from '../../../src/node/streams/framing.ts'
import { manualClock, systemClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { streamPair } from '../../support/streams.ts'
import { until } from '../../support/until.ts'

const RUN = 'tag.task.1'
const DATA = randomBytes(10_000)
const SHA = createHash('sha256').update(DATA).digest('hex')
const EXIT: TaskExit = { exitCode: 0, startedAtMs: 1, endedAtMs: 2 }

function contractOf(spec: object = {}): ContractState {
  const whole = { command: ['true'], env: {}, limits: {}, timeoutMs: 60_000, graceMs: 0, logCapBytes: 1, output: false }
  return {
    runId: RUN,
    taskId: 'task',
    attempt: 1,
    submitter: 'them',
    bidId: 'b',
    phase: 'accepted',
    acceptedAtMs: 0,
    leaseUntilMs: 0,
    spec: { ...whole, ...spec } as unknown as ContractState['spec'],
  }
}
const INPUT = { input: { sha256: SHA, sizeBytes: DATA.length } }

describe('the runner', function () {
  this.timeout(10_000)
  let dir: string
  let bundles: BundleStore
  let far: BundleStore
  let inputs: MeshInput[]
  let orders: StartOrder[]
  let runner: Runner
  let wait: () => Promise<TaskExit>

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'althing-runner-'))
    bundles = new BundleStore({ dir: join(dir, 'here') })
    far = new BundleStore({ dir: join(dir, 'there') })
    await bundles.open()
    await far.open()
    inputs = []
    orders = []
    wait = () => Promise.resolve(EXIT)
  })
  afterEach(() => {
    runner.close()
    rmSync(dir, { recursive: true, force: true })
  })

  function make(options: Partial<RunnerOptions> = {}, outputPath = dir): Runner {
    const driver: Partial<TaskDriver> = {
      start: (order) => {
        orders.push(order)
        return Promise.resolve({ pid: 1, startedAtMs: 1, enforcement: { cpu: 'none', memory: 'none' } })
      },
      wait: () => wait(),
      stop: () => Promise.resolve(),
      outputPath: () => outputPath,
    }
    runner = new Runner({
      self: 'us',
      mayStart: () => true,
      driver: driver as TaskDriver,
      bundles,
      clock: systemClock(),
      log: SILENT,
      input: (input) => void inputs.push(input),
      openBundleStream: served,
      ...options,
    })
    return runner
  }
  /** A holder that has what is in `far`. */
  const served = (): Promise<Duplex> => {
    const [near, there] = streamPair()
    void serveBundle(there, far)
    return Promise.resolve(near)
  }
  /** A holder that accepts the stream and says nothing. */
  const silent = (): Promise<Duplex> => Promise.resolve(streamPair()[0])
  const ended = async () => {
    await until('the end of the run', () => inputs.some(({ type }) => type === 'run-ended'))
    const input = inputs.find(({ type }) => type === 'run-ended')
    assert.ok(input?.type === 'run-ended')
    return input.exit
  }

  it('begins nothing before it is opened', async () => {
    await far.add(Readable.from([DATA]))
    let opened = 0
    make({ openBundleStream: () => (opened++, served()) })
    runner.start(contractOf(INPUT))
    await new Promise((turn) => setImmediate(turn))
    assert.deepEqual([opened, orders.length], [0, 0])
    runner.open()
    assert.equal((await ended()).exitCode, 0)
    assert.equal(orders[0]?.inputTarPath, bundles.path(SHA))
  })

  it('ends a run whose input is still on the way, and never starts it', async () => {
    make({ openBundleStream: silent }).open()
    runner.start(contractOf(INPUT))
    await new Promise((turn) => setImmediate(turn))
    runner.stop(RUN, 'cancelled', 0)
    const { exitCode, killedFor } = await ended()
    assert.deepEqual([exitCode, killedFor, orders.length], [143, 'cancelled', 0])
  })

  it('ends a run that waits for its turn', async () => {
    make().open()
    runner.start(contractOf())
    runner.stop(RUN, 'lost', 0)
    assert.deepEqual([(await ended()).killedFor, orders.length], ['lost', 0])
  })

  it('makes no process of a run that the policy forbids once its input is here', async () => {
    await far.add(Readable.from([DATA]))
    const asked: string[] = []
    make({ openBundleStream: served, mayStart: (runId) => (asked.push(runId), false) }).open()
    runner.start(contractOf(INPUT))
    const { exitCode, killedFor, startError } = await ended()
    assert.deepEqual([exitCode, killedFor, orders.length], [143, 'policy', 0])
    assert.match(startError!, /the policy of its node forbade it/)
    assert.deepEqual(asked, [RUN])
  })

  it('isolates what became to be isolated while its input was on its way', async () => {
    const contract = contractOf()
    make({ mayStart: () => ((contract.isolation = 'bwrap'), true), isolatedNetwork: true }).open()
    runner.start(contract)
    await ended()
    assert.deepEqual(
      orders.map(({ isolation }) => isolation),
      [{ network: true }],
    )
  })

  it('counts the way of the input against the time of the task', async () => {
    make({ openBundleStream: silent }).open()
    runner.start(contractOf({ ...INPUT, timeoutMs: 50 }))
    const { exitCode, killedFor } = await ended()
    assert.deepEqual([exitCode, killedFor, orders.length], [143, 'timeout', 0])
  })

  it('breaks off a transfer that stands still', async () => {
    make({ openBundleStream: silent, idleMs: 20, inputPatienceMs: 30 }).open()
    runner.start(contractOf(INPUT))
    const { exitCode, startError } = await ended()
    assert.equal(exitCode, 126)
    assert.match(startError!, /no byte came for 0.02 s/)
  })

  it('asks again for an input while its submitter cannot be reached, not once it says that there is none', async () => {
    let asked = 0
    make({
      openBundleStream: async () => {
        if (++asked === 1) throw new Error('unreachable')
        return served()
      },
    }).open()
    runner.start(contractOf(INPUT))
    const { exitCode, startError } = await ended()
    assert.deepEqual([asked, exitCode], [2, 126])
    assert.match(startError!, /no such bundle here/)
  })

  it('refuses an input larger than its order says', async () => {
    let asked = 0
    make({
      openBundleStream: () => {
        asked++
        const [near, liar] = streamPair()
        liar.once('data', () => void writeMessage(liar, { sizeBytes: DATA.length + 1 }))
        return Promise.resolve(near)
      },
    }).open()
    runner.start(contractOf(INPUT))
    assert.match((await ended()).startError!, /were agreed on/)
    assert.equal(asked, 1)
  })

  it('reports a run lost that the driver cannot follow', async () => {
    wait = () => Promise.reject(new Error('the folder is gone'))
    make().open()
    runner.start(contractOf())
    const { exitCode, killedFor } = await ended()
    assert.deepEqual([exitCode, killedFor], [137, 'lost'])
  })

  it('packs an output once there is room for it again', async () => {
    let full = true
    const store = Object.create(bundles) as BundleStore
    store.add = (source) => {
      if (!full) return bundles.add(source)
      full = false
      source.destroy()
      return Promise.reject(new BundleError('disk-full', 'the disk is full'))
    }
    make({ bundles: store }).open()
    runner.start(contractOf({ output: true }))
    const { outputSha256 } = await ended()
    assert.ok(bundles.has(outputSha256!))
  })

  describe('with an output that cannot be packed as it is', () => {
    /** A store whose disk does not answer. */
    const stuck = (): { store: BundleStore; asked: () => number } => {
      const store = Object.create(bundles) as BundleStore
      let asked = 0
      store.add = () => (asked++, new Promise(() => {}))
      return { store, asked: () => asked }
    }

    it('leaves out a pipe beside a directory, and says so', async () => {
      execFileSync('sh', ['-c', 'mkfifo ff; mkdir d'], { cwd: dir })
      make().open()
      runner.start(contractOf({ output: true }))
      const { outputSha256, outputNote } = await ended()
      assert.ok(bundles.has(outputSha256!))
      assert.equal(outputNote, 'left out: ff (a named pipe)')
    })

    it('tells the end of the run without it when packing stands still', async () => {
      const { store, asked } = stuck()
      make({ bundles: store, packIdleMs: 20 }).open()
      runner.start(contractOf({ output: true }))
      assert.deepEqual(await ended(), { ...EXIT, outputNote: 'nothing could be read for 0.02 s' })
      assert.equal(asked(), 1)
    })

    it('tells it at once when the task is cancelled meanwhile, or given up', async () => {
      for (const [why, words] of [
        ['cancelled', 'the task was cancelled meanwhile'],
        ['lost', 'its submitter gave this attempt up meanwhile'],
      ] as const) {
        inputs.length = 0
        const { store, asked } = stuck()
        make({ bundles: store }).open()
        runner.start(contractOf({ output: true }))
        await until('the packing', () => asked() > 0)
        runner.stop(RUN, why, 0)
        assert.deepEqual(await ended(), { ...EXIT, outputNote: words })
        runner.close()
      }
    })

    it('leaves nothing of what was packed so far when it is cancelled', async () => {
      const here = join(dir, 'here')
      const output = join(dir, 'output')
      mkdirSync(output)
      writeFileSync(join(output, 'sparse'), '')
      truncateSync(join(output, 'sparse'), 3 * 1024 ** 3)
      make({}, output).open()
      runner.start(contractOf({ output: true }))
      await until('some of it', () => readdirSync(here).some((name) => name.endsWith('.part')))
      runner.stop(RUN, 'cancelled', 0)
      assert.deepEqual(await ended(), { ...EXIT, outputNote: 'the task was cancelled meanwhile' })
      await until('the part to be gone', () => readdirSync(here).length === 0)
    })

    it('waits for it no longer than the time of the task, and a little more', async () => {
      make({ bundles: stuck().store, packLeastMs: 20 }).open()
      runner.start(contractOf({ output: true, timeoutMs: 1 }))
      assert.deepEqual(await ended(), { ...EXIT, outputNote: 'the time of the task ran out meanwhile' })
    })

    it('does not pack it again when it is too large', async () => {
      const store = Object.create(bundles) as BundleStore
      let asked = 0
      store.add = (source) => {
        asked++
        source.destroy()
        return Promise.reject(new BundleError('too-large', 'the bundle is larger than 3 bytes'))
      }
      make({ bundles: store }).open()
      runner.start(contractOf({ output: true }))
      assert.deepEqual(await ended(), { ...EXIT, outputNote: 'the bundle is larger than 3 bytes' })
      assert.equal(asked, 1)
    })
  })

  it('goes on asking for an output, and gives up at once when its executor has it no more', async () => {
    await far.add(Readable.from([DATA]))
    let asked = 0
    make({
      openBundleStream: async () => {
        if (++asked <= 2) throw new Error('unreachable')
        return served()
      },
    }).open()
    const order = { type: 'fetch-output', taskId: 't', node: 'them', runId: RUN } as const
    const fetched = (taskId: string) =>
      until(taskId, () => inputs.some((input) => 'taskId' in input && input.taskId === taskId))
    runner.fetchOutput({ ...order, sha256: SHA, sizeBytes: DATA.length } satisfies MeshEffect)
    await fetched('t')
    assert.deepEqual(inputs, [{ type: 'output-fetched', taskId: 't', ok: true }])
    runner.fetchOutput({ ...order, taskId: 'u', sha256: '0'.repeat(64), sizeBytes: 1 })
    await fetched('u')
    assert.deepEqual([asked, inputs[1]], [4, { type: 'output-fetched', taskId: 'u', ok: false }])
  })

  describe('with much to fetch', () => {
    const bytes = (n: number) => Buffer.alloc(100, n)
    const hashOf = (data: Buffer) => createHash('sha256').update(data).digest('hex')
    const turn = () => new Promise((resolve) => setImmediate(resolve))

    /** A network on which each stream says whose it is, and is served once the test wants it. */
    function network() {
      const opened: { from: string; serve: () => void }[] = []
      const openBundleStream = (from: string): Promise<Duplex> => {
        const [near, there] = streamPair()
        opened.push({ from, serve: () => void serveBundle(there, far) })
        return Promise.resolve(near)
      }
      return { opened, openBundleStream, from: () => opened.map(({ from }) => from) }
    }
    const fetched = () => inputs.flatMap((input) => (input.type === 'output-fetched' && input.ok ? [input.taskId] : []))

    it('fetches two outputs of one executor at once, in order, and those of another beside them', async () => {
      const { opened, openBundleStream, from } = network()
      make({ openBundleStream }).open()
      for (let n = 0; n < 5; n++) {
        await far.add(Readable.from([bytes(n)]))
        const node = n === 4 ? 'other' : 'them'
        const order = { type: 'fetch-output', node, runId: RUN, sha256: hashOf(bytes(n)), sizeBytes: 100 } as const
        runner.fetchOutput({ ...order, taskId: `t${n}` })
      }
      await turn()
      assert.deepEqual(from(), ['them', 'them', 'other'])
      opened[1]!.serve()
      await until('the next', () => opened.length === 4)
      assert.deepEqual(fetched(), ['t1'])
      for (const { serve } of opened.slice(2)) serve()
      await until('the last', () => opened.length === 5)
      opened[4]!.serve()
      opened[0]!.serve()
      await until('all outputs', () => fetched().length === 5)
      assert.deepEqual(fetched().toSorted(), ['t0', 't1', 't2', 't3', 't4'])
    })

    it('never has more than eight under way, of however many executors', async () => {
      const { opened, openBundleStream } = network()
      make({ openBundleStream }).open()
      for (let n = 0; n < 20; n++) {
        const order = { type: 'fetch-output', runId: RUN, sha256: hashOf(bytes(n)), sizeBytes: 100 } as const
        runner.fetchOutput({ ...order, node: `n${n}`, taskId: `t${n}` })
      }
      await turn()
      assert.equal(opened.length, 8)
    })

    it('fetches an input once for all runs of a batch', async () => {
      await far.add(Readable.from([DATA]))
      const { opened, openBundleStream } = network()
      make({ openBundleStream }).open()
      for (let n = 0; n < 6; n++) runner.start({ ...contractOf(INPUT), runId: `tag.task-${n}.1` })
      await until('the transfer', () => opened.length > 0)
      // All six are started, one a turn, before it is served.
      for (let n = 0; n < 10; n++) await turn()
      assert.equal(opened.length, 1)
      opened[0]!.serve()
      await until('all starts', () => orders.length === 6)
      assert.equal(opened.length, 1)
    })

    it('does not take waiting for a turn for silence', async () => {
      for (const data of [bytes(0), bytes(1), bytes(2)]) await far.add(Readable.from([data]))
      const { opened, openBundleStream } = network()
      const clock = manualClock(1)
      let asked = 0
      make({
        clock,
        inputPatienceMs: 1_000,
        openBundleStream: (from) => (++asked === 3 ? Promise.reject(new Error('unreachable')) : openBundleStream(from)),
      }).open()
      for (const n of [0, 1, 2]) {
        const spec = { input: { sha256: hashOf(bytes(n)), sizeBytes: 100 } }
        runner.start({ ...contractOf(spec), runId: `tag.task-${n}.1` })
      }
      await until('two transfers', () => opened.length === 2)
      for (let n = 0; n < 5; n++) await turn()
      clock.advance(5_000)
      opened[0]!.serve()
      // The first try of the third fails, after 5 s in which it had not begun.
      await until('its second try', () => opened.length === 3)
      opened[2]!.serve()
      await until('the start of the third', () => orders.length === 2)
      assert.equal(asked, 4)
    })

    it('tells how far an input has come, to each run that waits for it', async () => {
      const [near, holder] = streamPair()
      make({ openBundleStream: () => Promise.resolve(near), progressMs: 5 }).open()
      for (const n of [1, 2]) runner.start({ ...contractOf(INPUT), runId: `tag.task-${n}.1` })
      const told = () =>
        inputs.flatMap((input) => (input.type === 'run-fetching' ? [[input.runId, input.fetchedBytes]] : []))
      holder.once('data', () => {
        void writeMessage(holder, { sizeBytes: DATA.length }).then(() => holder.write(DATA.subarray(0, 4_000)))
      })
      await until('news of both', () => told().length >= 2)
      holder.write(DATA.subarray(4_000, 6_000))
      await until('more news', () => told().length >= 4)
      const lines = told().map(([runId, bytesHere]) => `${runId} ${bytesHere}`)
      assert.deepEqual(lines.toSorted(), [
        'tag.task-1.1 4000',
        'tag.task-1.1 6000',
        'tag.task-2.1 4000',
        'tag.task-2.1 6000',
      ])
      holder.end(DATA.subarray(6_000))
      await until('both starts', () => orders.length === 2)
    })
  })
})
