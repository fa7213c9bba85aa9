import assert from 'node:assert/strict'
import type { MeshInput, ProbeMessage } from '../../../src/mesh/types.ts'
import { Probes } from '../../../src/node/probes.ts'
import type { Peer } from '../../../src/peer/peer.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { eventually } from '../../support/peers.ts'

/** One end: what came in, and what was sent over its link. */
class End {
  readonly came: ProbeMessage[] = []
  readonly rtts: (number | undefined)[] = []
  fineMs = 5_000.125
  readonly overLink: ProbeMessage[] = []
  readonly clock = manualClock(1_000_000)
  isLinked = true
  readonly probes: Probes

  constructor() {
    const link = { address: '/ip4/127.0.0.1/tcp/1', direction: 'outbound', relay: undefined }
    const peer = {
      link: () => (this.isLinked ? link : undefined),
      remoteHost: () => (this.isLinked ? '127.0.0.1' : undefined),
    } as unknown as Peer
    this.probes = new Probes({
      peer: () => peer,
      clock: this.clock,
      log: SILENT,
      post: (input: MeshInput) => {
        if (input.type !== 'message') return
        this.came.push(input.message as ProbeMessage)
        this.rtts.push(input.rttMs)
      },
      overLink: (_to, message) => this.overLink.push(message),
      allowPublic: false,
      fineMs: () => this.fineMs,
    })
  }
}

const ping = (nonce: number): ProbeMessage => ({ t: 'ping', body: { nonce } })
const pong = (nonce: number): ProbeMessage => ({ t: 'pong', body: { nonce } })

describe('probes: which way they go', () => {
  let a: End
  let b: End

  /** Each tells the other where to send; `b` may keep silent about it. */
  async function open(bTells = true): Promise<void> {
    for (const end of [a, b]) await end.probes.open(0, ['/ip4/127.0.0.1/tcp/4100'])
    b.probes.learn('a', a.probes.addressFor('b'))
    if (bTells) a.probes.learn('b', b.probes.addressFor('a'))
  }

  beforeEach(() => {
    a = new End()
    b = new End()
  })
  afterEach(() => Promise.all([a, b].map(({ probes }) => probes.close())))

  it('by both ways while the last one is unanswered, by datagram alone when that brought the answer', async () => {
    await open()
    a.probes.send('b', ping(1))
    assert.deepEqual(a.overLink, [ping(1)])
    await eventually(() => b.came.length === 1, 'the ping')
    b.probes.send('a', pong(1))
    await eventually(() => a.came.length === 1, 'the pong')
    assert.deepEqual(b.overLink, [], 'it went back as it came')
    a.probes.send('b', ping(2))
    assert.equal(a.overLink.length, 1)
    a.probes.send('b', ping(3))
    assert.equal(a.overLink.length, 2, 'the second was not answered yet')
  })

  it('times what goes and comes by datagram, finer than by the millisecond', async () => {
    await open()
    a.probes.send('b', ping(1))
    await eventually(() => b.came.length === 1, 'the ping')
    a.fineMs += 0.75
    b.probes.send('a', pong(1))
    await eventually(() => a.came.length === 1, 'the pong')
    a.probes.send('b', ping(2))
    await eventually(() => b.came.length === 2, 'the second ping')
    b.probes.send('a', pong(2))
    await eventually(() => a.came.length === 2, 'the second pong')
    assert.deepEqual(a.rtts, [0.75, 0])
    assert.deepEqual(b.rtts, [undefined, undefined], 'a ping has no round trip')
  })

  it('a ping that comes by datagram is no proof that ours arrive', async () => {
    await open()
    b.probes.send('a', ping(1))
    await eventually(() => a.came.length === 1, 'the ping')
    a.probes.send('b', ping(1))
    assert.equal(a.overLink.length, 1)
  })

  it('over the link what was asked over the link, and whoever has no datagrams', async () => {
    await open()
    b.probes.send('a', pong(7))
    assert.deepEqual(b.overLink, [pong(7)])
    a.probes.send('stranger', ping(1))
    assert.deepEqual(a.overLink, [ping(1)])
  })

  it('takes nothing from those whose hello was not taken', async () => {
    await open(false)
    b.probes.send('a', ping(1))
    await eventually(() => a.probes.stats()['probe_in_total'] === 1, 'the first')
    a.probes.learn('b', b.probes.addressFor('a'))
    b.probes.send('a', ping(2))
    await eventually(() => a.came.length > 0, 'the second')
    assert.deepEqual(a.came, [ping(2)])
  })

  it('forgets a peer that is gone, but not one whose link stands', async () => {
    await open()
    a.probes.forget('b')
    b.probes.send('a', ping(1))
    await eventually(() => a.came.length === 1, 'the ping')
    a.isLinked = false
    a.probes.forget('b')
    assert.equal(a.probes.stats()['probe_keys'], 0)
  })

  it('an examination goes by datagram alone, and its answer is no news for the mesh', async () => {
    await open()
    const examined = a.probes.examine('b', new AbortController().signal)
    await eventually(() => b.came.length === 1, 'the ping')
    assert.equal(a.probes.datagramAgeMs('b'), undefined)
    assert.equal(b.probes.datagramAgeMs('a'), 0)
    b.probes.send('a', pong(b.came[0]!.body.nonce))
    const { rttMs, sent } = await examined
    assert.ok(rttMs !== undefined && rttMs > 0 && sent === 1)
    assert.equal(a.probes.datagramAgeMs('b'), 0)
    assert.deepEqual([a.came, a.overLink, b.overLink], [[], [], []])
  })

  it('an examination gives up after three pings, at once when called off, and sends none to a stranger', async () => {
    await open()
    const never = new AbortController().signal
    assert.deepEqual(await a.probes.examine('b', never), { rttMs: undefined, sent: 3 })
    assert.equal((await a.probes.examine('b', AbortSignal.abort())).sent, 0)
    assert.deepEqual(await a.probes.examine('stranger', never), { rttMs: undefined, sent: 0 })
  })
})
