/** What somebody gets who is no member: at the mesh's own door nothing, at the porch a no. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { Ticket } from '../../src/model/governance.ts'
import { JoinError, readTicket, redeemTicket } from '../../src/node/governance/porch.ts'
import { SILENT } from '../../src/util/logger.ts'
import { CONTROL_PROTOCOL } from '../../src/wire/protocols.ts'
import { makeStatement, openStatement, statementSigner } from '../../src/wire/statement.ts'
import { clusterOf, done, found, idOf, invite, startClosed } from '../support/cluster.ts'
import { eventually, stopAll, type TestDaemon } from '../support/daemon.ts'
import { rawLibp2p } from '../support/raw-libp2p.ts'

const STRANGER = new Uint8Array(32).fill(66)

/** A TCP relay in front of a port that keeps what the daemon sends, connection by connection. */
class Tap {
  readonly received: Buffer[] = []
  closed = 0
  #server: Server | undefined

  async open(port: number): Promise<number> {
    this.#server = createServer((near) => {
      const index = this.received.push(Buffer.alloc(0)) - 1
      const far = connect(port, '127.0.0.1')
      near.on('data', (data) => far.write(data))
      far.on('data', (data) => {
        this.received[index] = Buffer.concat([this.received[index]!, data])
        near.write(data)
      })
      far.on('close', () => {
        this.closed++
        near.destroy()
      })
      near.on('close', () => far.destroy())
      for (const socket of [near, far]) socket.on('error', () => {})
    })
    await new Promise<void>((listening) => this.#server!.listen(0, '127.0.0.1', listening))
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server?.close()
  }
}

/**
 * What a daemon sent after the handshake. A noise handshake (XX) has one message of the listener's; what goes before
 * it are two lines of multistream-select, each after its length. Everything behind it is encrypted, a length of two
 * bytes before each piece.
 */
function afterHandshake(bytes: Buffer): Buffer {
  let at = 0
  for (const line of ['/multistream/1.0.0\n', '/noise\n']) {
    assert.equal(bytes[at], line.length)
    assert.equal(bytes.subarray(at + 1, at + 1 + line.length).toString(), line)
    at += 1 + line.length
  }
  return bytes.subarray(at + 2 + bytes.readUInt16BE(at))
}

const portIn = (address: string) => Number(/\/tcp\/(\d+)/.exec(address)![1])
const seedOf = (dataDir: string) =>
  new Uint8Array(Buffer.from(readFileSync(join(dataDir, 'identity.key'), 'utf8').trim(), 'hex'))

describe('strangers at a cluster with a genesis', function () {
  this.timeout(90_000)
  let founder: TestDaemon
  let second: TestDaemon
  const taps: Tap[] = []

  beforeEach(async () => {
    ;[founder, second] = (await Promise.all(['founder', 'second'].map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
    ]
    await found([founder, second])
  })
  afterEach(async () => {
    for (const tap of taps.splice(0)) tap.close()
    await stopAll()
  })

  async function dialThroughTap(seed: Uint8Array): Promise<Tap> {
    const tap = new Tap()
    taps.push(tap)
    const { addresses } = await founder.get<{ addresses: string[] }>('/v1/status')
    const port = await tap.open(portIn(addresses[0]!))
    const dialler = await rawLibp2p({ seed })
    try {
      const target = multiaddr(`/ip4/127.0.0.1/tcp/${port}/p2p/${await idOf(founder)}`)
      const connection = await dialler.dial(target).catch(() => undefined)
      const stream = await connection?.newStream(CONTROL_PROTOCOL).catch(() => undefined)
      if (stream !== undefined)
        await eventually('something behind the handshake', () => afterHandshake(tap.received[0]!).length > 0)
      else await eventually('the daemon to hang up', () => tap.closed > 0)
    } finally {
      await dialler.stop()
    }
    return tap
  }

  it('one that is not enrolled gets the handshake, and not one byte after it; a member gets more', async () => {
    const stranger = await dialThroughTap(STRANGER)
    assert.ok(stranger.received.length > 0)
    for (const bytes of stranger.received) assert.equal(afterHandshake(bytes).length, 0)
    const seed = seedOf(second.dataDir)
    await second.kill()
    const member = await dialThroughTap(seed)
    assert.ok(afterHandshake(member.received[0]!).length > 0, 'the measure would not notice a byte')
  })

  it('the porch speaks the join protocol alone, and is there while a ticket is live', async () => {
    const { addresses, expiresAtMs } = await invite(founder, '--ttl', '3s')
    const dialler = await rawLibp2p({ seed: STRANGER })
    try {
      const target = multiaddr(`${addresses[0]!}/p2p/${await idOf(founder)}`)
      const connection = await dialler.dial(target)
      for (const protocol of [CONTROL_PROTOCOL, '/ipfs/id/1.0.0', '/meshsub/1.1.0', '/althing/bundle/1']) {
        await assert.rejects(connection.newStream(protocol), /protocol|Unsupported/i, protocol)
      }
    } finally {
      await dialler.stop()
    }
    const answers = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(portIn(addresses[0]!), '127.0.0.1')
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
        socket.once('connect', () => socket.destroy())
      })
    await eventually('it to close', async () => Date.now() > expiresAtMs && !(await answers()))
  })

  it('a ticket that is forged, of another cluster, or for another member is refused at the porch', async () => {
    const view = await clusterOf(founder)
    const { ticket: text, redeemer } = await invite(founder)
    const bytes = new Uint8Array(Buffer.from(text.slice('althing-ticket-'.length), 'base64url'))
    const good = openStatement(bytes, 'ticket')
    const ticket = good.body as Ticket
    const porch = { seed: STRANGER, allowPublic: false, log: SILENT }
    const stranger = statementSigner(STRANGER)
    const shown = (body: Ticket) =>
      redeemTicket(porch, stranger.id, { statement: makeStatement('ticket', body, [stranger]), ticket }, Date.now)
    const refusedFor = async (body: Ticket, fault: string) =>
      assert.rejects(shown(body), (error) => error instanceof JoinError && error.meta['fault'] === fault)
    await refusedFor({ ...ticket, owner: 'eve' }, 'unknown')
    await refusedFor({ ...ticket, expiresAtMs: ticket.expiresAtMs + 3_600_000 }, 'unknown')
    await refusedFor({ ...ticket, cluster: 'f'.repeat(64) }, 'wrong-cluster')
    await refusedFor({ ...ticket, redeemer: await idOf(second) }, 'wrong-redeemer')
    assert.equal((await clusterOf(founder)).members, 2)
    const joined = await redeemTicket(porch, stranger.id, { statement: good, ticket }, Date.now)
    assert.equal(joined.genesis.hash, view.id)
    assert.equal(redeemer, await idOf(founder))
    assert.equal((await clusterOf(founder)).members, 3)
  })

  it('a genuine ticket of another cluster: refused at this porch and by its members, and it stays good', async () => {
    const away = await startClosed('away')
    await done(away.cli('init', 'away', '--owner', 'eve'))
    const awayId = (await clusterOf(away)).id
    const { ticket: text } = await invite(away)
    const { ticket: here } = readTicket((await invite(founder)).ticket, Date.now())
    const { statement, ticket } = readTicket(text, Date.now())
    const { id: homeId } = await clusterOf(founder)
    const porch = { seed: STRANGER, allowPublic: false, log: SILENT }
    const { id } = statementSigner(STRANGER)
    // The ticket as it was signed is carried to the porch of this cluster.
    const carried = { statement, ticket: { ...ticket, redeemer: here.redeemer, addresses: here.addresses } }
    await assert.rejects(
      redeemTicket(porch, id, carried, Date.now),
      (error) => error instanceof JoinError && error.meta['fault'] === 'wrong-cluster',
    )

    // A member of this cluster does not leave it for a ticket.
    const identity = seedOf(second.dataDir)
    const { code, stdout, stderr } = await second.cli('join', text)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      /^althing: this daemon belongs to cluster home\n {2}fix: take part in another one too with --beside/,
    )
    assert.equal((await clusterOf(second)).id, homeId)
    assert.deepEqual(seedOf(second.dataDir), identity)
    assert.equal((await clusterOf(away)).members, 1)

    const third = await startClosed('third')
    await done(third.cli('join', text))
    assert.equal((await clusterOf(third)).id, awayId)
    assert.equal((await clusterOf(founder)).members, 2)
    // What was refused left nothing: the one redeemed is that by which the second came.
    const types = ['ticket.redeemed', 'member.admitted']
    const listed = await Promise.all(types.map((type) => founder.cli('audit', 'list', '--json', '--type', type)))
    assert.deepEqual(
      listed.map(({ stdout: events }) => (JSON.parse(events) as object[]).length),
      [1, 1],
    )
  })

  it('a third without a ticket is refused, whatever it is told to join', async () => {
    const { addresses } = await founder.get<{ addresses: string[] }>('/v1/status')
    const { cluster } = await founder.get<{ cluster: string }>('/v1/status')
    const third = await startClosed('third', { cluster, join: [addresses[0]!] })
    await eventually('it to be told', async () => /NOT JOINED/.test(await done(third.cli('status'))))
    const status = await founder.get<{ peers: string[] }>('/v1/status')
    assert.deepEqual(status.peers, [await idOf(second)])
  })
})
