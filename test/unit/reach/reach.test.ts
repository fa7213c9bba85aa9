import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { encodeQuestion, isAnswerFor, peersIn } from '../../../src/reach/multicast.ts'
import { ownNetworks, resolveHost } from '../../../src/reach/networks.ts'
import { greetTcp, tryTcp } from '../../../src/reach/tcp.ts'

const never = new AbortController().signal

describe('reach: TCP', () => {
  let server: Server
  afterEach(() => void server?.close())

  async function listening(onConnection: (socket: Socket) => void): Promise<number> {
    server = createServer((socket) => {
      socket.on('error', () => {})
      onConnection(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  it('open, and refused once nobody listens', async () => {
    const port = await listening((socket) => socket.end())
    assert.equal((await tryTcp('127.0.0.1', port, never)).state, 'open')
    server.close()
    await once(server, 'close')
    const { state, code } = await tryTcp('127.0.0.1', port, never)
    assert.deepEqual([state, code], ['refused', 'ECONNREFUSED'])
  })

  it('tells libp2p from what greets otherwise, cuts the line, or says nothing', async () => {
    const greetings = {
      libp2p: (socket: Socket) => socket.write('\u0013/multistream/1.0.0\n\u0007/noise\n'),
      'something-else': (socket: Socket) => socket.write('SSH-2.0-OpenSSH_9.6 and more\r\n'),
      silent: (socket: Socket) => socket.end(),
    }
    for (const [wanted, greet] of Object.entries(greetings)) {
      const port = await listening(greet)
      const { attempt, greeting } = await greetTcp('127.0.0.1', port, never)
      assert.deepEqual([attempt.state, greeting], ['open', wanted])
      server.close()
    }
  })

  it('ends at once when it is called off', async () => {
    const startMs = performance.now()
    // A documentation address (RFC 5737): nobody answers there.
    const { state } = await tryTcp('192.0.2.1', 9, AbortSignal.abort())
    assert.equal(state, 'timeout')
    assert.ok(performance.now() - startMs < 1_000)
  })
})

describe('reach: names and networks', function () {
  // A resolver that does not answer is given some seconds.
  this.timeout(10_000)
  it('addresses are themselves, names are looked up, and what leads nowhere says why', async () => {
    assert.deepEqual(await resolveHost('10.0.0.5'), ['10.0.0.5'])
    const local = await resolveHost('localhost')
    assert.ok(!('fault' in local) && local.some((host) => host === '127.0.0.1' || host === '::1'))
    const nowhere = await resolveHost('nowhere.invalid')
    assert.ok('fault' in nowhere && nowhere.fault.length > 0)
  })

  it('knows its own addresses', () => {
    const { isOwn, isOnLink } = ownNetworks()
    assert.deepEqual(['127.0.0.1', '127.8.8.8', '::1', '192.0.2.1'].map(isOwn), [true, true, true, false])
    assert.deepEqual(['a name', '', '127.0.0.1'].map(isOnLink), [false, false, false])
    const outside = Object.values(networkInterfaces()).flatMap(
      (list) => list?.filter(({ internal }) => !internal) ?? [],
    )
    for (const { address } of outside) assert.ok(isOnLink(address) && isOwn(address), address)
  })
})

describe('reach: multicast', () => {
  const SERVICE = '_althing-0a1b2c3d._udp.local'

  it('asks as RFC 1035 has it', () => {
    assert.equal(
      encodeQuestion(['_a.local']).toString('hex'),
      `000000000001${'0000'.repeat(3)}025f61056c6f63616c00000c0001`,
    )
  })

  it('takes for an answer only a response that names the service', () => {
    const question = encodeQuestion([SERVICE])
    assert.equal(isAnswerFor(SERVICE, question), false, 'a question')
    const answer = Buffer.from(question)
    answer[2] = 0x84
    assert.equal(isAnswerFor(SERVICE, answer), true)
    assert.equal(isAnswerFor('_althing-ffffffff._udp.local', answer), false)
    assert.equal(isAnswerFor(SERVICE, Buffer.alloc(0)), false)
  })

  it('finds the peers that an answer names, once each', () => {
    const peer = '12D3KooWLanQSE48iayrP2uBepho7o6rC1GSw6LHwCLCQfxvehVF'
    const text = `..dnsaddr=/ip4/10.0.0.5/tcp/1/p2p/${peer}..dnsaddr=/ip6/fd00::5/tcp/1/p2p/${peer}..`
    assert.deepEqual(peersIn(Buffer.from(text)), [peer])
    assert.deepEqual(peersIn(Buffer.from('/p2p/12D3KooWshort')), [])
  })
})
