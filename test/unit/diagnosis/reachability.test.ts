import assert from 'node:assert/strict'
import { matrixOf, MAX_ROWS, wayTo, type Told } from '../../../src/diagnosis/reachability.ts'
import { readPlace } from '../../../src/diagnosis/target.ts'
import { ReachabilityView } from '../../../src/model/doctor.ts'

describe('diagnosis: who reaches whom', () => {
  it('a link counts before what is heard by way of others', () => {
    const facts = { isLinked: false, isRelayed: false, isHeard: false }
    assert.equal(wayTo({ ...facts, isLinked: true }), 'direct')
    assert.equal(wayTo({ ...facts, isLinked: true, isRelayed: true, isHeard: true }), 'relayed')
    assert.equal(wayTo({ ...facts, isHeard: true }), 'heard')
    assert.equal(wayTo(facts), 'none')
  })

  it('itself first, then who told, then who did not and why; round trips in milliseconds', () => {
    const told = new Map<string, Told>([
      ['s', { links: [{ peer: 'a', way: 'direct', rttUs: 250 }], leftOut: 0 }],
      ['b', { links: [{ peer: 's', way: 'relayed' }], leftOut: 3 }],
      ['a', { whyNot: 'did not answer' }],
    ])
    const members = ['a', 'b', 's', 'c'].map((peerId) => ({ peerId, name: peerId }))
    const view = matrixOf({ self: 's', members, told })
    assert.deepEqual(ReachabilityView.parse(view), view)
    assert.deepEqual(
      view.rows.map(({ peerId, source, whyNot, leftOut }) => [peerId, source, whyNot, leftOut]),
      [
        ['s', 'self', undefined, 0],
        ['b', 'told', undefined, 3],
        ['a', 'unknown', 'did not answer', 0],
        ['c', 'unknown', 'not asked: this node has no link to it', 0],
      ],
    )
    assert.deepEqual(view.rows[0]!.cells, [{ peerId: 'a', way: 'direct', rttMs: 0.25 }])
  })

  it('a large mesh is cut, and it is said by how much', () => {
    const members = Array.from({ length: 300 }, (_, at) => ({ peerId: `p${at}`, name: `n${at}` }))
    const view = matrixOf({ self: 'p7', members, told: new Map() })
    assert.deepEqual([view.rows.length, view.rowsLeftOut, view.rows[0]!.peerId], [MAX_ROWS, 300 - MAX_ROWS, 'p7'])
  })
})

describe('diagnosis: targets', () => {
  it('reads addresses as people and daemons write them', () => {
    const read = (text: string) => {
      const place = readPlace(text)
      return place && [place.host, place.port, place.peer]
    }
    assert.deepEqual(read('/ip4/10.0.0.5/tcp/4200/p2p/12D3'), ['10.0.0.5', 4200, '12D3'])
    assert.deepEqual(read('/dns4/host.lan/tcp/1'), ['host.lan', 1, undefined])
    assert.deepEqual(read('/ip6/fd00::5/tcp/4100'), ['fd00::5', 4100, undefined])
    assert.deepEqual(read('10.0.0.5'), ['10.0.0.5', 4100, undefined])
    assert.deepEqual(read('host.lan:99'), ['host.lan', 99, undefined])
    assert.deepEqual(read('[fd00::5]:99'), ['fd00::5', 99, undefined])
    assert.deepEqual(read('fd00::5'), ['fd00::5', 4100, undefined])
    const wrong = ['', ':4100', 'a b', 'host:0', 'host:65536', 'host:x', '/ip4/1.2.3.4', '/ip4/1.2.3.4/udp/1', '[::1']
    for (const text of [...wrong, '/ip4/1.2.3.4/tcp/1/p2p', '/ip4/1.2.3.4/tcp/1/p2p/R/p2p-circuit']) {
      assert.equal(read(text), undefined, text)
    }
  })
})
