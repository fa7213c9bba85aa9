import { strict as assert } from 'node:assert'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { eventually, PeerPark, settled } from '../../support/peers.ts'
import type { TestPeer } from '../../support/peers.ts'

const NEVER = new AbortController().signal
const MIB = 1024 * 1024

describe('peer: bulk streams', () => {
  const park = new PeerPark()
  afterEach(() => park.stopAll())

  /** Opens a stream from a to b and returns both ends. */
  async function opened(a: TestPeer, b: TestPeer, signal = NEVER): Promise<[Duplex, Duplex]> {
    const before = b.record.streams.length
    const near = await a.peer.openStream('bundle', b.peer.id, signal)
    await b.record.until(() => b.record.streams.length > before, 'stream arrived')
    return [near, b.record.streams[before]?.stream as Duplex]
  }

  it('carries 50 MiB through unharmed', async () => {
    const [a, b] = await park.pair()
    const chunk = randomBytes(MIB)
    const sent = createHash('sha256')
    const source = Readable.from(
      (function* () {
        for (let index = 0; index < 50; index += 1) {
          chunk[0] = index
          const copy = Buffer.from(chunk)
          sent.update(copy)
          yield copy
        }
      })(),
    )
    const [near, far] = await opened(a, b)
    const received = createHash('sha256')
    const start = performance.now()
    let length = 0
    const reading = (async () => {
      for await (const part of far) {
        received.update(part as Uint8Array)
        length += (part as Uint8Array).byteLength
      }
      far.end()
    })()
    await pipeline(source, near)
    await reading
    console.log(`      ${Math.round(50 / ((performance.now() - start) / 1000))} MiB/s, both ends in one process`)
    assert.equal(length, 50 * MIB)
    assert.equal(received.digest('hex'), sent.digest('hex'))
  }).timeout(30_000)

  it('holds the writer back once the reader stops, however fast it read before, and loses nothing', async () => {
    const [a, b] = await park.pair()
    const [near, far] = await opened(a, b)
    const total = 64 * MIB
    let written = 0
    const writing = (async () => {
      const chunk = Buffer.alloc(64 * 1024, 5)
      while (written < total) {
        if (!near.write(chunk)) await once(near, 'drain')
        written += chunk.byteLength
      }
      near.end()
    })()
    // A quick reader is given an ever larger window: what it may hold back must not grow with it.
    let read = 0
    far.on('data', (chunk: Uint8Array) => {
      if (read < 32 * MIB && read + chunk.byteLength >= 32 * MIB) far.pause()
      read += chunk.byteLength
    })
    // A machine that is busy may let the writer stand still before that.
    await eventually(() => far.isPaused(), 'half is read', 20_000)
    await settled(() => written)
    assert.ok(written - read < 4 * MIB, `${written - read} bytes taken with nobody reading`)
    far.resume()
    await once(far, 'end')
    await writing
    assert.equal(read, total)
    far.end()
  }).timeout(30_000)

  it('half-closes: an answer comes after the question ended', async () => {
    const [a, b] = await park.pair()
    b.record.streamHandler = (_kind, stream) => {
      void (async () => stream.end(`you said ${await text(stream)}`))()
    }
    const near = await a.peer.openStream('task', b.peer.id, NEVER)
    near.end('hello')
    assert.equal(await text(near), 'you said hello')
    await eventually(() => a.peer.stats()['streams_open'] === 0 && b.peer.stats()['streams_open'] === 0, 'both let go')
  })

  it('keeps what was sent before an end that comes while the reader is not reading', async () => {
    const [a, b] = await park.pair()
    const [near, far] = await opened(a, b)
    // More than the reader takes unasked, less than the window: the end is known while bytes still wait.
    near.end(Buffer.alloc(200 * 1024, 9))
    await once(near, 'finish')
    await a.peer.send(b.peer.id, new Uint8Array(1))
    await b.record.until(() => b.record.frames.length === 1, 'what was sent later arrived')
    assert.equal((await buffer(far)).byteLength, 200 * 1024)
    far.end()
  })

  it('resets the other end when destroyed', async () => {
    const [a, b] = await park.pair()
    const [near, far] = await opened(a, b)
    near.write('some')
    far.resume()
    const failed = once(far, 'error')
    near.destroy(new Error('gone'))
    await failed
    assert.ok(far.destroyed)
  })

  it("destroys both ends when the opener's signal fires", async () => {
    const [a, b] = await park.pair()
    const controller = new AbortController()
    const [near, far] = await opened(a, b, controller.signal)
    far.resume()
    const both = Promise.all([once(near, 'error'), once(far, 'error')])
    controller.abort()
    await both
    await eventually(() => a.peer.stats()['streams_open'] === 0 && b.peer.stats()['streams_open'] === 0, 'both let go')
  })

  it('does not open with a signal that fired, nor to a peer nobody knows', async () => {
    const [a, b] = await park.pair()
    await assert.rejects(a.peer.openStream('task', b.peer.id, AbortSignal.abort()), { code: 'aborted' })
    const nobody = park.make()
    await assert.rejects(a.peer.openStream('task', nobody.peer.id, NEVER), { code: 'unreachable' })
  })

  it('ends with an error when the peer at the other end goes', async () => {
    const [a, b] = await park.pair()
    const [near, far] = await opened(a, b)
    near.resume()
    far.resume()
    const failed = once(near, 'error')
    await b.peer.stop()
    await failed
  })

  it('answers on the control stream while a bundle runs', async () => {
    const [a, b] = await park.pair()
    b.record.frameHandler = (peer, frame) => void b.peer.send(peer, frame)
    const [near, far] = await opened(a, b)
    far.resume()
    const chunk = Buffer.alloc(64 * 1024)
    const done = new AbortController()
    const pouring = (async () => {
      while (!done.signal.aborted) if (!near.write(chunk)) await once(near, 'drain')
      near.end()
    })()
    const latencies: number[] = []
    for (let index = 0; index < 100; index += 1) {
      const start = performance.now()
      await a.peer.send(b.peer.id, new Uint8Array(300))
      await a.record.until(() => a.record.frames.length === index + 1, 'answer')
      latencies.push(performance.now() - start)
    }
    done.abort()
    await pouring
    latencies.sort((x, y) => x - y)
    console.log(`      request p50 ${latencies[50]?.toFixed(1)} ms, p99 ${latencies[98]?.toFixed(1)} ms under load`)
  }).timeout(30_000)
})
