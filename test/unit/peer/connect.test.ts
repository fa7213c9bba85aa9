import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromSeed } from '../../../src/peer/identity.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { eventually, link, PeerPark, portOf, seedFor } from '../../support/peers.ts'
import { rawLibp2p } from '../../support/raw-libp2p.ts'

describe('peer: connecting', () => {
  const park = new PeerPark()
  const raws: Libp2p[] = []
  const servers: Server[] = []
  afterEach(async () => {
    await park.stopAll()
    await Promise.all(raws.splice(0).map(async (raw) => raw.stop()))
    for (const server of servers.splice(0)) server.close()
  })

  async function plainServer(greet: boolean): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      if (greet) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      else server.once('close', () => socket.destroy())
    })
    servers.push(server.listen(0, '127.0.0.1'))
    await once(server, 'listening')
    return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
  }

  it('names the step that broke', async () => {
    const a = await park.start()
    const b = await park.start()
    const closedToAll = await park.start({ allowPeer: () => false })
    const foreign = await rawLibp2p()
    raws.push(foreign)
    const fails = async (address: string, code: string, text: RegExp): Promise<void> => {
      await assert.rejects(a.peer.connect(address), (error: Error & { code: string }) => {
        assert.equal(error.code, code, error.message)
        assert.match(error.message, text)
        assert.ok(error.message.startsWith(address), error.message)
        return true
      })
    }
    await fails('10.0.0.5:4100', 'bad-address', /not a TCP multiaddr/)
    await fails('/ip4/10.0.0.5/udp/4100', 'bad-address', /not a TCP multiaddr/)
    await fails('/dns4/no.such.host.invalid/tcp/4100', 'name-not-found', /does not resolve/)
    await fails('/ip4/8.8.8.8/tcp/4100', 'public-address', /public address/)
    await fails('/ip4/127.0.0.1/tcp/1', 'refused', /nothing listens there/)
    await fails(await plainServer(true), 'handshake', /does not speak libp2p/)
    await fails(await plainServer(false), 'timeout', /no answer in time/)
    await fails(
      `/ip4/127.0.0.1/tcp/${portOf(b)}/p2p/${peerIdFromSeed(new Uint8Array(32))}`,
      'wrong-peer',
      /another peer/,
    )
    await fails(foreign.getMultiaddrs()[0]?.toString() as string, 'not-althing', /speaks libp2p but not althing/)
    await fails(`/ip4/127.0.0.1/tcp/${portOf(a)}`, 'self', /this very peer/)
    await fails(closedToAll.peer.addresses()[0] as string, 'not-allowed', /not let in/)
  }).timeout(20_000)

  it('says speaks-libp2p-but-not-althing whichever side is to open the stream', async () => {
    const foreign = await rawLibp2p()
    raws.push(foreign)
    for (const side of ['below', 'above'] as const) {
      const a = await park.start({ seed: seedFor(side, foreign.peerId.toString()) })
      await assert.rejects(a.peer.connect(foreign.getMultiaddrs()[0]?.toString() as string), { code: 'not-althing' })
    }
  }).timeout(20_000)

  it('connects by host name, and again to the same peer without a second connection', async () => {
    const a = await park.start()
    const b = await park.start()
    assert.equal(await a.peer.connect(`/dns4/localhost/tcp/${portOf(b)}`), b.peer.id)
    assert.equal(await a.peer.connect(`/ip4/127.0.0.1/tcp/${portOf(b)}`), b.peer.id)
    assert.equal(await a.peer.connect(b.peer.addresses()[0] as string), b.peer.id)
    assert.equal(a.peer.stats()['connections_out'], 1)
    assert.deepEqual(a.record.events, [`up ${b.peer.id}`])
  })

  it('dials nobody the caller does not allow, and lets nobody such in', async () => {
    const b = await park.start()
    const a = await park.start({ allowPeer: (peer) => peer !== b.peer.id })
    await assert.rejects(a.peer.connect(b.peer.addresses()[0] as string), { code: 'not-allowed' })
    await assert.rejects(b.peer.connect(a.peer.addresses()[0] as string), { code: 'not-allowed' })
    assert.deepEqual([a.record.events, b.record.events], [[], []])
  })

  it('names the port in use, leaving nothing behind', async () => {
    const a = await park.start()
    const b = park.make({ listen: [`/ip4/127.0.0.1/tcp/${portOf(a)}`] })
    await assert.rejects(b.peer.start(), {
      code: 'listen-failed',
      message: `cannot listen on /ip4/127.0.0.1/tcp/${portOf(a)}: the port is in use`,
    })
    await assert.rejects(b.peer.connect(a.peer.addresses()[0] as string), { code: 'stopped' })
    const c = park.make({ listen: ['/ip4/203.0.113.7/tcp/4100'] })
    await assert.rejects(c.peer.start(), { code: 'listen-failed', message: /this machine has no such address/ })
  })

  it('tells its addresses with its id', async () => {
    const a = await park.start()
    assert.equal(a.peer.id, peerIdFromSeed(a.options.seed))
    assert.deepEqual(a.peer.addresses(), [`/ip4/127.0.0.1/tcp/${portOf(a)}/p2p/${a.peer.id}`])
  })

  it('dials a bootstrap address until somebody lives there, and again when they are back', async () => {
    const later = park.make()
    await later.peer.start()
    const address = `/ip4/127.0.0.1/tcp/${portOf(later)}`
    await later.peer.stop()
    const warnings: string[] = []
    const log = recordingLog(warnings)
    const a = await park.start({ bootstrap: [address], log })
    await eventually(() => (a.peer.stats()['dials_failed_total'] ?? 0) >= 1, 'tried in vain')
    const first = await park.start({ listen: [address] })
    await a.record.until(() => a.record.up.has(first.peer.id), 'joined', 10_000)
    await first.peer.stop()
    await a.record.until(() => !a.record.up.has(first.peer.id), 'lost')
    const second = await park.start({ listen: [address] })
    await a.record.until(() => a.record.up.has(second.peer.id), 'joined whoever lives there now', 10_000)
    assert.equal(warnings.filter((line) => line.includes('bootstrap')).length <= 2, true, 'once a way of failing')
  }).timeout(30_000)

  it('leaves out a bootstrap address that is its own', async () => {
    const a = await park.start()
    const listen = a.peer.addresses().map((address) => address.slice(0, address.indexOf('/p2p/')))
    await a.peer.stop()
    const infos: string[] = []
    await park.start({ seed: a.options.seed, listen, bootstrap: listen, log: recordingLog([], infos) })
    await eventually(() => infos.some((line) => line.includes('very peer')), 'said so')
  })

  it('grows links to known peers up to the target, not beyond', async () => {
    const others = await Promise.all(Array.from({ length: 12 }, () => park.start()))
    const a = await park.start({ degreeTarget: 8 })
    for (const { peer } of others) a.peer.learnAddresses(peer.id, peer.addresses())
    await a.record.until(() => a.record.up.size === 8, 'eight')
    const gone = others.find(({ peer }) => a.record.up.has(peer.id))
    await gone?.peer.stop()
    await a.record.until(() => a.record.up.size === 7, 'one lost')
    await a.record.until(() => a.record.up.size === 8, 'replaced')
    assert.equal(a.peer.stats()['connections_out'], 8)
  }).timeout(20_000)

  it('keeps links to those it is told to, whatever the target, and dials them again', async () => {
    const [wanted, other] = [await park.start(), await park.start()]
    const a = await park.start()
    for (const { peer } of [wanted, other]) a.peer.learnAddresses(peer.id, peer.addresses())
    a.peer.keepLinks([wanted.peer.id])
    await a.record.until(() => a.record.up.has(wanted.peer.id), 'the link')
    await wanted.peer.stop()
    await a.record.until(() => !a.record.up.has(wanted.peer.id), 'its end')
    await wanted.peer.start()
    a.peer.learnAddresses(wanted.peer.id, wanted.peer.addresses())
    await a.record.until(() => a.record.up.has(wanted.peer.id), 'the link again', 15_000)
    assert.ok(!a.record.up.has(other.peer.id), 'nobody asked for a link to it')
  }).timeout(20_000)

  it('dials what it remembers once the bootstrap addresses have had their try, and says how a link runs', async () => {
    const silent = await plainServer(false)
    const [named, kept] = [await park.start(), await park.start()]
    const a = await park.start({
      degreeTarget: 8,
      bootstrap: [silent, named.peer.addresses()[0] as string],
      remembered: [{ peer: kept.peer.id, addresses: kept.peer.addresses() }],
    })
    await a.record.until(() => a.record.up.size === 2, 'both')
    assert.deepEqual(a.record.events, [`up ${named.peer.id}`, `up ${kept.peer.id}`])
    assert.deepEqual(a.peer.link(kept.peer.id), {
      address: kept.peer.addresses()[0],
      direction: 'outbound',
      relay: undefined,
    })
    await kept.record.until(() => kept.record.up.has(a.peer.id), 'the other end')
    assert.equal(kept.peer.link(a.peer.id)?.direction, 'inbound')
    assert.equal(a.peer.link(a.peer.id), undefined)
  })

  it('finds out whether a peer is still there', async () => {
    const [a, b] = await park.pair()
    assert.equal(await a.peer.redial(b.peer.id), 'linked')
    await b.peer.stop()
    await a.record.until(() => !a.record.up.has(b.peer.id), 'the end of the link')
    assert.equal(await a.peer.redial(b.peer.id), 'refused')
    assert.equal(await a.peer.redial(peerIdFromSeed(seedFor('above', a.peer.id))), 'unreachable', 'no address is known')
  }).timeout(20_000)

  it('lets the process end by itself after stop', async () => {
    const fixture = fileURLToPath(new URL('../../support/peer-process.ts', import.meta.url))
    const child = spawn(process.execPath, ['--no-warnings', fixture, '--stop-after-link', '--mdns'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout })
    for await (const line of lines) if (line.includes('"stopped"')) break
    // libp2p itself lingers for up to two seconds with timers it does not clear.
    const killer = setTimeout(() => child.kill('SIGKILL'), 4_000)
    const [code, signal] = await once(child, 'exit')
    clearTimeout(killer)
    assert.deepEqual([code, signal], [0, null])
  }).timeout(20_000)

  it('can be started again after stop', async () => {
    const [a, b] = await park.pair()
    await a.peer.stop()
    await b.record.until(() => !b.record.up.has(a.peer.id), 'down')
    await a.peer.start()
    a.record.events.length = 0
    await link(a, b)
    assert.deepEqual(a.record.events, [`up ${b.peer.id}`])
  })
})

function recordingLog(warnings: string[], infos: string[] = []): Logger {
  const log: Logger = {
    debug: () => {},
    info: (_fields, message) => infos.push(message),
    warn: (_fields, message) => warnings.push(message),
    error: (_fields, message) => warnings.push(message),
    child: () => log,
  }
  return log
}
