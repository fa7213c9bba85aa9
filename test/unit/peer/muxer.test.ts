import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { PeerPark, portOf } from '../../support/peers.ts'

describe('peer: muxer', () => {
  const park = new PeerPark()
  let proxy: Server | undefined
  afterEach(async () => {
    await park.stopAll()
    proxy?.close()
  })

  it('does not answer each small frame with a window update', async () => {
    const receiver = await park.start()
    const port = portOf(receiver)
    let answeredBytes = 0
    proxy = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const socket of [near, far]) socket.on('error', () => {})
      near.pipe(far)
      far.on('data', (data: Buffer) => (answeredBytes += data.byteLength))
      far.pipe(near)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const address = `/ip4/127.0.0.1/tcp/${(proxy.address() as AddressInfo).port}/p2p/${receiver.peer.id}`

    const sender = await park.start({ bootstrap: [address] })
    await sender.record.until(() => sender.record.up.has(receiver.peer.id), 'the link')
    await receiver.record.until(() => receiver.record.up.has(sender.peer.id), 'the link')
    const send = async (index: number): Promise<void> => {
      await sender.peer.send(receiver.peer.id, new Uint8Array(1_000))
      // One at a time: frames of one turn travel together.
      await receiver.record.until(() => receiver.record.frames.length > index, `frame ${index}`)
    }
    for (let index = 0; index < 10; index++) await send(index)
    const beforeBytes = answeredBytes
    // Less than half of the smallest window, 256 KiB.
    for (let index = 10; index < 110; index++) await send(index)
    // A window update alone is 30 bytes when encrypted; gossip may speak meanwhile.
    assert.ok(answeredBytes - beforeBytes < 1_500, `${answeredBytes - beforeBytes} bytes came back for 100 frames`)
    // Beyond several windows it must have given credit back, or this would hang.
    for (let index = 110; index < 1_500; index++) await send(index)
  }).timeout(20_000)
})
