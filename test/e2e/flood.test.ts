/** A member that publishes a thousand records a second, each signed and new: it is throttled, then turned away. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { readMetrics } from '../support/metrics.ts'

const FLOODER = new URL('children/flooder.ts', import.meta.url).pathname

interface Flooded {
  readonly sent: number
  readonly cutAfterMs: number
  readonly isLetInAgain: boolean
}

describe('a member that floods', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('with a thousand records a second: others are served and heard as before, and it is turned away', async () => {
    const victim = await startDaemon({ name: 'victim', args: ['--label', 'seat=victim'] })
    const [honest, other] = (await Promise.all(
      ['honest', 'other'].map((name) => startDaemon({ name, join: [victim.address] })),
    )) as [TestDaemon, TestDaemon]
    const all = [victim, honest, other]
    const isReady = async (daemon: TestDaemon) => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return all.every(({ name }) => nodes.some((node) => node.name === name && node.state === 'ready'))
    }
    for (const daemon of all) await eventually(`${daemon.name} to know all`, () => isReady(daemon))
    const run = async (): Promise<number> => {
      const startMs = performance.now()
      const { code, stdout, stderr } = await honest.cli('run', '-q', '-l', 'seat=victim', '--', 'echo', 'served')
      assert.deepEqual([code, stdout], [0, 'served\n'], stderr)
      return performance.now() - startMs
    }
    const quietMs = Math.max(await run(), await run())

    const child = spawn(process.execPath, [FLOODER, victim.address, victim.status.peerId], { stdio: 'pipe' })
    let told = ''
    child.stdout.on('data', (data: Buffer) => (told += data.toString()))
    const ended = once(child, 'exit')
    await eventually('the flood to begin', () => told.startsWith('begins'))
    const tookMs: number[] = []
    while (child.exitCode === null) tookMs.push(await run())
    await ended
    const { sent, cutAfterMs, isLetInAgain } = JSON.parse(told.split('\n')[1]!) as Flooded
    const value = await readMetrics(victim)
    assert.equal(value('peer_turned_away_total'), 1, `not turned away in ${cutAfterMs} ms`)
    assert.ok(value('refused_author_rate_limited_total') > 500, 'throttled before that')
    assert.ok(sent > 1_000, `${sent} records in ${cutAfterMs} ms`)
    assert.equal(isLetInAgain, false)
    const slowestMs = Math.max(...tookMs)
    console.log(
      `      turned away after ${cutAfterMs} ms and ${sent} records; tasks took ` +
        `${tookMs.map(Math.round).join(', ')} ms, ${Math.round(quietMs)} before`,
    )
    // Generous, since other processes may have the machine: a task that waits for the flood to end takes longer.
    assert.ok(slowestMs < 15_000 + quietMs, `${slowestMs} ms against ${quietMs} before`)
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
