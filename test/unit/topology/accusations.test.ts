import assert from 'node:assert/strict'
import { Seat } from './table.ts'

const FIVE = ['ann', 'ben', 'cat', 'dan']

describe('topology: verdicts', () => {
  it('one that answers nobody is suspect, then offline, within seconds', () => {
    const seat = new Seat('me', FIVE)
    seat.run(5_000)
    seat.answering.delete('ben')
    seat.run(1_500)
    // Five all watch each other; the others find the same.
    for (const witness of ['ann', 'cat']) seat.hear(witness, 'ben')
    assert.equal(seat.verdict('ben'), 'suspect')
    seat.run(2_500)
    assert.equal(seat.verdict('ben'), 'offline')
  })

  it('a closed port seen by two is proof at once; seen by one it is not', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    seat.hear('ann', 'ben', { says: 'refused' })
    assert.equal(seat.verdict('ben'), 'alive')
    seat.hear('cat', 'ben', { says: 'refused' })
    assert.equal(seat.verdict('ben'), 'offline')
  })

  it('a suspect whose watchers hear it again is alive', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    for (const witness of ['ann', 'cat']) seat.hear(witness, 'ben')
    assert.equal(seat.verdict('ben'), 'suspect')
    for (const witness of ['ann', 'cat']) seat.hear(witness, 'ben', { says: 'cleared' })
    assert.equal(seat.verdict('ben'), 'alive')
  })

  it('only a higher pair brings back one that was found offline', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    for (const witness of ['ann', 'cat']) seat.hear(witness, 'ben', { says: 'refused' })
    seat.beat('ben')
    assert.equal(seat.verdict('ben'), 'offline')
    seat.beat('ben', 1)
    assert.equal(seat.verdict('ben'), 'alive')
  })

  it('one whose heartbeats only ran out is back with the next', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    seat.input({ type: 'member-lapsed', id: 'ben' })
    assert.equal(seat.verdict('ben'), 'offline')
    seat.beat('ben')
    assert.equal(seat.verdict('ben'), 'alive')
  })

  it('believes nothing of a pair that its subject has not signed, whoever says it', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    for (const changes of [{ incarnation: 5_000 }, { epoch: 99 }]) {
      for (const witness of ['ann', 'cat', 'dan']) seat.hear(witness, 'ben', { says: 'refused', ...changes })
      seat.run(60_000)
      assert.equal(seat.verdict('ben'), 'alive')
    }
    assert.ok(!seat.effects.some((effect) => effect.type === 'verdict' && effect.verdict === 'suspect'))
  })

  it('one witness alone does not make a suspect of one that others hear', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    seat.hear('ann', 'ben')
    assert.equal(seat.verdict('ben'), 'alive')
  })
})

describe('topology: accusations against this node', () => {
  const refutations = (seat: Seat) => seat.effects.filter(({ type }) => type === 'refute').length

  it('are refuted with a higher incarnation, and no oftener than twice a second', () => {
    const seat = new Seat('me', FIVE)
    for (let at = 0; at < 100; at++) {
      seat.hear('ann', 'me', { incarnation: seat.state.own.incarnation })
      seat.run(10)
    }
    assert.ok(seat.state.own.incarnation > 0)
    assert.ok(refutations(seat) <= 3, `${refutations(seat)} in a second`)
  })

  it('are not heard from strangers', () => {
    const seat = new Seat('me', FIVE)
    seat.input({ type: 'ping', from: 'stranger', suspects: { epoch: 1, incarnation: 0 } })
    assert.equal(refutations(seat), 0)
    seat.input({ type: 'ping', from: 'ann', suspects: { epoch: 1, incarnation: 0 } })
    assert.equal(refutations(seat), 1)
  })

  it('make it ill once for each accuser: one that goes on and on makes nobody slow to judge', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    const accuse = (by: string) => seat.hear(by, 'me', { incarnation: seat.state.own.incarnation })
    let worst = 0
    for (let at = 0; at < 60; at++) {
      accuse('ann')
      seat.run(500)
      worst = Math.max(worst, seat.state.health)
    }
    assert.ok(refutations(seat) > 10, `${refutations(seat)} refutations`)
    assert.equal(worst, 1)
    for (const by of ['ben', 'cat', 'dan']) {
      accuse(by)
      seat.run(600)
    }
    assert.ok(seat.state.health > 1, 'others miss it, too')
  })

  it('are not refuted once it said goodbye', () => {
    const seat = new Seat('me', FIVE)
    seat.input({ type: 'member-left', id: 'me', pair: seat.state.own })
    seat.hear('ann', 'me')
    assert.equal(refutations(seat), 0)
  })
})

describe('topology: probes by way of others', () => {
  it('are believed of whoever was asked, and of nobody else', () => {
    const seat = new Seat('me', FIVE)
    seat.run(5_000)
    seat.answering.delete('ben')
    seat.run(1_000)
    const asked = seat.effects.filter((effect) => effect.type === 'ask' && effect.subject === 'ben')
    assert.ok(asked.length > 0)
    const missesBefore = seat.state.watches.get('ben')!.misses
    for (const effect of asked) {
      if (effect.type !== 'ask') continue
      const liar = FIVE.find((id) => id !== effect.via && id !== 'ben')!
      seat.input({ type: 'asked', from: liar, subject: 'ben', nonce: effect.nonce })
    }
    assert.equal(seat.state.watches.get('ben')!.misses, missesBefore)
    const [first, second] = asked.slice(-2).map((effect) => {
      assert.ok(effect.type === 'ask')
      const answer = { type: 'asked', from: effect.via, subject: 'ben', nonce: effect.nonce } as const
      return () => seat.input(answer)
    })
    first!()
    first!()
    assert.equal(seat.state.watches.get('ben')!.misses, missesBefore, 'one alone may lie')
    second!()
    assert.equal(seat.state.watches.get('ben')!.misses, 0)
  })
})

describe('topology: the brake', () => {
  const lose = (seat: Seat, ids: readonly string[]) => {
    for (const id of ids) {
      seat.answering.delete(id)
      seat.input({ type: 'member-lapsed', id })
    }
  }
  const isOn = (seat: Seat) => seat.state.brake !== undefined

  it('is put on when more than a third goes at once, and let go once a majority is back', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    lose(seat, ['ann', 'ben'])
    assert.ok(!isOn(seat))
    lose(seat, ['cat'])
    assert.ok(isOn(seat))
    seat.run(60_000)
    assert.ok(isOn(seat), 'two of five are no majority')
    seat.answering.add('ann')
    seat.beat('ann')
    seat.run(1_000)
    assert.ok(!isOn(seat))
  })

  it('is let go when newcomers make a majority', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    lose(seat, ['ann', 'ben', 'cat'])
    seat.run(40_000)
    for (const id of ['eva', 'fin', 'gil']) {
      seat.answering.add(id)
      seat.beat(id)
    }
    seat.run(1_000)
    assert.ok(!isOn(seat))
  })

  it('is let go when those who are gone for good are forgotten', () => {
    const seat = new Seat('me', FIVE)
    seat.run(1_000)
    lose(seat, ['ann', 'ben', 'cat'])
    seat.run(seat.state.config.forgetMs + 1_000)
    assert.equal(seat.state.members.size, 1)
    assert.ok(!isOn(seat))
  })
})
