/** What strangers and broken peers may send: it is counted, it costs them, and nothing of ours falls over. */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { eventually, link, PeerPark, portOf, seedFor } from '../../support/peers.ts'
import type { TestPeer } from '../../support/peers.ts'
import { rawLibp2p } from '../../support/raw-libp2p.ts'

describe('peer: junk', () => {
  const park = new PeerPark()
  const raws: Libp2p[] = []
  afterEach(async () => {
    await park.stopAll()
    await Promise.all(raws.splice(0).map(async (raw) => raw.stop()))
  })

  async function attacker(victim: TestPeer, seed = seedFor('below', victim.peer.id)): Promise<[Libp2p, Connection]> {
    const raw = await rawLibp2p({ seed })
    raws.push(raw)
    return [raw, await raw.dial(multiaddr(victim.peer.addresses()[0]))]
  }

  /** The proof that all is well: an honest peer links and is answered. */
  async function stillServes(target: TestPeer): Promise<void> {
    const honest = await park.start()
    await link(honest, target)
    await honest.peer.send(target.peer.id, new Uint8Array([1]))
    await target.record.until(() => target.record.frames.some(({ peer }) => peer === honest.peer.id), 'honest frame')
  }

  async function closed(stream: Stream): Promise<void> {
    if (stream.status === 'open') {
      await new Promise<void>((resolve) => stream.addEventListener('close', () => resolve(), { once: true }))
    }
  }

  const bad: [string, Uint8Array][] = [
    ['a frame over the cap', new Uint8Array([0x81, 0x80, 0x10, 1, 2, 3])],
    ['a length that never ends', new Uint8Array([0xff, 0xff, 0xff, 0xff])],
  ]
  for (const [what, bytes] of bad) {
    it(`resets a control stream that brings ${what}`, async () => {
      const target = await park.start()
      const [raw, connection] = await attacker(target)
      const stream = await connection.newStream(['/althing/control/1'])
      await target.record.until(() => target.record.up.has(raw.peerId.toString()), 'up')
      stream.send(bytes)
      await closed(stream)
      assert.equal(stream.status, 'reset')
      await target.record.until(() => !target.record.up.has(raw.peerId.toString()), 'down')
      assert.equal(target.peer.stats()['control_violations_total'], 1)
      await stillServes(target)
    })
  }

  it('turns away a peer that does it five times, and lets nobody else suffer', async () => {
    const target = await park.start()
    const [raw, connection] = await attacker(target)
    for (let count = 0; count < 5; count += 1) {
      const stream = await connection.newStream(['/althing/control/1'])
      stream.send(new Uint8Array([0xff, 0xff, 0xff]))
      await closed(stream)
    }
    await eventually(() => connection.status !== 'open', 'connection cut')
    const again = await raw.dial(multiaddr(target.peer.addresses()[0] as string)).catch(() => undefined)
    await eventually(() => again === undefined || again.status !== 'open', 'not let in again')
    assert.ok((target.peer.stats()['gater_denied_peer_total'] ?? 0) >= 1)
    await stillServes(target)
  })

  it('resets a control stream opened by the peer that should wait for ours', async () => {
    const target = await park.start()
    const [, connection] = await attacker(target, seedFor('above', target.peer.id))
    const stream = await connection.newStream(['/althing/control/1'])
    await closed(stream)
    assert.equal(target.peer.stats()['control_violations_total'], 1)
    assert.deepEqual(target.peer.peers(), [])
  })

  it('counts junk on the listening port and cuts silent sockets within two seconds', async () => {
    const target = await park.start()
    const noisy = connect(portOf(target), '127.0.0.1')
    noisy.on('error', () => {})
    noisy.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => noisy.once('close', resolve))
    const start = performance.now()
    const silent = connect(portOf(target), '127.0.0.1')
    silent.on('error', () => {})
    silent.resume()
    await new Promise((resolve) => silent.once('close', resolve))
    assert.ok(performance.now() - start < 4_000)
    await eventually(() => target.peer.stats()['inbound_upgrades_failed_total'] === 2, 'both counted')
    await stillServes(target)
  }).timeout(15_000)

  it('is not stopped by fifty silent sockets', async () => {
    const target = await park.start()
    const sockets = Array.from({ length: 50 }, () => connect(portOf(target), '127.0.0.1'))
    await Promise.all(
      sockets.map((socket) =>
        once(
          socket.on('error', () => {}),
          'connect',
        ),
      ),
    )
    await stillServes(target)
    for (const socket of sockets) socket.destroy()
  }).timeout(15_000)

  it('lets every honest peer in while one address opens two hundred silent sockets a second', async () => {
    const target = await park.start()
    const port = portOf(target)
    const sockets = new Set<Socket>()
    let opened = 0
    const attack = setInterval(() => {
      for (let n = 0; n < 2; n++) {
        const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' })
        socket.on('error', () => {}).on('close', () => sockets.delete(socket))
        sockets.add(socket)
        opened++
      }
    }, 10)
    try {
      await eventually(() => sockets.size > 100, 'the attack to be under way')
      for (let n = 0; n < 10; n++) {
        const openedBefore = opened
        await eventually(() => opened > openedBefore, 'the attack to go on')
        const honest = await park.start()
        // One try each: a dial that is turned down is a failure.
        await honest.peer.connect(target.peer.addresses()[0]!)
      }
    } finally {
      clearInterval(attack)
      for (const socket of sockets) socket.destroy()
    }
  }).timeout(30_000)

  it('counts junk on the gossip protocol, at any length', async () => {
    const target = await park.start()
    const [, connection] = await attacker(target)
    const small = await connection.newStream(['/meshsub/1.1.0'])
    // One RPC of ten bytes that are no protobuf.
    small.send(new Uint8Array([10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]))
    await eventually(() => target.peer.stats()['gossip_malformed_rpcs_total'] === 1, 'malformed RPC counted')
    // A length of 256 MiB: the stream cannot be read any further.
    const large = await connection.newStream(['/meshsub/1.1.0'])
    large.send(new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x01]))
    await eventually(() => (target.peer.stats()['gossip_stream_errors_total'] ?? 0) >= 1, 'stream error counted')
    await stillServes(target)
  })

  for (const kind of ['task', 'bundle'] as const) {
    it(`hands junk on a ${kind} stream to the handler as bytes, and a reset as an error`, async () => {
      const target = await park.start()
      const [, connection] = await attacker(target)
      const received: Uint8Array[] = []
      let failed: Error | undefined
      target.record.streamHandler = (_kind, stream) => {
        stream.on('data', (chunk: Uint8Array) => received.push(chunk))
        stream.on('error', (error) => {
          failed = error
        })
      }
      const stream = await connection.newStream([`/althing/${kind}/1`])
      stream.send(randomBytes(1000))
      await eventually(() => Buffer.concat(received).byteLength === 1000, 'bytes arrived')
      stream.abort(new Error('junk'))
      await eventually(() => failed !== undefined, 'error seen')
      assert.equal(target.record.streams[0]?.kind, kind)
      await stillServes(target)
    })
  }

  it('refuses a peer its 33rd stream, all kinds together', async () => {
    const target = await park.start()
    const [, connection] = await attacker(target)
    const streams: Stream[] = []
    for (let index = 0; index < 40; index += 1) {
      streams.push(await connection.newStream([index % 2 === 0 ? '/althing/task/1' : '/althing/bundle/1']))
    }
    await eventually(() => target.peer.stats()['streams_refused_total'] === 8, 'eight refused')
    assert.equal(target.peer.stats()['streams_open'], 32)
    for (const stream of streams) stream.abort(new Error('done'))
    await eventually(() => target.peer.stats()['streams_open'] === 0, 'all let go')
  })
})
