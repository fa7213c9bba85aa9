/** A plain libp2p peer of the previous generation follows and feeds our record topic. */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { topicName } from '../../src/peer/protocols.ts'
import { oldPeer } from '../support/libp2p-2.ts'
import type { OldPeer } from '../support/libp2p-2.ts'
import { eventually, PeerPark } from '../support/peers.ts'
import type { TestPeer } from '../support/peers.ts'

describe('e2e: interop with libp2p 2 and gossipsub 14', () => {
  const park = new PeerPark()
  const topic = topicName('test', 'records')
  let ours: TestPeer
  let theirs: OldPeer
  const received: Uint8Array[] = []

  beforeEach(async () => {
    received.length = 0
    ours = await park.start()
    theirs = await oldPeer()
    theirs.subscribe(topic, (data) => received.push(data))
  })

  afterEach(async () => {
    await park.stopAll()
    await theirs.stop()
  })

  async function joined(): Promise<void> {
    await eventually(() => ours.peer.stats()['gossip_subscribers_records'] === 1, 'ours sees their subscription')
    await eventually(() => theirs.subscribers(topic).includes(ours.peer.id), 'theirs sees ours')
  }

  it('exchanges messages in both directions when it dials us', async () => {
    await theirs.dial(ours.peer.addresses()[0] as string)
    await joined()
    const fromUs = randomBytes(2000)
    ours.peer.publish('records', fromUs)
    await eventually(() => received.length === 1, 'our message there')
    assert.deepEqual(Buffer.from(received[0] as Uint8Array), fromUs)
    const fromThem = randomBytes(2000)
    assert.equal(await theirs.publish(topic, fromThem), 1)
    await ours.record.until(() => ours.record.gossip.length === 1, 'their message here')
    const { data, from, topic: heard } = ours.record.gossip[0] as (typeof ours.record.gossip)[0]
    assert.deepEqual([Buffer.from(data), from, heard], [fromThem, theirs.id, 'records'])
  })

  it('is told apart from one of ours when we dial it, and its messages come through all the same', async () => {
    await assert.rejects(ours.peer.connect(theirs.addresses()[0] as string), { code: 'not-althing' })
    await joined()
    await theirs.publish(topic, randomBytes(100))
    await ours.record.until(() => ours.record.gossip.length === 1, 'their message here')
    assert.deepEqual(ours.peer.peers(), [], 'it has no control stream')
  })

  it('reaches a third peer of ours through the second', async () => {
    const third = await park.start()
    await third.peer.connect(ours.peer.addresses()[0] as string)
    await theirs.dial(ours.peer.addresses()[0] as string)
    await eventually(() => ours.peer.stats()['gossip_mesh_peers_records'] === 2, 'mesh of two')
    await theirs.publish(topic, randomBytes(500))
    await third.record.until(() => third.record.gossip.length === 1, 'forwarded')
    assert.equal(third.record.gossip[0]?.from, ours.peer.id)
  })
})
