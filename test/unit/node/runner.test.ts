import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
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
import { systemClock } from '../../../src/util/clock.ts'
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

  function make(options: Partial<RunnerOptions> = {}): Runner {
    const driver: Partial<TaskDriver> = {
      start: (order) => {
        orders.push(order)
        return Promise.resolve({ pid: 1, startedAtMs: 1, enforcement: { cpu: 'none', memory: 'none' } })
      },
      wait: () => wait(),
      stop: () => Promise.resolve(),
      outputPath: () => dir,
    }
    runner = new Runner({
      self: 'us',
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
})
