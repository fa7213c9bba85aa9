import assert from 'node:assert/strict'
import {
  faultOfCluster,
  faultOfJoin,
  faultOfLabel,
  faultOfListen,
  faultOfName,
  faultOfPeer,
} from '../../../src/node/option-values.ts'

const PEER = '12D3KooWLanQSE48iayrP2uBepho7o6rC1GSw6LHwCLCQfxvehVF'
const at = (place: string) => `${place}/p2p/${PEER}`

describe('node/option-values', () => {
  const cases: [string, (text: string) => string | undefined, string[], [string, RegExp][]][] = [
    [
      'a name',
      faultOfName,
      ['a', 'attic', 'attic-2.lan', '0', 'x'.repeat(63)],
      ['', 'Attic', 'a b', '-a', 'a-', 'a..b', 'ä', 'x'.repeat(64), `${'x.'.repeat(127)}x`].map((text) => [
        text,
        /^expected a name of lower-case letters.* such as attic/,
      ]),
    ],
    [
      'a cluster',
      faultOfCluster,
      ['default', 'A.b_c-1', 'x'.repeat(64)],
      ['', 'a b', 'a/b', '.a', 'x'.repeat(65)].map((text) => [text, /^expected up to 64 .*such as home$/]),
    ],
    [
      'a peer',
      faultOfPeer,
      [PEER],
      ['', 'nobody', PEER.slice(1), `${PEER}x`, PEER.slice(0, -1), PEER.replace('L', '0')].map((text) => [
        text,
        /^expected a peer id: 12D3KooW/,
      ]),
    ],
    [
      'an address to join by',
      faultOfJoin,
      [
        '/ip4/10.0.0.5/tcp/4100',
        '/ip6/fd00::2/tcp/1',
        '/dns4/attic.lan/tcp/4100',
        '/dns/a/tcp/65535',
        `${at('/ip4/10.0.0.5/tcp/4100')}/p2p-circuit`,
      ].map(at),
      [
        ['nonsense', /^expected an address as .*\/p2p\/12D3KooW…$/],
        ['', /^expected an address/],
        [PEER, /^expected an address/],
        [`/p2p/${PEER}`, /^expected an address/],
        ['/ip4/10.0.0.5/tcp/4100', /^\/p2p\/ and a peer id are missing at its end; expected/],
        ['/ip4/10.0.0.5/tcp/4100/p2p/', /^what follows \/p2p\/ is no peer id; expected/],
        ['/ip4/10.0.0.5/tcp/4100/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', /is no peer id/],
        [at('/ip4/10.0.0/tcp/4100'), /^10\.0\.0 is no IPv4 address; expected/],
        [at('/ip6/10.0.0.5/tcp/4100'), /is no IPv6 address/],
        [at('/dns4/a b/tcp/4100'), /is no host name/],
        [at('/ip4/10.0.0.5/tcp/0'), /^0 is no port from 1 to 65535/],
        [at('/ip4/10.0.0.5/tcp/65536'), /is no port/],
        [at('/ip4/10.0.0.5/tcp/'), /^nothing is no port/],
        [at('/ip4/10.0.0.5/udp/4100/quic-v1'), /^expected an address/],
        [at('/toString/x/tcp/1'), /^expected an address/],
        [at(at('/ip4/10.0.0.5/tcp/4100')), /^expected an address/],
        [`${at('/ip4/10.0.0.5/tcp/4100')}/p2p-circuit`, /is no peer id/],
        [`${at('/ip4/10.0.0.5/tcp/4100')}/p2p-circuit/p2p/me`, /is no peer id/],
        [at('/ip4/10.0.0.5/tcp/4100/p2p-circuit'), /are missing at its end/],
        [at(`${at(`${at('/ip4/10.0.0.5/tcp/4100')}/p2p-circuit`)}/p2p-circuit`), /is no peer id/],
      ],
    ],
    [
      'an address to listen on',
      faultOfListen,
      ['/ip4/127.0.0.1/tcp/0', '/ip6/::/tcp/4100', '/ip6zone/eth0/ip6/fe80::1/tcp/4100'],
      [
        ['nonsense', /^expected a TCP address of this machine, such as/],
        ['/ip4/127.0.0.1', /^expected a TCP address/],
        ['/dns4/localhost/tcp/4100', /^localhost is a name; expected/],
        ['/ip4/300.0.0.1/tcp/4100', /^300\.0\.0\.1 is no IPv4 address/],
        [at('/ip4/127.0.0.1/tcp/4100'), /^expected a TCP address/],
      ],
    ],
  ]
  for (const [what, faultOf, good, bad] of cases) {
    it(`${what}: takes what is right`, () => {
      for (const text of good) assert.equal(faultOf(text), undefined, text)
    })
    it(`${what}: says of everything else what was expected`, () => {
      for (const [text, message] of bad) assert.match(faultOf(text) ?? 'no fault', message, text)
    })
  }

  it('a label: tells a wrong key from a wrong value', () => {
    assert.equal(faultOfLabel('zone', 'attic'), undefined)
    assert.equal(faultOfLabel('example.org/zone', ''), undefined)
    assert.match(faultOfLabel('bad key', '1')!, /^expected a label key.* such as zone=attic$/)
    assert.match(faultOfLabel('', '1')!, /label key/)
    assert.match(faultOfLabel('zone', 'a b')!, /^expected a label value.* such as zone=attic$/)
  })
})
