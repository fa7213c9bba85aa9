import { strict as assert } from 'node:assert'
import { MAX_PROBE_KEYS, PROBES_PER_KEY_PER_S, STRAY_PROBES_PER_S } from '../../../src/peer/limits.ts'
import { ProbeLinks } from '../../../src/peer/probe-links.ts'
import { ReplayWindow } from '../../../src/peer/replay-window.ts'
import { encodeProbe, probeKey, type ProbeMessage } from '../../../src/wire/probe.ts'

const PONG: ProbeMessage = { type: 'pong', nonce: 7 }
const HOME = { host: '10.0.0.1', port: 4100 }
const AWAY = { host: '10.0.0.2', port: 4100 }
const OTHER_KEY = new Uint8Array(32)

/** What came of a datagram: who sent it, or why it was refused. */
function fate(links: ProbeLinks, bytes: Uint8Array, from = HOME, nowMs = 0): string {
  const outcome = links.accept(bytes, from, nowMs)
  return typeof outcome === 'string' ? outcome : outcome.peer
}

/** Links that expect and know `ada`, and the pen she writes with. */
function met(): { links: ProbeLinks; write: (counter: number) => Uint8Array } {
  const links = new ProbeLinks(0)
  const write = pen(links.expect('ada', 0))
  assert.ok(links.learn('ada', { ...HOME, key: OTHER_KEY }))
  return { links, write }
}

function pen(key: Uint8Array | undefined): (counter: number) => Uint8Array {
  assert.ok(key !== undefined)
  const made = probeKey(key)
  return (counter) => encodeProbe(PONG, made, counter)
}

describe('peer: probe links', () => {
  it('takes each counter once, in any order within 64', () => {
    const { links, write } = met()
    for (const counter of [100, 99, 37, 101, 200]) assert.equal(fate(links, write(counter)), 'ada', `${counter}`)
    // 136 is 64 behind the newest: a bit too old to tell.
    for (const counter of [200, 101, 100, 37, 136, 1]) assert.equal(fate(links, write(counter)), 'replay', `${counter}`)
    for (const counter of [137, 199]) assert.equal(fate(links, write(counter)), 'ada', `${counter}`)
    assert.equal(fate(links, write(137)), 'replay')
    // Leaps as far as a counter goes.
    assert.equal(fate(links, write(Number.MAX_SAFE_INTEGER)), 'ada')
    assert.equal(fate(links, write(201)), 'replay')
    assert.equal(fate(links, write(Number.MAX_SAFE_INTEGER - 1)), 'ada')
  })

  it('agrees with a plain set of counters', () => {
    const window = new ReplayWindow()
    const taken = new Set<number>()
    let highest = 0
    for (let step = 0; step < 20_000; step++) {
      // Walks upwards in uneven strides, looking back further than the window reaches.
      const counter = Math.max(1, highest + ((step * 7919) % 97) - 88)
      const wanted = !taken.has(counter) && counter > highest - 64
      assert.equal(window.isFresh(counter), wanted, `${counter} with ${highest} highest`)
      if (!wanted) continue
      taken.add(counter)
      assert.equal(window.take(counter), counter > highest)
      highest = Math.max(highest, counter)
      assert.equal(window.highest, highest)
    }
    assert.ok(highest > 1_000)
  })

  it('does not move the window for what is not authentic', () => {
    const { links, write } = met()
    const forged = write(1_000)
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
    assert.equal(fate(links, forged), 'bad-tag')
    assert.equal(fate(links, write(1)), 'ada')
  })

  it('takes no more than its rate under one key, and lets nobody else suffer', () => {
    const { links, write } = met()
    const eve = pen(links.expect('eve', 0))
    const fates = Array.from({ length: PROBES_PER_KEY_PER_S + 50 }, (_, index) => fate(links, write(index + 1)))
    assert.equal(fates.filter((one) => one === 'ada').length, PROBES_PER_KEY_PER_S)
    assert.equal(fates.at(-1), 'too-many')
    assert.equal(fate(links, eve(1)), 'eve')
    assert.equal(fate(links, write(1_000), HOME, 10), 'ada')
  })

  it('lets copies of a key id from elsewhere use up their own rate only', () => {
    const { links, write } = met()
    const forged = write(5)
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
    const fates = Array.from({ length: STRAY_PROBES_PER_S + 50 }, () => fate(links, forged, AWAY))
    assert.equal(fates.filter((one) => one === 'bad-tag').length, STRAY_PROBES_PER_S)
    assert.equal(fates.filter((one) => one === 'too-many').length, 50)
    assert.equal(fate(links, write(1)), 'ada')
  })

  it('sends to the host it learnt, by the port the newest datagram of that host came from', () => {
    const { links, write } = met()
    const goesTo = (): unknown => links.seal('ada', PONG)?.to
    assert.deepEqual(goesTo(), HOME)
    assert.equal(fate(links, write(1), AWAY), 'ada')
    assert.deepEqual(goesTo(), HOME)
    assert.equal(fate(links, write(3), { host: '10.0.0.1', port: 61_000 }), 'ada')
    assert.deepEqual(goesTo(), { host: '10.0.0.1', port: 61_000 })
    assert.equal(fate(links, write(2), HOME), 'ada')
    assert.deepEqual(goesTo(), { host: '10.0.0.1', port: 61_000 }, 'an older datagram changes nothing')
    assert.equal(fate(links, write(4), { host: '10.0.0.1', port: 0 }), 'ada')
    assert.deepEqual(goesTo(), { host: '10.0.0.1', port: 61_000 }, 'no port to send to')
  })

  it('knows an address in all its dresses', () => {
    const { links, write } = met()
    links.learn('ada', { host: '::ffff:a00:1', port: 4100, key: OTHER_KEY })
    assert.deepEqual(links.seal('ada', PONG)?.to, HOME)
    assert.equal(fate(links, write(1), { host: '::ffff:10.0.0.1', port: 5_000 }), 'ada')
    assert.deepEqual(links.seal('ada', PONG)?.to, { host: '10.0.0.1', port: 5_000 })

    links.learn('ada', { host: 'FD00:0:0::0001', port: 4100, key: OTHER_KEY })
    assert.deepEqual(links.seal('ada', PONG)?.to, { host: 'fd00::1', port: 4100 })
    assert.equal(fate(links, write(2), { host: 'fd00::1', port: 5_000 }), 'ada')
    assert.deepEqual(links.seal('ada', PONG)?.to, { host: 'fd00::1', port: 5_000 })

    // The zone that is needed to send to it comes with the datagram.
    links.learn('ada', { host: 'fe80::1', port: 4100, key: OTHER_KEY })
    assert.equal(fate(links, write(3), { host: 'fe80::1%eth0', port: 4100 }), 'ada')
    assert.deepEqual(links.seal('ada', PONG)?.to, { host: 'fe80::1%eth0', port: 4100 })
  })

  it('learns only what can be used', () => {
    const { links } = met()
    const good = { ...HOME, key: OTHER_KEY }
    for (const host of ['', 'host.lan', '10.0.0', '10.0.0.1:80', '::g'])
      assert.equal(links.learn('eve', { ...good, host }), false, host)
    for (const port of [0, -1, 65_536, 1.5, NaN]) assert.equal(links.learn('eve', { ...good, port }), false, `${port}`)
    assert.equal(links.learn('eve', { ...good, key: new Uint8Array(31) }), false)
    assert.equal(links.seal('eve', PONG), undefined)
    assert.equal(links.learn('eve', good), true)
  })

  it('counts on under a key it is told twice, and anew under another', () => {
    const { links } = met()
    const receiver = new ProbeLinks(0)
    const told = { ...HOME, key: receiver.expect('us', 0) as Uint8Array }
    const next = (): string => fate(receiver, links.seal('ada', PONG)?.bytes as Uint8Array)
    links.learn('ada', told)
    assert.deepEqual([next(), next()], ['us', 'us'])
    links.learn('ada', told)
    assert.equal(next(), 'us')
    links.learn('ada', { ...HOME, key: receiver.expect('us', 0) as Uint8Array })
    assert.equal(next(), 'us')
  })

  it('takes the key that was proven until the new one is, whatever hellos were lost between', () => {
    const { links, write: first } = met()
    assert.equal(fate(links, first(1)), 'ada')
    const lost = pen(links.expect('ada', 0))
    assert.equal(fate(links, first(2)), 'ada')
    const second = pen(links.expect('ada', 0))
    assert.equal(links.keys, 2)
    assert.equal(fate(links, first(10), { host: HOME.host, port: 5_000 }), 'ada')
    assert.deepEqual(links.seal('ada', PONG)?.to, HOME, 'where the old key is used says nothing any more')
    assert.equal(fate(links, lost(1)), 'unknown-key')
    assert.equal(fate(links, first(3)), 'ada')
    assert.equal(fate(links, first(3)), 'replay')
    assert.equal(fate(links, second(1)), 'ada')
    assert.equal(fate(links, first(4)), 'unknown-key')
    assert.equal(links.keys, 1)
    pen(links.expect('ada', 0))
    links.forget('ada')
    assert.equal(links.keys, 0)
    assert.equal(fate(links, second(2)), 'unknown-key')
    assert.equal(links.seal('ada', PONG), undefined)
  })

  it('gives out no more keys than it may, and still renews those there are', () => {
    const { links, write } = met()
    for (let index = 1; index < MAX_PROBE_KEYS; index++) assert.ok(links.expect(`peer ${index}`, 0) !== undefined)
    assert.equal(links.expect('one more', 0), undefined)
    assert.equal(links.learn('one more', { ...HOME, key: OTHER_KEY }), false)
    assert.equal(fate(links, write(1)), 'ada')
    const renewed = pen(links.expect('ada', 0))
    assert.equal(links.keys, MAX_PROBE_KEYS)
    assert.equal(fate(links, renewed(1)), 'ada')
    links.forget('ada')
    assert.ok(links.expect('one more', 0) !== undefined)
  })
})
