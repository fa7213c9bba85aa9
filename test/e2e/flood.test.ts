/**
 * A member that publishes a thousand records a second, each signed and new, to one node after the other: each throttles
 * it and then turns it away. What others have to say to each other, and their work, goes on all the while.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { DaemonClient } from '../../src/cli/client.ts'
import { jobOf } from '../../src/cli/run/request.ts'
import type { JobAccepted, NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import { readTicket, redeemTicket } from '../../src/node/governance/porch.ts'
import { peerIdFromSeed } from '../../src/peer/identity.ts'
import { SILENT } from '../../src/util/logger.ts'
import { found, idOf, invite, linksOf, startClosed } from '../support/cluster.ts'
import { eventually, stopAll, type TestDaemon } from '../support/daemon.ts'
import type { Victim } from '../support/hostile-peer.ts'
import { readMetrics } from '../support/metrics.ts'
import { seedFor } from '../support/peers.ts'
import { until } from '../support/until.ts'
import type { Flooded, FloodOrder } from './children/flooder.ts'

const FLOODER = new URL('children/flooder.ts', import.meta.url).pathname
const NAMES = ['executor', 'submitter', 'bystander'] as const

/** Some seconds by what `node/flood-guard.ts` allows; more, since other processes may have the machine. */
const CUT_WITHIN_MS = 20_000
/** Of the time that a flood lasts: were heartbeats kept away by it, the last would be as old as that at its end. */
const OLDEST_SHARE = 2 / 3
const QUIET_MS = 2_000
/** Of the tasks that end in quiet times so many do in floods; half of the machine is taken by the flooder itself. */
const LEAST_SHARE = 1 / 10

/** How the honest fare: what their tasks take, and how old the heartbeats are that they have of each other. */
class Measure {
  readonly tookMs: number[] = []
  oldestMs = 0
  readonly #daemons: readonly TestDaemon[]
  readonly #client: DaemonClient

  constructor(daemons: readonly TestDaemon[]) {
    this.#daemons = daemons
    // Not by the command, whose own start takes a large part of the time that a flood lasts.
    this.#client = new DaemonClient(daemons[1]!.socketPath)
  }

  /** Measures as long as this is true; what ends later does not count. */
  async while(goesOn: () => boolean): Promise<this> {
    const serve = async () => {
      while (goesOn()) {
        const tookMs = await this.#task()
        if (goesOn()) this.tookMs.push(tookMs)
      }
    }
    const hear = async () => {
      while (goesOn()) {
        const oldestMs = await this.#oldestMs()
        if (goesOn()) this.oldestMs = Math.max(this.oldestMs, oldestMs)
      }
    }
    await Promise.all([serve(), hear()])
    return this
  }

  told(): string {
    const slowestMs = Math.round(Math.max(0, ...this.tookMs))
    return `${this.tookMs.length} tasks, ${slowestMs} ms at most, heartbeats ${this.oldestMs} ms old at most`
  }

  async #task(): Promise<number> {
    const startMs = performance.now()
    const job = jobOf(['true'], { selector: 'seat=executor', count: 1 }, undefined)
    const { taskIds } = await this.#client.post<JobAccepted>('/v1/jobs', job)
    const { state } = await this.#client.get<TaskView>(`/v1/tasks/${taskIds[0]}?wait=ended`)
    assert.equal(state, 'succeeded')
    return performance.now() - startMs
  }

  async #oldestMs(): Promise<number> {
    const ages = this.#daemons.map(async (daemon) => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      const others = NAMES.filter((name) => name !== daemon.name)
      return others.map((name) => nodes.find((node) => node.name === name)?.heartbeatAgeMs ?? Infinity)
    })
    return Math.max(...(await Promise.all(ages)).flat())
  }
}

/** Where a daemon listens as a member, which is elsewhere than before it joined. */
async function victimAt(daemon: TestDaemon): Promise<Victim> {
  const { peerId, addresses } = await daemon.get<StatusView>('/v1/status')
  return { address: addresses[0]!, status: { peerId } }
}

/** Lets a key in that no daemon has. */
async function admit(founder: TestDaemon, seed: Uint8Array): Promise<void> {
  const ticket = readTicket((await invite(founder)).ticket, Date.now())
  await redeemTicket({ seed, allowPublic: false, log: SILENT }, peerIdFromSeed(seed), ticket, Date.now)
}

describe('a member that floods', function () {
  this.timeout(120_000)
  afterEach(stopAll)

  it('with a thousand records a second is turned away within seconds; others are heard and served', async () => {
    const env = { ALTHING_BEAT_MS: '200' }
    const daemons = await Promise.all(NAMES.map((name) => startClosed(name, { env })))
    await found(daemons)
    const ids = await Promise.all(daemons.map(idOf))
    for (const [at, daemon] of daemons.entries()) {
      const others = ids.filter((_, other) => other !== at)
      await eventually(`${daemon.name} to be linked with all`, async () => {
        const links = await linksOf(daemon)
        return others.every((id) => links.includes(id))
      })
    }
    const seed = seedFor('below', ids.toSorted()[0]!)
    await admit(daemons[0]!, seed)

    const startMs = performance.now()
    const quiet = await new Measure(daemons).while(() => performance.now() < startMs + QUIET_MS)
    const { cluster } = await daemons[0]!.get<StatusView>('/v1/status')
    const targets = await Promise.all(daemons.map(victimAt))
    const order: FloodOrder = { seed: Buffer.from(seed).toString('hex'), cluster, targets }
    const child = spawn(process.execPath, [FLOODER, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const told: string[] = []
    createInterface(child.stdout).on('line', (line) => told.push(line))
    const ended = once(child, 'exit')
    let [served, servedInMs] = [0, 0]
    for (const [at, name] of NAMES.entries()) {
      await until(`the flood of the ${name} to begin`, () => told.length > 2 * at, 30_000)
      const flooded = await new Measure(daemons).while(() => told.length === 2 * at + 1)
      const { sent, cutAfterMs, isLetInAgain } = JSON.parse(told[2 * at + 1]!) as Flooded
      const figures = `${name}, ${cutAfterMs} ms of flood: ${flooded.told()}; ${QUIET_MS} ms without: ${quiet.told()}`
      console.log(`      ${figures}`)
      assert.ok(sent > 1_000, `${sent} records in ${cutAfterMs} ms`)
      assert.ok(cutAfterMs < CUT_WITHIN_MS, figures)
      assert.equal(isLetInAgain, false)
      servedInMs += cutAfterMs
      served += flooded.tookMs.length
      assert.ok(flooded.oldestMs < OLDEST_SHARE * cutAfterMs, `somebody was not heard: ${figures}`)
    }
    await ended
    // Each of them submitted in the midst of a flood, awarded, and ended before its end.
    const share = served / servedInMs / (quiet.tookMs.length / QUIET_MS)
    assert.ok(share > LEAST_SHARE, `${served} tasks in ${servedInMs} ms of flood; ${quiet.told()} without`)
    for (const [at, daemon] of daemons.entries()) {
      const value = await readMetrics(daemon)
      assert.equal(value('peer_turned_away_total'), 1, 'who passes on what was published does its duty')
      assert.ok(value('refused_author_rate_limited_total') > 500, 'throttled before that')
      const others = ids.filter((_, other) => other !== at)
      assert.deepEqual((await linksOf(daemon)).toSorted(), others.toSorted(), 'no link to an honest one was lost')
    }
  })
})
