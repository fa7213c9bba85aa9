/**
 * A peer that means harm, and a real daemon on an open cluster. What the daemon refuses it counts, and it costs
 * nobody but the peer: after all of it the daemon is there, has not grown, and runs an honest peer's task at once.
 * What one bad frame does to a link is shown in `test/unit/peer/junk.test.ts`, what the core makes of bad bargains
 * in `test/unit/negotiation/hostile.test.ts`; here they meet the daemon as it is shipped.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { FoundView, NodeView, TaskView } from '../../src/model/api.ts'
import type { WhyView } from '../../src/model/why-view.ts'
import { runIdOf } from '../../src/negotiation/state.ts'
import { MAX_STREAM_MESSAGE_BYTES, MessageReader } from '../../src/node/streams/framing.ts'
import { streamDuplex } from '../../src/peer/duplex.ts'
import { MAX_FRAME_BYTES } from '../../src/wire/limits.ts'
import { BUNDLE_PROTOCOL, CONTROL_PROTOCOL, TASK_PROTOCOL } from '../../src/wire/protocols.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { closed, hostilePeer, stopHostilePeers } from '../support/hostile-peer.ts'
import { framed, HEARTBEAT, machineRecord, passportOf, promised, SPEC } from '../support/hostile-words.ts'
import { readMetrics } from '../support/metrics.ts'
import { seedFor } from '../support/peers.ts'
import { until } from '../support/until.ts'

/** What all of it together may leave in the daemon's memory, most of it the runtime's own slack. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024

interface Told {
  readonly exit?: { readonly exitCode: number; readonly startError: string }
}

describe('a hostile peer, and a daemon on an open cluster', function () {
  this.timeout(120_000)
  let victim: TestDaemon
  let honest: TestDaemon
  let grownFromBytes: number

  const metrics = () => readMetrics(victim)
  const refused = async (code: string) => (await metrics())(`refused_${code}_total`)

  /** The proof that all is well: the honest peer's task runs on the victim. */
  async function stillServes(): Promise<void> {
    const { code, stdout, stderr } = await honest.cli('run', '-q', '-l', 'who=victim', '--', 'echo', 'served')
    assert.deepEqual([code, stdout], [0, 'served\n'], `${stderr}\n${victim.output()}`)
  }

  before(async () => {
    victim = await startDaemon({ name: 'victim', args: ['--label', 'who=victim', '--log-level', 'warn'] })
    honest = await startDaemon({ name: 'honest', join: [victim.address] })
    await eventually('both to know each other', async () => {
      const ready = (await honest.get<NodeView[]>('/v1/nodes')).filter(({ state }) => state === 'ready')
      return ready.length === 2
    })
    await stillServes()
    grownFromBytes = (await metrics())('process_resident_memory_bytes')
  })
  afterEach(stopHostilePeers)
  after(stopAll)

  it('junk on every protocol it speaks ends a stream, or a link, and is counted', async () => {
    const protocols = await (await hostilePeer(victim)).protocols()
    assert.ok([CONTROL_PROTOCOL, TASK_PROTOCOL, BUNDLE_PROTOCOL, '/meshsub/1.1.0'].every((p) => protocols.includes(p)))
    for (const protocol of protocols) {
      const peer = await hostilePeer(victim)
      for (const junk of [randomBytes(4_096), Buffer.alloc(4_096), Buffer.alloc(4_096, 0xff)]) {
        const stream = await peer.open(protocol)
        // One that is not for such a connection is reset before a word is said.
        if (stream.status === 'open') stream.send(junk)
        // Of what is still open it has heard the end, at least.
        await stream.close().catch(() => {})
      }
      await peer.stop()
    }
    await until('it to be counted', async () => {
      const value = await metrics()
      const gossip = value('peer_gossip_malformed_rpcs_total') + value('peer_gossip_stream_errors_total')
      return value('peer_control_violations_total') >= 1 && gossip >= 1 && value('peer_streams_open') === 0
    })
    await stillServes()
  })

  it('frames over their cap, and frames within it that are nothing', async () => {
    const before = await metrics()
    const peer = await hostilePeer(victim)
    const head = Buffer.alloc(4)
    for (const protocol of [TASK_PROTOCOL, BUNDLE_PROTOCOL]) {
      for (const length of [MAX_STREAM_MESSAGE_BYTES + 1, 0xffff_ffff]) {
        head.writeUInt32BE(length)
        const stream = await peer.open(protocol)
        stream.send(Buffer.concat([head, Buffer.alloc(1_000)]))
        await closed(stream)
      }
    }
    const gossip = await peer.open('/meshsub/1.1.0')
    gossip.send(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x01]))
    // Lists in lists, as many as the cap has bytes.
    for (let n = 0; n < 50; n++) peer.sendBytes(promised(MAX_FRAME_BYTES, MAX_FRAME_BYTES))
    peer.send('capacity', { free: SPEC.resources })
    await until(
      'nesting to be refused',
      async () => (await refused('too_deep')) - before('refused_too_deep_total') === 50,
    )
    peer.sendBytes(promised(MAX_FRAME_BYTES + 1, 10))
    await until('the violation', async () => {
      const value = await metrics()
      return value('peer_control_violations_total') > before('peer_control_violations_total')
    })
    await stillServes()
  })

  it('half frames and then silence, and thousands of streams: what is open at once has a bound', async () => {
    const silent = await hostilePeer(victim)
    silent.sendBytes(promised(MAX_FRAME_BYTES, 1_000))
    const halves = await Promise.all([TASK_PROTOCOL, BUNDLE_PROTOCOL].map((protocol) => silent.open(protocol)))
    for (const stream of halves) stream.send(Buffer.from([0, 0]))
    const greedy = await hostilePeer(victim)
    const refusedBefore = (await metrics())('peer_streams_refused_total')
    for (let turn = 0; turn < 30; turn++) {
      const protocol = turn % 2 === 0 ? TASK_PROTOCOL : BUNDLE_PROTOCOL
      await Promise.allSettled(Array.from({ length: 100 }, () => greedy.open(protocol)))
      const open = (await metrics())('peer_streams_open')
      assert.ok(open <= 32 + halves.length, `${open} streams are open`)
    }
    assert.ok((await metrics())('peer_streams_refused_total') > refusedBefore)
    await stillServes()
    await greedy.stop()
    // Nobody who is silent keeps a stream: ten seconds are the limit.
    await Promise.all(halves.map(closed))
    await until('all streams to be let go', async () => (await metrics())('peer_streams_open') === 0, 15_000)
  })

  it('a flood of frames is not worked off', async () => {
    const before = await refused('rate_limited')
    const peer = await hostilePeer(victim)
    for (let n = 0; n < 20_000; n++) peer.send('capacity', { free: SPEC.resources })
    await until('the flood to be dropped', async () => (await refused('rate_limited')) > before, 15_000)
    await stillServes()
  })

  it('an award for an offer never made is refused, and a message that somebody else signed is not taken', async () => {
    const peer = await hostilePeer(victim)
    const other = await hostilePeer(victim)
    const grants = [{ taskId: 'mine', attempt: 1 }]
    const award = { offerId: 'none-00000000', bidId: 'nobid', grants, leaseMs: 30_000 }
    const before = await refused('foreign_author')
    peer.sendFrame({ t: 'award', e: other.seal({ kind: 'award', name: '', body: award }) })
    peer.send('award', award)
    const { accepted, refused: why } = await peer.hears('contract')
    assert.deepEqual(accepted, [])
    assert.deepEqual(why, [{ ...grants[0], reason: 'the hold of this bid has expired or was released' }])
    assert.equal((await refused('foreign_author')) - before, 1)
    assert.deepEqual(
      other.heard.filter(({ t }) => t === 'contract'),
      [],
    )
    assert.ok(!(await victim.get<TaskView[]>('/v1/tasks?all=true')).some(({ taskId }) => taskId === 'mine'))
  })

  it('an offer and an award, replayed: by another not taken, by their author in vain after its end', async () => {
    const seed = seedFor('below', victim.status.peerId)
    const author = await hostilePeer(victim, { seed })
    const thief = await hostilePeer(victim)
    const [offerId, attempt] = ['replay-00000000', { taskId: 'replay', attempt: 1 }]
    const offer = author.seal({ kind: 'offer', name: '', body: { offerId, jobId: 'replay', slots: 1, spec: SPEC } })
    author.sendFrame({ t: 'offer', e: offer })
    const { bidId } = await author.hears('bid')
    const granted = { offerId, bidId, grants: [attempt], leaseMs: 30_000 }
    const award = author.seal({ kind: 'award', name: '', body: granted })
    author.sendFrame({ t: 'award', e: award })
    assert.deepEqual((await author.hears('contract'))['accepted'], [attempt])
    await author.hears('report', ({ reports }) => (reports as Told[]).some(({ exit }) => exit?.exitCode === 0))
    const before = await refused('foreign_author')
    thief.sendFrame({ t: 'offer', e: offer })
    thief.sendFrame({ t: 'award', e: award })
    await until('both to be refused', async () => (await refused('foreign_author')) - before === 2)
    author.send('settle', { attempts: [attempt] })
    author.send('release', { bidId })
    await until('it to be put away', async () => (await metrics())('contracts') === 0)
    await author.stop()

    const risen = await hostilePeer(victim, { seed })
    risen.sendFrame({ t: 'award', e: award })
    const { accepted, refused: why } = await risen.hears('contract')
    assert.deepEqual([accepted, why], [[], [{ ...attempt, reason: 'this attempt has ended and was settled' }]])
    risen.sendFrame({ t: 'offer', e: offer })
    const again = await risen.hears('bid')
    assert.notEqual(again['bidId'], bidId)
    risen.send('release', { bidId: again['bidId'] })
    await until('its share to be free again', async () => (await metrics())('cpu_reserved_cores') === 0)
    assert.equal((await metrics())('contracts'), 0)
    assert.deepEqual(
      thief.heard.filter(({ t }) => t === 'bid' || t === 'contract'),
      [],
    )
  })

  it("a bid for somebody else's offer is released, and never awarded", async () => {
    const trap = await hostilePeer(victim)
    const thief = await hostilePeer(victim)
    await trap.publish('records', trap.seal(machineRecord(trap.id, { who: 'trap' })))
    await trap.publish('pulse', trap.seal(HEARTBEAT))
    await eventually('the trap to count as a machine', async () =>
      (await victim.get<NodeView[]>('/v1/nodes')).some(({ peerId, state }) => peerId === trap.id && state === 'ready'),
    )
    const { stdout } = await victim.cli('run', '--detach', '-l', 'who=trap', '--', 'true')
    const { offerId } = await trap.hears('offer')
    const terms = {
      freeAfter: SPEC.resources,
      capacity: SPEC.resources,
      cpuRatio: 0,
      running: 0,
      warm: true,
      startEtaMs: 0,
    }
    thief.send('bid', { offerId, bidId: 'stolen', slots: 1, holdMs: 60_000, terms })
    assert.deepEqual(await thief.hears('release'), { bidId: 'stolen' })
    const why = await victim.get<WhyView>(`/v1/tasks/${stdout.trim()}/why`)
    assert.ok(!why.story.some((line) => line.kind === 'bid' || line.kind === 'awarded'), JSON.stringify(why.story))
    assert.ok(!thief.heard.some(({ t }) => t === 'offer' || t === 'award'))
    assert.equal((await victim.cli('cancel', stdout.trim())).code, 0)
  })

  it("another's task: no log of it, no release, no cancel, no settlement, no end of its lease", async () => {
    const { stdout } = await honest.cli(
      'run',
      '--detach',
      '-l',
      'who=victim',
      '--',
      'sh',
      '-c',
      'echo secret; sleep 600',
    )
    const taskId = stdout.trim()
    const state = async () => (await honest.get<TaskView>(`/v1/tasks/${taskId}`)).state
    await eventually('it to run', async () => (await state()) === 'running')
    const { bidId } = (await honest.get<WhyView>(`/v1/tasks/${taskId}/why`)).attempts[0]!
    const attempts = [{ taskId, attempt: 1 }]

    const peer = await hostilePeer(victim)
    for (const submitter of [honest.status.peerId, peer.id]) {
      const stream = await peer.open(TASK_PROTOCOL)
      stream.send(framed({ runId: runIdOf(submitter, taskId, 1), stdout: 0, stderr: 0, follow: false }))
      const answer = new MessageReader(streamDuplex(stream))
      assert.deepEqual(await answer.next(), { error: 'no such run here' })
    }
    peer.send('release', { bidId })
    peer.send('cancel', { attempts, why: 'cancelled' })
    peer.send('cancel', { attempts, why: 'lost' })
    peer.send('settle', { attempts })
    const exit = { exitCode: 0, startedAtMs: 0, endedAtMs: 1 }
    peer.send('report', { reports: [{ ...attempts[0], phase: 'ended', exit }] })
    peer.send('award', { offerId: 'none-00000000', bidId, grants: attempts, leaseMs: 1 })
    peer.send('renew', { attempts, leaseMs: 0 })
    // Its answer comes after everything before it was taken in.
    assert.deepEqual(await peer.hears('renewed'), { unknown: attempts })
    assert.deepEqual((await peer.hears('contract'))['accepted'], [])
    assert.equal(await state(), 'running')
    assert.equal((await metrics())('contracts'), 1)
    await honest.cli('cancel', taskId)
    assert.equal((await honest.get<TaskView>(`/v1/tasks/${taskId}?wait=ended`)).state, 'cancelled')
  })

  it('a bundle whose bytes are not what was named fails the task, says so, and leaves nothing behind', async () => {
    const kept = () => [readdirSync(join(victim.dataDir, 'bundles')), readdirSync(join(victim.dataDir, 'runs'))]
    const before = kept()
    const peer = await hostilePeer(victim)
    const bytes = randomBytes(50_000)
    await peer.node.handle(BUNDLE_PROTOCOL, (stream) => {
      const answer = () => {
        stream.send(framed({ sizeBytes: bytes.length }))
        stream.send(bytes)
        void stream.close()
      }
      stream.addEventListener('message', answer, { once: true })
    })
    const sha256 = createHash('sha256').update('something else').digest('hex')
    const input = { sha256, sizeBytes: bytes.length }
    const offerId = 'lie-00000000'
    peer.send('offer', { offerId, jobId: 'lie', slots: 1, spec: { ...SPEC, input } })
    const { bidId } = await peer.hears('bid')
    peer.send('award', { offerId, bidId, grants: [{ taskId: 'lie', attempt: 1 }], leaseMs: 30_000 })
    const { reports } = await peer.hears('report', ({ reports: told }) => (told as Told[]).some((one) => one.exit))
    const { exit } = (reports as Told[]).find((one) => one.exit)!
    assert.equal(exit!.exitCode, 126)
    assert.match(exit!.startError, new RegExp(`hash [0-9a-f]{12}…, not ${sha256.slice(0, 12)}… as named`))
    peer.send('settle', { attempts: [{ taskId: 'lie', attempt: 1 }] })
    peer.send('release', { bidId })
    assert.deepEqual(kept(), before)
    await until('its share to be free again', async () => (await metrics())('cpu_reserved_cores') === 0)
  })

  it('records from the future, from the past, and two of one number', async () => {
    const peer = await hostilePeer(victim)
    const seen = async () =>
      (await victim.get<NodeView[]>('/v1/nodes?all=true')).find(({ peerId }) => peerId === peer.id)
    await peer.publish('records', peer.seal(machineRecord(peer.id, {})))
    const [older, newer] = [1, 2].map((tasks) => peer.seal({ ...HEARTBEAT, body: { ...HEARTBEAT.body, tasks } }))
    await peer.publish('pulse', newer!)
    await eventually('its heartbeat', async () => (await seen())?.tasks === 2)

    const aheadMs = Date.now() + 3_600_000
    const future = peer.seal({ ...HEARTBEAT, hlc: aheadMs })
    await peer.publish('pulse', future)
    await until('it to be refused', async () => (await refused('future_dated')) === 1)
    const again = [older!, newer!, future].flatMap((bytes) => Array.from({ length: 100 }, () => ({ bytes, ageMs: 0 })))
    peer.send('sync-records', { records: again, wants: [], more: false })
    await until('those to be refused', async () => (await refused('future_dated')) === 101)
    assert.equal((await seen())?.tasks, 2)

    const spec = (name: string) => ({ type: 'agent', version: '1', capabilities: [{ name }] })
    const two = ['flatter', 'betray'].map((name) =>
      peer.seal({
        kind: 'passport',
        name: 'default/two',
        seq: 1_000,
        body: { ...passportOf('two'), spec: spec(name) },
      }),
    )
    await peer.publish('records', two[0]!)
    const finds = async () => (await victim.get<FoundView>('/v1/capabilities/flatter')).matches.length
    await eventually('the first of them', async () => (await finds()) === 1)
    await peer.publish('records', two[1]!)
    await until('its author to be quarantined', async () => (await metrics())('registry_authors_quarantined') === 1)
    await assert.rejects(finds(), /no-capable-nodes/)
    await until('its links to be cut', () => peer.connection.status !== 'open', 15_000)
    await assert.rejects(
      peer.node.dial(multiaddr(victim.address)).then(async (link) => link.newStream(['/althing/control/1'])),
    )
    assert.equal(await seen(), undefined, 'nothing of it is shown any more')
  })

  it('after all of it: alive, no larger, no error of its own, and an honest task runs at once', async () => {
    const startMs = performance.now()
    await stillServes()
    const tookMs = performance.now() - startMs
    const value = await metrics()
    const grown = value('process_resident_memory_bytes') - grownFromBytes
    console.log(`      ${Math.round(tookMs)} ms for a task; resident memory ${Math.round(grown / 2 ** 20)} MiB up`)
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    assert.ok(grown < MAX_GROWTH_BYTES, `grown by ${grown} bytes`)
    process.kill(victim.pid, 0)
    assert.deepEqual([value('loop_failures_total'), value('peer_handler_errors_total')], [0, 0])
    assert.ok(value('refused_total') > 100)
    assert.doesNotMatch(victim.output(), /"level":"(error|fatal)"|\n\s+at /)
    assert.equal(value('holds'), 0)
  })
})
