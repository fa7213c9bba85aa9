import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { eventually, link, PeerPark, type TestPeer } from '../../support/peers.ts'
import { rawLibp2p } from '../../support/raw-libp2p.ts'

/** As `kadProtocol` makes it for the cluster of these tests. */
const KAD = '/althing/test/kad/1'

describe("peer: the cluster's table", () => {
  const park = new PeerPark()
  const raws: Libp2p[] = []
  afterEach(async () => {
    await park.stopAll()
    await Promise.all(raws.splice(0).map(async (raw) => raw.stop()))
  })

  async function answersTo(connection: Connection, message: Uint8Array): Promise<number> {
    const stream = await connection.newStream([KAD])
    let answers = 0
    stream.addEventListener('message', () => (answers += 1))
    stream.send(message)
    await stream.close().catch(() => {})
    await eventually(() => stream.status !== 'open' && stream.status !== 'closing', 'its end')
    return answers
  }

  /** Each joins by the one before it, and knows nobody else. */
  async function line(count: number, options: (at: number) => object): Promise<TestPeer[]> {
    const peers: TestPeer[] = []
    for (let at = 0; at < count; at += 1) {
      const bootstrap = at === 0 ? [] : [peers[at - 1]!.peer.addresses()[0]!]
      const peer = await park.start({ bootstrap, degreeTarget: 16, ...options(at) })
      await peer.record.until(() => at === 0 || peer.record.up.has(peers[at - 1]!.peer.id), 'the one before')
      peers.push(peer)
    }
    return peers
  }

  it('lets the last of a line find the first, and all others', async () => {
    const peers = await line(6, () => ({ dht: true }))
    for (const { record } of peers) await record.until(() => record.up.size === 5, 'everyone', 25_000)
  }).timeout(40_000)

  it('is asked for: without it the ends of the line do not meet', async () => {
    const peers = await line(3, () => ({}))
    await assert.rejects(peers[2]!.record.until(() => peers[2]!.record.up.has(peers[0]!.peer.id), 'the first', 4_000))
  })

  it('is of one cluster: those of another are no part of it', async () => {
    const peers = await line(3, (at) => ({ dht: true, ...(at === 1 && { cluster: 'other' }) }))
    await assert.rejects(peers[2]!.record.until(() => peers[2]!.record.up.has(peers[0]!.peer.id), 'the first', 4_000))
  })

  it('keeps nothing for anybody, and is not hurt by junk', async () => {
    const target = await park.start({ dht: true })
    const raw = await rawLibp2p()
    raws.push(raw)
    const connection = await raw.dial(multiaddr(target.peer.addresses()[0]))
    // Type (field 1), each with a key (field 2): PUT_VALUE, GET_VALUE, ADD_PROVIDER, GET_PROVIDERS.
    const refused = [0, 1, 2, 3].map((type) => Uint8Array.of(7, 8, type, 18, 3, 1, 2, 3))
    // FIND_NODE, which is answered: the others are not refused for their form.
    assert.equal(await answersTo(connection, Uint8Array.of(7, 8, 4, 18, 3, 1, 2, 3)), 1)
    for (const message of [...refused, randomBytes(500), Buffer.alloc(500), Buffer.alloc(500, 0xff)]) {
      assert.equal(await answersTo(connection, message), 0)
    }
    await link(await park.start(), target)
  })
})
