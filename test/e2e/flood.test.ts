/** A member that publishes a thousand records a second, each signed and new: it is throttled, then turned away. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { DaemonClient } from '../../src/cli/client.ts'
import { jobOf } from '../../src/cli/run/request.ts'
import type { JobAccepted, NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { readMetrics } from '../support/metrics.ts'
import { until } from '../support/until.ts'

const FLOODER = new URL('children/flooder.ts', import.meta.url).pathname

/** Some seconds by what `node/flood-guard.ts` allows; more, since other processes may have the machine. */
const CUT_WITHIN_MS = 20_000

const ON_VICTIM = { selector: 'seat=victim', count: 1 }

interface Flooded {
  readonly sent: number
  readonly cutAfterMs: number
  readonly isLetInAgain: boolean
}

describe('a member that floods', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('with a thousand records a second is turned away within seconds; others are heard and served', async () => {
    const env = { ALTHING_BEAT_MS: '200' }
    const victim = await startDaemon({ name: 'victim', args: ['--label', 'seat=victim'], env })
    const [honest, other] = (await Promise.all(
      ['honest', 'other'].map((name) => startDaemon({ name, join: [victim.address], env })),
    )) as [TestDaemon, TestDaemon]
    const all = [victim, honest, other]
    const isReady = async (daemon: TestDaemon) => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return all.every(({ name }) => nodes.some((node) => node.name === name && node.state === 'ready'))
    }
    for (const daemon of all) await eventually(`${daemon.name} to know all`, () => isReady(daemon))
    // Not by the command, whose own start takes a large part of the time that the flood lasts.
    const client = new DaemonClient(honest.socketPath)
    const run = async (): Promise<number> => {
      const startMs = performance.now()
      const { taskIds } = await client.post<JobAccepted>('/v1/jobs', jobOf(['true'], ON_VICTIM, undefined))
      const stateOf = async () => (await client.get<TaskView>(`/v1/tasks/${taskIds[0]}`)).state
      await until(
        'the task to end',
        async () => /^(succeeded|failed|timed-out|cancelled)$/.test(await stateOf()),
        60_000,
      )
      assert.equal(await stateOf(), 'succeeded')
      return performance.now() - startMs
    }
    const quietMs = Math.max(await run(), await run())

    const child = spawn(process.execPath, [FLOODER, victim.address, victim.status.peerId], { stdio: 'pipe' })
    let told = ''
    child.stdout.on('data', (data: Buffer) => (told += data.toString()))
    const ended = once(child, 'exit')
    await eventually('the flood to begin', () => told.startsWith('begins'))
    /** What each knows of the other two, by their heartbeats: how long they have been up. */
    const heard = async (): Promise<number[]> => {
      const views = all.map(async (daemon) => {
        const nodes = await daemon.get<NodeView[]>('/v1/nodes')
        const others = all.filter((one) => one !== daemon)
        return others.map(({ name }) => nodes.find((node) => node.name === name)!.uptimeMs!)
      })
      return (await Promise.all(views)).flat()
    }
    const heardBefore = await heard()
    let lastHeard = heardBefore
    const tookMs: number[] = []
    const isFlooding = () => child.exitCode === null && told.split('\n').length < 3
    const serve = async () => {
      while (isFlooding()) tookMs.push(await run())
    }
    const hear = async () => {
      while (isFlooding()) {
        const now = await heard()
        if (isFlooding()) lastHeard = now
      }
    }
    await Promise.all([serve(), hear()])
    await ended
    const { sent, cutAfterMs, isLetInAgain } = JSON.parse(told.split('\n')[2]!) as Flooded
    const value = await readMetrics(victim)
    assert.equal(value('peer_turned_away_total'), 1, `not turned away in ${cutAfterMs} ms`)
    assert.ok(value('refused_author_rate_limited_total') > 500, 'throttled before that')
    assert.ok(sent > 1_000, `${sent} records in ${cutAfterMs} ms`)
    assert.equal(isLetInAgain, false)
    assert.ok(cutAfterMs < CUT_WITHIN_MS, `turned away after ${cutAfterMs} ms`)
    for (const [at, uptimeMs] of lastHeard.entries())
      assert.ok(uptimeMs > heardBefore[at]!, `heartbeats stood still: ${heardBefore.join()} to ${lastHeard.join()}`)
    const slowestMs = Math.max(...tookMs)
    // Generous, since other processes may have the machine; one that is offered in its midst may wait for its end.
    assert.ok(slowestMs < quietMs + cutAfterMs + 3_000, `${slowestMs} ms against ${quietMs} before`)
    // What others say came through all the while: nobody was missed, no link to an honest one was lost.
    for (const daemon of all) {
      assert.ok(await isReady(daemon), `${daemon.name} misses somebody`)
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      for (const { name, heartbeatAgeMs } of nodes.filter((node) => all.some((one) => one.name === node.name)))
        assert.ok((heartbeatAgeMs ?? 0) < 15_000, `${daemon.name} heard ${name} ${heartbeatAgeMs} ms ago`)
    }
    const { peers } = await victim.get<StatusView>('/v1/status')
    assert.deepEqual(peers.toSorted(), [honest, other].map(({ status }) => status.peerId).toSorted())
    // Nobody else has turned anybody away: who passes on what was published does its duty.
    for (const daemon of [honest, other]) assert.equal((await readMetrics(daemon))('peer_turned_away_total'), 0)
  })
})
