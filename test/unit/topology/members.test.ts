import assert from 'node:assert/strict'
import { countRoster, nextWakeMs, verdictOf } from '../../../src/topology/state.ts'
import { isSet } from '../../../src/util/timer-heap.ts'
import { answering, Bench, EPOCH, of } from './fixtures.ts'

const NINE = Array.from({ length: 9 }, (_, index) => `peer-${index}`)
const MINE = { epoch: EPOCH, incarnation: 0 }

describe('topology/refute', () => {
  it('refutes what is said of its present pair, and of no other', () => {
    const bench = new Bench('me', ['bob', 'ann'])
    assert.deepEqual(bench.testify('bob', 'me', 'cleared'), [])
    assert.deepEqual(bench.testify('bob', 'me', 'silent', { epoch: EPOCH - 1 }), [])
    const effects = bench.testify('bob', 'me', 'silent')
    assert.deepEqual(effects, [{ type: 'refute', own: { epoch: EPOCH, incarnation: 1 } }])
    assert.equal(bench.state.health, 1)
    bench.pass(1_000, answering())
    assert.deepEqual(bench.testify('ann', 'me', 'silent'), [])
  })

  it('refutes what a probe tells it', () => {
    const bench = new Bench('me', ['bob'])
    assert.equal(of(bench.give({ type: 'ping', from: 'bob', suspects: MINE }), 'refute').length, 1)
  })

  it('goes beyond what was said, but not to any number', () => {
    const bench = new Bench('me', ['bob'])
    assert.deepEqual(bench.testify('bob', 'me', 'silent', { incarnation: Number.MAX_SAFE_INTEGER }), [])
    assert.equal(of(bench.testify('bob', 'me', 'silent', { incarnation: 4 }), 'refute')[0]?.own.incarnation, 5)
  })

  it('refutes at most twice a second, and forgets nothing', () => {
    const bench = new Bench('me', ['bob'])
    bench.testify('bob', 'me', 'silent')
    const effects = bench.testify('bob', 'me', 'silent', { incarnation: 1 })
    assert.deepEqual(of(effects, 'refute'), [])
    const later = bench.pass(600, answering())
    assert.deepEqual(
      of(later, 'refute').map(({ own }) => own.incarnation),
      [2],
    )
  })

  it('refutes one who goes on accusing ever less often, and others at once', () => {
    const bench = new Bench('me', ['bob', 'ann'])
    const refuteAgain = (witness: string) => {
      const { incarnation } = bench.state.own
      bench.testify(witness, 'me', 'silent', { incarnation })
      for (let ms = 0; ms <= 5_000; ms += 50) {
        if (bench.state.own.incarnation > incarnation) return ms
        bench.pass(50, answering())
      }
      throw new Error('it was never refuted')
    }
    const waits = [0, 500, 1_000, 2_000, 2_000, 2_000]
    assert.deepEqual(
      waits.map(() => refuteAgain('bob')),
      waits,
    )
    bench.testify('bob', 'me', 'silent', { incarnation: bench.state.own.incarnation })
    assert.equal(refuteAgain('ann'), 500, 'ann does not wait for bob')
    bench.pass(20_000, answering())
    assert.equal(refuteAgain('bob'), 0)
    assert.equal(refuteAgain('bob'), 500, 'bob begins anew')
  })

  it('refutes nothing once it has said goodbye', () => {
    const bench = new Bench('me', ['bob'])
    bench.testify('bob', 'me', 'silent')
    bench.testify('bob', 'me', 'silent', { incarnation: 1 })
    bench.give({ type: 'member-left', id: 'me', pair: MINE })
    assert.deepEqual(of(bench.pass(2_000, answering()), 'refute'), [])
  })
})

describe('topology/awareness', () => {
  it('forgives others its own lateness', () => {
    const bench = new Bench('me', ['ann', 'bob', 'cid'])
    bench.pass(60_000, answering())
    // Three probes are on their way, and it stands still for three seconds.
    bench.pass(450)
    const sent = [...bench.state.watches.values()].flatMap(({ outstanding }) => outstanding)
    assert.ok(sent.length > 0)
    const missesBefore = [...bench.state.watches.values()].map(({ misses }) => misses)
    bench.give({ type: 'wake' }, 3_000)
    assert.deepEqual(
      [...bench.state.watches.values()].map(({ misses }) => misses),
      missesBefore,
    )
    assert.equal(bench.state.health, 1)
    assert.ok(sent.every(({ missed, dueMs }) => missed || dueMs >= bench.nowMs + 100))
  })

  it('lets no suspect’s time run out while it stands still', () => {
    const bench = new Bench('me', NINE)
    bench.pass(60_000, answering())
    const subject = NINE.find((id) => !bench.state.watches.has(id))!
    const others = NINE.filter((id) => id !== subject)
    for (const id of others) bench.testify(id, subject, 'silent')
    assert.equal(bench.verdict(subject), 'suspect')
    bench.give({ type: 'wake' }, 5_000)
    assert.equal(bench.verdict(subject), 'suspect')
    // Nor when the first thing it reads makes it weigh again: the refutation may be the next.
    bench.testify(others[0]!, subject, 'cleared')
    assert.equal(bench.verdict(subject), 'suspect')
    bench.give(bench.member(subject, 1))
    assert.equal(bench.verdict(subject), 'alive')
  })

  it('gets well with answers in time, and in the end without any', () => {
    const bench = new Bench('me', ['ann', 'bob'])
    bench.pass(10_000, answering())
    for (let turn = 0; turn < 20; turn++) bench.give({ type: 'wake' }, 5_000)
    assert.equal(bench.state.health, 8)
    bench.pass(6_000, answering())
    assert.equal(bench.state.health, 0)
    for (let turn = 0; turn < 20; turn++) bench.give({ type: 'wake' }, 10_000)
    bench.pass(100_000)
    assert.equal(bench.state.health, 0)
  })
})

describe('topology/members', () => {
  it('lists who it knows, and what it holds of them', () => {
    const bench = new Bench('me', ['bob'])
    assert.deepEqual(
      [...bench.state.members.values()].map(({ id }) => id),
      ['bob'],
    )
    assert.deepEqual([verdictOf(bench.state, 'me'), verdictOf(bench.state, 'bob')], ['alive', 'alive'])
    assert.equal(verdictOf(bench.state, 'stranger'), undefined)
    assert.ok(nextWakeMs(bench.state) !== undefined)
  })

  it('wants links to those it watches', () => {
    const bench = new Bench('me', [])
    bench.give(bench.member('bob', 0))
    assert.deepEqual(of(bench.pass(50), 'keep-links'), [{ type: 'keep-links', ids: ['bob'] }])
    bench.give({ type: 'member-left', id: 'bob', pair: MINE })
    assert.deepEqual(of(bench.pass(50), 'keep-links'), [{ type: 'keep-links', ids: [] }])
  })

  it('takes a goodbye, and neither evidence nor an old heartbeat after it', () => {
    const bench = new Bench('me', ['bob', 'ann'])
    bench.give({ type: 'member-left', id: 'bob', pair: { epoch: EPOCH + 1, incarnation: 0 } })
    bench.testify('ann', 'bob', 'refused', { epoch: EPOCH + 1 })
    bench.give(bench.member('bob', 0, EPOCH + 1))
    assert.equal(bench.verdict('bob'), 'left')
    bench.give({ type: 'member-left', id: 'bob', pair: { epoch: EPOCH + 3, incarnation: 0 } })
    bench.give(bench.member('bob', 0, EPOCH + 2))
    assert.equal(bench.verdict('bob'), 'left')
    bench.give(bench.member('bob', 0, EPOCH + 4))
    assert.equal(bench.verdict('bob'), 'alive')
    bench.give({ type: 'member-left', id: 'bob', pair: { epoch: EPOCH + 3, incarnation: 9 } })
    assert.equal(bench.verdict('bob'), 'alive')
  })

  it('holds offline whose heartbeats ran out, until they come again', () => {
    const bench = new Bench('me', NINE)
    bench.give({ type: 'member-lapsed', id: 'peer-3' })
    assert.equal(bench.verdict('peer-3'), 'offline')
    bench.give(bench.member('peer-3', 0))
    assert.equal(bench.verdict('peer-3'), 'alive')
  })

  it('tells one that was found offline and is heard again, not more often than every five seconds', () => {
    const bench = new Bench('me', ['peer-3'])
    bench.give({ type: 'dial-failed', id: 'peer-3', refused: true })
    assert.equal(bench.verdict('peer-3'), 'offline')
    // It is told by who does not watch it, as well.
    bench.pass(100)
    bench.state.watches.clear()
    const told = (ms: number) => of(bench.pass(ms), 'ping').filter(({ suspects }) => suspects?.epoch === EPOCH).length
    bench.give(bench.member('peer-3', 0))
    assert.equal(told(1_000), 1)
    bench.give(bench.member('peer-3', 0))
    bench.give({ type: 'link-up', id: 'peer-3' })
    assert.equal(told(3_900), 0)
    assert.equal(told(1_100), 1)
    bench.give(bench.member('peer-3', 1))
    assert.equal(bench.verdict('peer-3'), 'alive')
  })

  it('forgets who has been gone for a day', () => {
    const bench = new Bench('me', NINE, { forgetMs: 60_000 })
    bench.give({ type: 'member-lapsed', id: 'peer-3' })
    bench.give({ type: 'member-left', id: 'peer-4', pair: MINE })
    bench.pass(59_000, answering('peer-3'))
    assert.deepEqual(countRoster(bench.state), { roster: 9, alive: 8 })
    bench.pass(2_000, answering('peer-3'))
    assert.equal(bench.verdict('peer-3'), undefined)
    assert.equal(bench.verdict('peer-4'), undefined)
    assert.equal(bench.state.hosts.size, 8)
  })

  it('does not forget who has come back', () => {
    const bench = new Bench('me', NINE, { forgetMs: 60_000 })
    bench.give({ type: 'member-lapsed', id: 'peer-3' })
    bench.give(bench.member('peer-3', 1), 1_000)
    bench.pass(10_000, answering())
    const [bob] = [...bench.state.members.values()].filter(({ id }) => id === 'peer-3')
    assert.equal(bob?.verdict, 'alive')
    assert.ok(!isSet(bob.timers.forget))
  })

  it('numbers its testimony higher in every life', () => {
    const seqs = [EPOCH, EPOCH + 1].map((epoch) => {
      const bench = new Bench('me', ['bob'])
      bench.give({ type: 'member', id: 'me', pair: { epoch, incarnation: 0 }, host: 'me' })
      const [testify] = of(bench.give({ type: 'dial-failed', id: 'bob', refused: true }), 'testify')
      return testify!.testimony.seq
    })
    assert.ok(seqs[0]! < seqs[1]! && Number.isSafeInteger(seqs[1]))
  })

  it('withdraws what it said of one that it no longer watches', () => {
    const bench = new Bench('me', NINE)
    bench.pass(30_000, answering())
    const subject = [...bench.state.watches.keys()][0]!
    assert.equal(of(bench.give({ type: 'dial-failed', id: subject, refused: true }), 'testify').length, 1)
    // Enough newcomers rank better.
    const effects = Array.from({ length: 200 }, (_, index) => bench.give(bench.member(`new-${index}`, 0))).flat()
    effects.push(...bench.pass(50, answering()))
    assert.ok(!bench.state.watches.has(subject))
    assert.deepEqual(
      of(effects, 'testify').map(({ testimony }) => [testimony.subject, testimony.says]),
      [[subject, 'cleared']],
    )
  })
})

describe('topology/brake', () => {
  const lapse = (bench: Bench, ...ids: readonly string[]) =>
    ids.map((id) => bench.give({ type: 'member-lapsed', id })).flat()

  it('goes on when more than a third are lost at once, and off when a majority is there', () => {
    const bench = new Bench('me', NINE)
    assert.deepEqual(of(lapse(bench, 'peer-0', 'peer-1', 'peer-2'), 'brake'), [])
    assert.deepEqual(of(lapse(bench, 'peer-3'), 'brake'), [{ type: 'brake', on: true, lost: 4, members: 10 }])
    assert.deepEqual(of(bench.pass(29_000, answering()), 'brake'), [])
    assert.deepEqual(
      of(bench.pass(2_000, answering()), 'brake').map(({ on }) => on),
      [false],
    )
  })

  it('stays on while this node is with the fewer, until they return', () => {
    const bench = new Bench('me', NINE)
    lapse(bench, ...NINE.slice(0, 6))
    assert.deepEqual(of(bench.pass(120_000, answering(...NINE.slice(0, 6))), 'brake'), [])
    assert.deepEqual(of(bench.give(bench.member('peer-0', 1)), 'brake'), [])
    assert.deepEqual(
      of(bench.give(bench.member('peer-1', 1)), 'brake').map(({ on }) => on),
      [false],
    )
  })

  it('counts from the last of many losses, and lets go once', () => {
    const bench = new Bench('me', NINE)
    lapse(bench, 'peer-0', 'peer-1', 'peer-2', 'peer-3')
    bench.pass(8_000, answering('peer-0', 'peer-1', 'peer-2', 'peer-3'))
    lapse(bench, 'peer-4')
    const during = bench.pass(29_000, answering(...NINE.slice(0, 5)))
    bench.give(bench.member('peer-4', 1))
    assert.deepEqual(of(during, 'brake'), [])
    const after = [...bench.pass(2_000, answering(...NINE.slice(0, 4))), ...bench.give(bench.member('peer-3', 1))]
    assert.deepEqual(
      of(after, 'brake').map(({ on }) => on),
      [false],
    )
  })

  it('does not count those who said goodbye', () => {
    const bench = new Bench('me', NINE)
    for (const id of NINE.slice(0, 4)) bench.give({ type: 'member-left', id, pair: MINE })
    // Three of six, not of ten.
    const effects = lapse(bench, 'peer-4', 'peer-5', 'peer-6')
    assert.deepEqual(of(effects, 'brake'), [{ type: 'brake', on: true, lost: 3, members: 6 }])
  })

  it('does not mind losses one by one, nor two in a small mesh', () => {
    const bench = new Bench('me', NINE)
    NINE.slice(0, 6).forEach((id, index) => {
      const effects = [...lapse(bench, id), ...bench.pass(6_000, answering(...NINE.slice(0, index + 1)))]
      assert.deepEqual(of(effects, 'brake'), [])
    })
    assert.deepEqual(of(lapse(new Bench('me', ['ann', 'bob']), 'ann', 'bob'), 'brake'), [])
  })
})
