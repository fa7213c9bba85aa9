import { strict as assert } from 'node:assert'
import {
  isLoopbackAddress,
  isPrivateAddress,
  isPrivateHost,
  parseTcpAddress,
  privateListenAddresses,
  resolveAddress,
} from '../../../src/peer/addresses.ts'
import { MAX_KNOWN_PEERS } from '../../../src/peer/limits.ts'
import { AddressBook } from '../../../src/peer/address-book.ts'

const PEER = '12D3KooWFiHPaJri71g7PfXJ9D5MJWbdmhK7W5cTqL2RzUaKmXQM'
const OTHER = '12D3KooWMDQ1TLMCevcCWKqt4UV3Vr4aWGdcfys3A7ANpq2AmtWQ'

describe('peer: addresses', () => {
  const cases: [string, boolean][] = [
    ['/ip4/127.0.0.1/tcp/1', true],
    ['/ip4/10.1.2.3/tcp/1', true],
    ['/ip4/172.16.0.1/tcp/1', true],
    ['/ip4/172.32.0.1/tcp/1', false],
    ['/ip4/192.168.1.1/tcp/1', true],
    ['/ip4/100.64.0.1/tcp/1', true],
    ['/ip4/100.128.0.1/tcp/1', false],
    ['/ip4/169.254.9.9/tcp/1', true],
    ['/ip4/8.8.8.8/tcp/1', false],
    ['/ip4/0.0.0.0/tcp/1', false],
    ['/ip6/::1/tcp/1', true],
    ['/ip6/fd00::1/tcp/1', true],
    ['/ip6/fe80::1/tcp/1', true],
    ['/ip6zone/eth0/ip6/fe80::1/tcp/1', true],
    ['/ip6/2001:4860:4860::8888/tcp/1', false],
    ['/ip6/::ffff:10.0.0.1/tcp/1', true],
    ['/ip6/::ffff:8.8.8.8/tcp/1', false],
    [`/ip4/10.1.2.3/tcp/1/p2p/${PEER}`, true],
    ['/dns4/localhost/tcp/1', false],
    ['/ip4/10.1.2.3/udp/1', false],
    ['junk', false],
  ]
  for (const [address, expected] of cases) {
    it(`${address} is ${expected ? '' : 'not '}private`, () => assert.equal(isPrivateAddress(address), expected))
  }

  it('knows private hosts as sockets tell them: with a zone, or IPv4 inside IPv6', () => {
    for (const host of ['127.0.0.1', '10.1.2.3', '::ffff:192.168.0.1', 'fe80::1%eth0', 'fd00::1', '::1'])
      assert.ok(isPrivateHost(host), host)
    for (const host of ['8.8.8.8', '::ffff:8.8.8.8', '2001:db8::1', 'attic.lan', ''])
      assert.ok(!isPrivateHost(host), host)
  })

  it('lists loopback first and only private addresses', () => {
    const listed = privateListenAddresses(4100)
    assert.ok(listed.includes('/ip4/127.0.0.1/tcp/4100'), listed.join())
    assert.ok(isLoopbackAddress(listed[0] as string))
    for (const address of listed) assert.ok(isPrivateAddress(address), address)
  })

  it('resolves host names, keeping port and peer id', async () => {
    const found = await resolveAddress(`/dns4/localhost/tcp/4100/p2p/${PEER}`)
    assert.deepEqual(found, [`/ip4/127.0.0.1/tcp/4100/p2p/${PEER}`])
    await assert.rejects(resolveAddress('/dns4/no.such.host.invalid/tcp/1'), { code: 'name-not-found' })
    await assert.rejects(resolveAddress('10.0.0.5:4100'), { code: 'bad-address' })
  })

  it('reads the parts of an address', () => {
    assert.deepEqual(parseTcpAddress(`/ip4/10.0.0.5/tcp/41/p2p/${PEER}`), {
      family: 'ip4',
      host: '10.0.0.5',
      port: 41,
      peer: PEER,
    })
    assert.equal(parseTcpAddress('/ip4/10.0.0.5/tcp/41/ws'), undefined)
  })

  it('remembers the newest addresses of a peer, none of another, none public, at most eight', () => {
    const book = new AddressBook(OTHER, isPrivateAddress)
    book.learn(PEER, ['/ip4/10.0.0.1/tcp/1', '/ip4/8.8.8.8/tcp/1', `/ip4/10.0.0.2/tcp/1/p2p/${OTHER}`, 'junk'])
    assert.deepEqual(book.of(PEER), ['/ip4/10.0.0.1/tcp/1'])
    book.learn(
      PEER,
      Array.from({ length: 9 }, (_, index) => `/ip4/10.0.1.${index}/tcp/1/p2p/${PEER}`),
    )
    assert.equal(book.of(PEER).length, 8)
    assert.equal(book.of(PEER)[0], '/ip4/10.0.1.0/tcp/1')
    book.learn(OTHER, ['/ip4/10.0.0.1/tcp/1'])
    assert.deepEqual(book.peers(), [PEER], 'not oneself')
  })

  it('forgets the peer learnt longest ago when full', () => {
    const book = new AddressBook('self', () => true)
    for (let index = 0; index <= MAX_KNOWN_PEERS; index += 1) book.learn(`peer-${index}`, ['/ip4/10.0.0.1/tcp/1'])
    assert.equal(book.size, MAX_KNOWN_PEERS)
    assert.deepEqual(book.of('peer-0'), [])
  })
})
