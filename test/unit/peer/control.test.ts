import { strict as assert } from 'node:assert'
import { eventually, link, PeerPark, seedFor } from '../../support/peers.ts'
import type { TestPeer } from '../../support/peers.ts'

/** A frame that carries its own number. */
function numbered(index: number, bytes = 64): Uint8Array {
  const frame = new Uint8Array(bytes)
  new DataView(frame.buffer).setUint32(0, index)
  return frame
}

function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0)
}

describe('peer: control streams', () => {
  const park = new PeerPark()
  afterEach(() => park.stopAll())

  it('carries 10,000 frames each way at once, in order, once', async () => {
    const [a, b] = await park.pair()
    const count = 10_000
    const start = performance.now()
    const pour = async (from: TestPeer, to: TestPeer): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        await from.peer.send(to.peer.id, numbered(index, 64 + (index % 7) * 100))
      }
    }
    await Promise.all([pour(a, b), pour(b, a)])
    await a.record.until(() => a.record.frames.length === count, 'a has all')
    await b.record.until(() => b.record.frames.length === count, 'b has all')
    const rate = (2 * count) / ((performance.now() - start) / 1000)
    console.log(`      ${Math.round(rate)} frames/s both ways together, in one process`)
    for (const { record } of [a, b]) {
      assert.deepEqual(
        record.frames.map(({ frame }) => numberOf(frame)),
        Array.from({ length: count }, (_, i) => i),
      )
    }
    assert.deepEqual(a.record.events, [`up ${b.peer.id}`], 'the link never went down')
  }).timeout(30_000)

  it('answers a request within a few milliseconds', async () => {
    const [a, b] = await park.pair()
    b.record.frameHandler = (peer, frame) => void b.peer.send(peer, frame)
    const latencies: number[] = []
    for (let index = 0; index < 500; index += 1) {
      const start = performance.now()
      await a.peer.send(b.peer.id, numbered(index, 300))
      await a.record.until(() => a.record.frames.length === index + 1, `answer ${index}`)
      latencies.push(performance.now() - start)
    }
    latencies.sort((x, y) => x - y)
    console.log(`      request p50 ${latencies[250]?.toFixed(2)} ms, p99 ${latencies[495]?.toFixed(2)} ms`)
    assert.ok((latencies[250] as number) < 10)
  }).timeout(30_000)

  it('joins frames written in one turn', async () => {
    const [a, b] = await park.pair()
    const before = a.peer.stats()['control_batches_out_total'] ?? 0
    for (let index = 0; index < 50; index += 1) void a.peer.send(b.peer.id, numbered(index))
    await b.record.until(() => b.record.frames.length === 50, 'all 50')
    assert.equal((a.peer.stats()['control_batches_out_total'] ?? 0) - before, 1)
  })

  it('lets what nobody waits for go by itself, or ahead of the next frame and with it', async () => {
    const [a, b] = await park.pair()
    const batches = () => a.peer.stats()['control_batches_out_total'] ?? 0
    await a.peer.send(b.peer.id, numbered(0), 'soon')
    await b.record.until(() => b.record.frames.length === 1, 'the first, alone')
    const before = batches()
    await a.peer.send(b.peer.id, numbered(1), 'soon')
    await new Promise(setImmediate)
    assert.equal(batches(), before, 'it was not written in its own turn')
    await a.peer.send(b.peer.id, numbered(2))
    await b.record.until(() => b.record.frames.length === 3, 'both')
    assert.equal(batches(), before + 1)
    assert.deepEqual(
      b.record.frames.map(({ frame }) => numberOf(frame)),
      [0, 1, 2],
    )
  })

  it('lets a hello written in onPeerUp go ahead of frames that waited for the link', async () => {
    const a = await park.start()
    const b = await park.start()
    a.peer.learnAddresses(b.peer.id, b.peer.addresses())
    a.record.upHandler = (peer) => void a.peer.send(peer, numbered(1000))
    await Promise.all([0, 1, 2].map((index) => a.peer.send(b.peer.id, numbered(index))))
    await b.record.until(() => b.record.frames.length === 4, 'hello and three')
    assert.deepEqual(
      b.record.frames.map(({ frame }) => numberOf(frame)),
      [1000, 0, 1, 2],
    )
  })

  for (const side of ['below', 'above'] as const) {
    const who = side === 'below' ? 'opened the stream' : 'was opened to'
    it(`hears the first frame of whoever ${who} without having said a word`, async () => {
      const silent = await park.start()
      const speaker = await park.start({ seed: seedFor(side, silent.peer.id) })
      speaker.record.upHandler = (peer) => void speaker.peer.send(peer, numbered(1000))
      await link(speaker, silent)
      await silent.record.until(() => silent.record.frames.length === 1, 'the hello')
      assert.equal(silent.peer.stats()['control_batches_out_total'], undefined, 'nothing was sent the other way')
    })
  }

  it('sends to a peer without a link by learnt addresses, sharing one dial', async () => {
    const a = await park.start()
    const b = await park.start()
    a.peer.learnAddresses(b.peer.id, ['/ip4/127.0.0.1/tcp/1', ...b.peer.addresses()])
    await Promise.all(Array.from({ length: 20 }, (_, index) => a.peer.send(b.peer.id, numbered(index))))
    await b.record.until(() => b.record.frames.length === 20, 'all 20')
    assert.deepEqual(
      b.record.frames.map(({ frame }) => numberOf(frame)),
      Array.from({ length: 20 }, (_, i) => i),
    )
    assert.equal(a.peer.stats()['dials_total'], 2, 'the refused address and the good one, once each')
  })

  it('shares a dial between a frame and a stream', async () => {
    const a = await park.start()
    const b = await park.start()
    a.peer.learnAddresses(b.peer.id, b.peer.addresses())
    const [, stream] = await Promise.all([
      a.peer.send(b.peer.id, numbered(0)),
      a.peer.openStream('task', b.peer.id, new AbortController().signal),
    ])
    stream.destroy()
    assert.equal(a.peer.stats()['dials_total'], 1)
  })

  it('names the addresses tried when a peer cannot be reached', async () => {
    const a = await park.start()
    const b = park.make()
    await assert.rejects(a.peer.send(b.peer.id, numbered(0)), {
      code: 'unreachable',
      message: `cannot reach ${b.peer.id}: no address of it is known`,
    })
    a.peer.learnAddresses(b.peer.id, ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'])
    await assert.rejects(a.peer.send(b.peer.id, numbered(0)), (error: Error & { code: string }) => {
      assert.equal(error.code, 'unreachable')
      assert.match(error.message, /tcp\/1: connection refused.*tcp\/2: connection refused/)
      return true
    })
  })

  it('refuses frames over the cap and empty ones before they are sent', async () => {
    const [a, b] = await park.pair()
    await assert.rejects(a.peer.send(b.peer.id, new Uint8Array(256 * 1024 + 1)), { code: 'bad-size' })
    await assert.rejects(a.peer.send(b.peer.id, new Uint8Array(0)), { code: 'bad-size' })
    const largest = new Uint8Array(256 * 1024).fill(7)
    await a.peer.send(b.peer.id, largest)
    await b.record.until(() => b.record.frames.length === 1, 'the largest frame')
    assert.deepEqual(b.record.frames[0]?.frame, largest)
  })

  it('is overloaded when the queue of 8 MiB is full, and recovers in order', async () => {
    const [a, b] = await park.pair()
    const frame = numbered(0, 256 * 1024)
    const sends: Promise<void>[] = []
    // One turn: nothing can drain in between, so what does not fit must be refused.
    for (let index = 0; index < 40; index += 1) sends.push(a.peer.send(b.peer.id, frame.with(3, index)))
    const settled = await Promise.allSettled(sends)
    const refused = settled.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 8)
    for (const result of refused) assert.equal((result.reason as { code: string }).code, 'overloaded')
    await b.record.until(() => b.record.frames.length === 32, 'the 32 that fitted', 10_000)
    assert.deepEqual(
      b.record.frames.map((entry) => numberOf(entry.frame)),
      Array.from({ length: 32 }, (_, i) => i),
    )
    await a.peer.send(b.peer.id, numbered(99))
    await b.record.until(() => b.record.frames.length === 33, 'one more')
  }).timeout(20_000)

  it('reports a stopped peer down, and up again when it is back at its address', async () => {
    const a = await park.start({ degreeTarget: 8 })
    const b = await park.start()
    await link(a, b)
    const address = b.peer.addresses()[0] as string
    await b.peer.stop()
    await a.record.until(() => !a.record.up.has(b.peer.id), 'a sees b down')
    assert.deepEqual(a.peer.peers(), [])
    const again = await park.start({ seed: b.options.seed, listen: [address.slice(0, address.indexOf('/p2p/'))] })
    await a.record.until(() => a.record.up.has(b.peer.id), 'a dialled b again', 15_000)
    await again.record.until(() => again.record.up.has(a.peer.id), 'b sees a')
    assert.deepEqual(a.record.events, [`up ${b.peer.id}`, `down ${b.peer.id}`, `up ${b.peer.id}`])
  }).timeout(20_000)

  it('stands one link when both dial at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const a = await park.start()
      const b = await park.start()
      await Promise.all([
        a.peer.connect(b.peer.addresses()[0] as string),
        b.peer.connect(a.peer.addresses()[0] as string),
      ])
      await a.peer.send(b.peer.id, numbered(1))
      await b.peer.send(a.peer.id, numbered(2))
      await a.record.until(() => a.record.frames.length === 1, 'frame at a')
      await b.record.until(() => b.record.frames.length === 1, 'frame at b')
      assert.deepEqual(a.record.events, [`up ${b.peer.id}`])
      assert.deepEqual(b.record.events, [`up ${a.peer.id}`])
    }
  }).timeout(20_000)

  it('survives a handler that throws', async () => {
    const [a, b] = await park.pair()
    b.record.frameHandler = () => {
      throw new Error('boom')
    }
    await a.peer.send(b.peer.id, numbered(1))
    await eventually(() => b.peer.stats()['handler_errors_total'] === 1, 'counted')
    assert.deepEqual(b.peer.peers(), [a.peer.id])
  })
})
