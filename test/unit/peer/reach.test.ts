/** Being dialled back, and relays, between real peers and against what strangers make of these protocols. */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { streamDuplex } from '../../../src/peer/duplex.ts'
import { DIAL_BACKS_PER_HOST_PER_MIN, MAX_RESERVATIONS } from '../../../src/peer/limits.ts'
import { PUNCH_PROTOCOL, RELAY_HOP_PROTOCOL, RELAY_STOP_PROTOCOL } from '../../../src/peer/protocols.ts'
import { eventually, link, PeerPark, portOf, type TestPeer } from '../../support/peers.ts'
import { rawLibp2p } from '../../support/raw-libp2p.ts'

const REACH = '/althing/reach/1'

describe('peer: being reached', () => {
  const park = new PeerPark()
  const raws: Libp2p[] = []
  afterEach(async () => {
    await park.stopAll()
    await Promise.all(raws.splice(0).map(async (raw) => raw.stop()))
  })

  async function stranger(target: TestPeer): Promise<[Libp2p, Connection]> {
    const raw = await rawLibp2p()
    raws.push(raw)
    const address = multiaddr(target.peer.addresses()[0])
    // So many from one host in a second are turned away, and some tests have more.
    for (;;) {
      const connection = await raw.dial(address).catch(() => undefined)
      if (connection !== undefined) return [raw, connection]
    }
  }

  /** Sends a request as it is and gives the answer, empty when there is none. */
  async function asked(connection: Connection, request: Uint8Array): Promise<number[]> {
    const duplex = streamDuplex(await connection.newStream([REACH]))
    duplex.on('error', () => {})
    duplex.end(request)
    const answer: number[] = []
    duplex.on('data', (chunk: Buffer) => answer.push(...chunk))
    await new Promise<void>((resolve) => duplex.once('close', resolve))
    return answer
  }

  const ports = (port: number): Uint8Array => Uint8Array.of(port >> 8, port & 0xff)

  it('is dialled back at its own host, and believed only when it is the one that answers there', async () => {
    const [target, other] = [await park.start(), await park.start()]
    const [raw, connection] = await stranger(target)
    const own = Number(/\/tcp\/(\d+)/.exec(raw.getMultiaddrs()[0]!.toString())?.[1])
    const before = raw.getConnections().length
    assert.deepEqual(await asked(connection, ports(own)), [1])
    assert.deepEqual(await asked(connection, ports(portOf(other))), [2], 'somebody else lives there')
    assert.deepEqual(await asked(connection, ports(1)), [2], 'nobody does')
    assert.deepEqual(await asked(connection, ports(0)), [0], 'that is no port')
    assert.equal(raw.getConnections().length, before, 'no connection came of it')
    assert.equal(connection.status, 'open')
  })

  it('answers nothing to what is no request, and does not dial for who asks too often', async () => {
    const target = await park.start()
    const [, connection] = await stranger(target)
    for (const junk of [new Uint8Array(0), randomBytes(1), randomBytes(3), randomBytes(60_000)]) {
      assert.deepEqual(await asked(connection, junk), [])
    }
    for (let count = 0; count < DIAL_BACKS_PER_HOST_PER_MIN; count += 1) await asked(connection, ports(1))
    assert.deepEqual(await asked(connection, ports(1)), [0])
    assert.equal(target.peer.stats()['dial_back_refused_total'], 1)
  })

  it('dials nobody by agreement with who is connected directly', async () => {
    const target = await park.start()
    const [, connection] = await stranger(target)
    const stream = await connection.newStream([PUNCH_PROTOCOL])
    await closed(stream)
    assert.equal(stream.status, 'reset')
    assert.equal(target.peer.stats()['punches_total'], undefined)
  })

  it('relays for nobody when it is not to', async () => {
    const target = await park.start({ relay: false })
    const [, connection] = await stranger(target)
    await assert.rejects(connection.newStream([RELAY_HOP_PROTOCOL]), { name: 'UnsupportedProtocolError' })
    const willing = await park.start()
    const [, other] = await stranger(willing)
    assert.equal((await other.newStream([RELAY_HOP_PROTOCOL])).status, 'open')
  })

  it('takes no connection from who is no relay of its own, and no junk as a request to relay', async () => {
    const target = await park.start()
    const [, connection] = await stranger(target)
    await assert.rejects(connection.newStream([RELAY_STOP_PROTOCOL]), { name: 'UnsupportedProtocolError' })
    // From now on it can dial relayed addresses, and so knows the protocol.
    const nobody = (await park.start()).peer.id
    await assert.rejects(
      target.peer.connect(`${(await park.start()).peer.addresses()[0]}/p2p-circuit/p2p/${nobody}`),
      /NO_RESERVATION/,
    )
    const stop = await connection.newStream([RELAY_STOP_PROTOCOL])
    await closed(stop)
    assert.equal(stop.status, 'reset')
    for (const junk of [randomBytes(100), Buffer.alloc(5_000, 0xff), Buffer.alloc(100)]) {
      const hop = await connection.newStream([RELAY_HOP_PROTOCOL])
      hop.send(junk)
      // Half a message may still become one: its end says that it will not.
      await hop.close().catch(() => {})
      await closed(hop)
    }
    await link(await park.start(), target)
  })

  it('holds so many places and no more, and each as long as its holder is connected', async () => {
    const target = await park.start()
    const reserve = Uint8Array.of(2, 8, 0)
    const answers = new Set<string>()
    for (let count = 0; count <= MAX_RESERVATIONS; count += 1) {
      const [, connection] = await stranger(target)
      const hop = streamDuplex(await connection.newStream([RELAY_HOP_PROTOCOL]))
      hop.on('error', () => {})
      hop.write(reserve)
      const [answer] = await new Promise<Buffer[]>((resolve) => hop.once('data', (data: Buffer) => resolve([data])))
      answers.add(answer!.length > 50 ? 'a place' : 'refused')
    }
    assert.deepEqual([...answers], ['a place', 'refused'])
    assert.equal(target.peer.network().relaysFor, MAX_RESERVATIONS)
    await Promise.all(raws.splice(0).map(async (raw) => raw.stop()))
    await eventually(() => target.peer.network().relaysFor === 0, 'all places to be free again')
  }).timeout(30_000)

  it('does not relay a relayed address of itself, or of whom it relays for', async () => {
    const [a, b] = [await park.start(), await park.start()]
    const own = `${a.peer.addresses()[0]}/p2p-circuit/p2p/${b.peer.id}`
    a.peer.learnAddresses(b.peer.id, [
      own,
      `${b.peer.addresses()[0]}/p2p-circuit`,
      '/p2p-circuit',
      `${own}/p2p-circuit`,
    ])
    assert.equal(a.peer.stats()['known_peers'], 0)
  })

  async function closed(stream: Stream): Promise<void> {
    if (stream.status !== 'open') return
    await new Promise<void>((resolve) => stream.addEventListener('close', () => resolve(), { once: true }))
  }
})
