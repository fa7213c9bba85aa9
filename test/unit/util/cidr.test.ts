import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { isWithin, readAddress, readNetwork, type Network } from '../../../src/util/cidr.ts'

const network = (text: string): Network => {
  const found = readNetwork(text)
  assert.ok(typeof found !== 'string', `${text}: ${found as string}`)
  return found
}

describe('networks', () => {
  const table: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '10.0.0.5', false],
    ['::/0', '::ffff:10.0.0.5', false],
    ['::/0', 'fe80::1%eth0', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.6', false],
    ['192.0.2.6/31', '192.0.2.7', true],
    ['10.0.0.0/8', '::ffff:10.0.0.5', true],
    ['10.0.0.0/8', '::ffff:a00:5', true],
    ['10.0.0.0/8', '0:0:0:0:0:FFFF:10.0.0.5', true],
    ['::ffff:10.0.0.0/104', '10.200.0.1', true],
    ['10.0.0.0/8', '::10.0.0.5', false],
    ['10.0.0.0/8', '64:ff9b::10.0.0.5', false],
    ['fd00::/8', 'fdff:1::2', true],
    ['fd00::/8', 'fe00::', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['10.0.0.0/8', 'attic', false],
    ['10.0.0.0/8', '', false],
  ]
  for (const [text, address, expected] of table)
    it(`${address || 'nothing'} is ${expected ? '' : 'not '}in ${text}`, () =>
      assert.equal(isWithin(address, [network(text)]), expected))

  it('no address is in no network, and nobody is at none', () => {
    assert.equal(isWithin('10.0.0.5', []), false)
    assert.equal(isWithin(undefined, [network('0.0.0.0/0')]), false)
  })

  const bad: [string, RegExp][] = [
    ['', /expected a network or an address, such as/],
    ['attic/8', /expected a network/],
    ['10.0.0.5/8', /it has bits behind its length/],
    ['10.0.0.0/33', /the length behind \/ is 0 to 32/],
    ['10.0.0.0/', /the length behind/],
    ['10.0.0.0/-1', /the length behind/],
    ['10.0.0.0/8/8', /expected a network/],
    ['10.0.0.0/0x8', /the length behind/],
    ['010.0.0.0/8', /expected a network/],
    ['fd00::/129', /the length behind \/ is 0 to 128/],
    ['fe80::%eth0/64', /expected a network/],
    ['::ffff:0:0/95', /a mapped network has 96 bits at least/],
    [`${'1'.repeat(200)}/8`, /expected a network/],
  ]
  for (const [text, message] of bad)
    it(`${text.slice(0, 30) || 'nothing'} is no network`, () => assert.match(readNetwork(text) as string, message))

  const ipv4 = fc.ipV4()
  const ipv6 = fc.ipV6()

  it('agree with Node about IPv4 and IPv6 that is not mapped', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), fc.oneof(ipv4, ipv6), fc.nat(128), (base, address, length) => {
        const family = isIP(base) === 4 ? 'ipv4' : 'ipv6'
        const bits = family === 'ipv4' ? 32 : 128
        const read = readAddress(base)!
        fc.pre(read.bits === bits && readAddress(address)!.bits === (isIP(address) === 4 ? 32 : 128))
        const prefix = Math.min(length, bits)
        const list = new BlockList()
        list.addSubnet(base, prefix, family)
        const cut = BigInt(bits - prefix)
        const net: Network = { ...read, value: (read.value >> cut) << cut, prefix }
        const isSame = isIP(address) === isIP(base)
        assert.equal(isWithin(address, [net]), isSame && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'))
      }),
      { numRuns: 2_000 },
    )
  })

  it('any text is taken or refused with a reason; an address is within its own network', () => {
    const noise = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-f:./%]{0,50}$/),
      fc.tuple(fc.oneof(ipv4, ipv6), fc.integer({ min: -2, max: 200 })).map(([base, length]) => `${base}/${length}`),
    )
    fc.assert(
      fc.property(noise, (text) => {
        const found = readNetwork(text)
        if (typeof found === 'string') return assert.match(found, /expected a network/)
        assert.ok(found.prefix >= 0 && found.prefix <= found.bits && found.value < 1n << BigInt(found.bits))
        assert.ok(isWithin(text.split('/')[0], [found]), text)
      }),
      { numRuns: 5_000 },
    )
  })
})
