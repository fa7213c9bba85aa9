import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import { eventually, link, PeerPark } from '../../support/peers.ts'
import type { TestPeer } from '../../support/peers.ts'

const text = (data: Uint8Array): string => Buffer.from(data).toString()
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('peer: gossip', () => {
  const park = new PeerPark()
  afterEach(() => park.stopAll())

  /** Peers linked in a ring, with each one's mesh grafted. */
  async function ring(count: number): Promise<TestPeer[]> {
    const peers: TestPeer[] = []
    for (let index = 0; index < count; index += 1) peers.push(await park.start())
    for (let index = 0; index < count; index += 1) {
      await link(peers[index] as TestPeer, peers[(index + 1) % count] as TestPeer)
    }
    await meshed(peers, Math.min(2, count - 1))
    return peers
  }

  async function meshed(peers: TestPeer[], neighbours: number): Promise<void> {
    for (const { peer } of peers) {
      await eventually(
        () =>
          (peer.stats()['gossip_mesh_peers_records'] ?? 0) >= neighbours &&
          (peer.stats()['gossip_mesh_peers_pulse'] ?? 0) >= neighbours,
        'mesh grafted',
      )
    }
  }

  it('brings a record to eight peers, once each, through peers that are not neighbours', async () => {
    const peers = await ring(8)
    const [first, ...others] = peers as [TestPeer, ...TestPeer[]]
    const record = randomBytes(1000)
    first.peer.publish('records', record)
    for (const { record: seen } of others) await seen.until(() => seen.gossip.length === 1, 'record')
    for (const { record: seen } of others) {
      assert.deepEqual(Buffer.from(seen.gossip[0]?.data as Uint8Array), record)
      assert.equal(seen.gossip[0]?.topic, 'records')
    }
    assert.equal(first.record.gossip.length, 0, 'nothing comes back to the author')
    assert.ok(
      others.some(({ record: seen }) => seen.gossip[0]?.from !== first.peer.id),
      'some by way of others',
    )
  }).timeout(20_000)

  it('keeps the topics apart', async () => {
    const [a, b] = (await ring(2)) as [TestPeer, TestPeer]
    a.peer.publish('pulse', bytes('beat'))
    a.peer.publish('records', bytes('card'))
    await b.record.until(() => b.record.gossip.length === 2, 'both')
    assert.deepEqual(
      new Map(b.record.gossip.map(({ topic, data }) => [topic, text(data)])),
      new Map([
        ['pulse', 'beat'],
        ['records', 'card'],
      ]),
    )
  })

  it('keeps the newest records published before anybody listened', async () => {
    const a = await park.start()
    for (let index = 0; index < 10; index += 1) a.peer.publish('records', bytes(`early ${index}`))
    const b = await park.start()
    await link(a, b)
    await b.record.until(() => b.record.gossip.length === 8, 'eight')
    assert.deepEqual(
      b.record.gossip.map(({ data }) => text(data)),
      [2, 3, 4, 5, 6, 7, 8, 9].map((index) => `early ${index}`),
    )
    assert.equal(a.peer.stats()['gossip_publish_dropped_total'], 2)
  })

  it('keeps clusters apart', async () => {
    const [a, b] = await park.pair({ cluster: 'one' }, { cluster: 'two' })
    a.peer.publish('records', bytes('x'))
    await a.peer.send(b.peer.id, bytes('after'))
    await b.record.until(() => b.record.frames.length === 1, 'a frame sent after it')
    assert.equal(b.record.gossip.length, 0)
    assert.equal(b.peer.stats()['gossip_subscribers_records'], 0)
  })

  for (const verdict of ['ignore', 'reject'] as const) {
    it(`does not forward what is met with ${verdict}`, async () => {
      const a = await park.start()
      const b = await park.start()
      const c = await park.start()
      await link(a, b)
      await link(b, c)
      await meshed([a, c], 1)
      await meshed([b], 2)
      b.record.verdict = (_topic, data) => (text(data).startsWith('bad') ? verdict : 'accept')
      a.peer.publish('records', bytes('bad one'))
      await b.record.until(() => b.record.gossip.length === 1, 'b judged it')
      a.peer.publish('records', bytes('good one'))
      await c.record.until(() => c.record.gossip.length === 1, 'c has the good one')
      assert.equal(text(c.record.gossip[0]?.data as Uint8Array), 'good one')
      assert.equal(b.peer.stats()[`gossip_messages_${verdict}_total`], 1)
    }).timeout(20_000)
  }

  it('stops listening to a peer whose records are provably bad, and not to one whose are stale', async () => {
    const [victim, liar, stale] = (await ring(3)) as [TestPeer, TestPeer, TestPeer]
    victim.record.verdict = (_topic, data) =>
      text(data).startsWith('lie') ? 'reject' : text(data).startsWith('old') ? 'ignore' : 'accept'
    // The third peer passes nothing of the liar's on: each is judged by what it sends itself.
    stale.record.verdict = () => 'ignore'
    const silenced = (): number => victim.peer.stats()['gossip_graylisted_rpcs_total'] ?? 0
    let lies = 0
    const goOn = (fromLiar: string): void => {
      for (const part of 'abc') stale.peer.publish('pulse', bytes(`old ${lies} ${part}`))
      liar.peer.publish('records', bytes(`${fromLiar} ${lies++}`))
    }
    await eventually(() => {
      goOn('lie')
      return silenced() > 0
    }, 'liar silenced')
    // Scores are kept for a second: long enough that the other's, too, has been reckoned anew.
    await eventually(() => {
      goOn('true, but from a liar')
      return silenced() > 150
    }, 'liar still silenced')
    assert.ok((victim.peer.stats()['gossip_messages_ignore_total'] ?? 0) >= 100)
    stale.peer.publish('records', bytes('fresh'))
    await victim.record.until(() => victim.record.gossip.some(({ data }) => text(data) === 'fresh'), 'stale one heard')
    assert.ok(!victim.record.gossip.some(({ data }) => text(data).startsWith('true')))
  }).timeout(20_000)

  it('hears the topics of the wards it listens to, whoever listened first, and no others', async () => {
    const [a, b, c] = (await ring(3)) as [TestPeer, TestPeer, TestPeer]
    a.peer.listen(['attic/0'], true)
    // Whoever has subscribed before this peer knew of the ward is heard by it all the same.
    await eventually(() => (a.peer.stats()['gossip_mesh_peers_pulse'] ?? 0) === 0, 'the whole mesh left')
    b.peer.listen(['/', 'attic/0'], true)
    const heard = ({ record }: TestPeer) => record.gossip.map(({ topic, ward, data }) => [topic, ward, text(data)])
    await eventually(() => {
      a.peer.publish('pulse', bytes(`beat ${Math.random()}`), 'attic/0')
      return heard(b).some(([topic, ward]) => topic === 'pulse' && ward === 'attic/0')
    }, 'a beat in the ward')
    a.peer.publish('digests', bytes('digest'))
    await b.record.until(() => b.record.gossip.some(({ topic }) => topic === 'digests'), 'a digest')

    // The same words in two wards are two messages.
    const same = bytes('in both')
    b.peer.publish('records', same, '/')
    b.peer.publish('records', same, 'attic/0')
    await a.record.until(() => a.record.gossip.some(({ data }) => text(data) === 'in both'), 'it in the ward')
    await c.record.until(() => c.record.gossip.some(({ data }) => text(data) === 'in both'), 'it in the whole mesh')
    assert.deepEqual(heard(a).at(-1), ['records', 'attic/0', 'in both'])
    assert.deepEqual(heard(c), [['records', '/', 'in both']], 'it is in the whole mesh alone: no beat came, no digest')

    // Honest peers are scored as such on topics that came later: over some seconds, since scores are kept for one.
    const graylisted = () => [a, b].map(({ peer }) => peer.stats()['gossip_graylisted_rpcs_total'] ?? 0)
    const startMs = performance.now()
    await eventually(() => {
      a.peer.publish('pulse', bytes(`again ${Math.random()}`), 'attic/0')
      return performance.now() - startMs > 3_000 || graylisted().some((count) => count > 0)
    }, 'scores reckoned anew')
    assert.deepEqual(graylisted(), [0, 0])
    b.peer.listen(['/'], false)
    await eventually(() => {
      a.peer.publish('pulse', bytes(`late ${Math.random()}`), 'attic/0')
      return (a.peer.stats()['gossip_subscribers_pulse'] ?? 0) === 0
    }, 'nobody else in the ward')
  }).timeout(20_000)

  it('refuses messages over the cap on both sides', async () => {
    const [a] = (await ring(2)) as [TestPeer, TestPeer]
    assert.throws(() => a.peer.publish('records', new Uint8Array(16 * 1024 + 1)), { code: 'bad-size' })
    assert.throws(() => a.peer.publish('records', new Uint8Array(0)), { code: 'bad-size' })
  })

  it('shows every passport change to all of 20 peers', async () => {
    const first = await park.start({ degreeTarget: 8 })
    const peers = [first]
    for (let index = 1; index < 20; index += 1) {
      peers.push(await park.start({ degreeTarget: 8, bootstrap: [first.peer.addresses()[0] as string] }))
    }
    // What the registry will do with passports: everyone learns everyone's addresses.
    for (const { peer } of peers) for (const other of peers) peer.learnAddresses(other.peer.id, other.peer.addresses())
    for (const { peer } of peers) await eventually(() => peer.peers().length >= 8, 'eight links', 15_000)
    await meshed(peers, 3)
    for (let round = 0; round < 20; round += 1) {
      const author = peers[(round * 7) % 20] as TestPeer
      const record = randomBytes(2000)
      const others = peers.filter((other) => other !== author)
      author.peer.publish('records', record)
      await Promise.all(
        others.map(async ({ record: seen }) => {
          await seen.until(() => seen.gossip.some(({ data }) => record.equals(data)), 'passport')
        }),
      )
    }
  }).timeout(60_000)
})
