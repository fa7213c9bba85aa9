/** What a small frame costs on the socket, seen by a proxy that stands between two peers. */
import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { PeerPark, portOf } from '../../support/peers.ts'
import type { TestPeer } from '../../support/peers.ts'

describe('peer: what a frame costs', () => {
  const park = new PeerPark()
  let proxy: Server | undefined
  afterEach(async () => {
    await park.stopAll()
    proxy?.close()
  })

  /** Two peers that know each other by the proxy alone: the sizes of what comes back, and how to send a frame. */
  async function pair(): Promise<{ answered: number[]; send: () => Promise<void> }> {
    const receiver = await park.start()
    const port = portOf(receiver)
    const answered: number[] = []
    proxy = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const socket of [near, far]) socket.on('error', () => {})
      near.pipe(far)
      far.on('data', (data) => answered.push(data.length)).pipe(near)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const address = `/ip4/127.0.0.1/tcp/${(proxy.address() as AddressInfo).port}/p2p/${receiver.peer.id}`
    const sender = await park.start({ bootstrap: [address] })
    const linked = (at: TestPeer, to: TestPeer) => at.record.until(() => at.record.up.has(to.peer.id), 'the link')
    await Promise.all([linked(sender, receiver), linked(receiver, sender)])
    let sent = 0
    const send = async (): Promise<void> => {
      sent += 1
      await sender.peer.send(receiver.peer.id, new Uint8Array(1_000))
      // One at a time: frames of one turn travel together.
      await receiver.record.until(() => receiver.record.frames.length === sent, `frame ${sent}`)
    }
    for (let index = 0; index < 10; index++) await send()
    answered.length = 0
    return { answered, send }
  }

  it('is not answered by a window update each time', async () => {
    const { answered, send } = await pair()
    // Less than half of the smallest window, 256 KiB.
    for (let index = 0; index < 100; index++) await send()
    const bytes = answered.reduce((sum, size) => sum + size, 0)
    // A window update alone is 30 bytes when encrypted; gossip may speak meanwhile.
    assert.ok(bytes < 1_500, `${bytes} bytes came back for 100 frames`)
    // Beyond several windows credit must have been given back, or this would hang.
    for (let index = 0; index < 1_400; index++) await send()
  }).timeout(20_000)

  it('is written in one piece, its length included', async () => {
    const { send } = await pair()
    const { write } = Socket.prototype
    const sizes: number[] = []
    Socket.prototype.write = function counted(this: Socket, ...args: unknown[]) {
      sizes.push((args[0] as Uint8Array).length)
      return (write as (...all: unknown[]) => boolean).apply(this, args)
    }
    try {
      for (let index = 0; index < 100; index++) await send()
    } finally {
      Socket.prototype.write = write
    }
    assert.ok(sizes.length >= 100, 'the frames went through these sockets')
    assert.equal(sizes.filter((size) => size === 2).length, 0, 'lengths written alone')
  }).timeout(20_000)
})
