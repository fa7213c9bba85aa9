import assert from 'node:assert/strict'
import { TOPOLOGY_LIMITS, type TopologyEffect, type TopologyInput } from '../../../src/topology/types.ts'
import { answering, Bench, of } from './fixtures.ts'

const FOUR = ['ann', 'bob', 'cid', 'dan']

/** All answered for long: the links are known to be good. */
function calm(others: readonly string[] = FOUR): Bench {
  const bench = new Bench('me', others)
  bench.pass(60_000, answering())
  return bench
}

describe('topology/probing', () => {
  it('probes who answers steadily, and has nothing to say', () => {
    const bench = calm()
    const effects = bench.pass(10_000, answering())
    for (const id of FOUR) {
      const pings = of(effects, 'ping').filter(({ to }) => to === id).length
      assert.ok(pings >= 18 && pings <= 23, `${id}: ${pings}`)
    }
    assert.ok(effects.every(({ type }) => type === 'ping'))
  })

  it('gets to know a new link within seconds, and then probes at the usual pace', () => {
    const bench = new Bench('me', FOUR)
    const pingsOf = (ms: number) => of(bench.pass(ms, answering()), 'ping').filter(({ to }) => to === 'bob').length
    assert.ok(pingsOf(5_000) >= 25)
    assert.ok(bench.state.watches.get('bob')!.loss < 0.04, `${bench.state.watches.get('bob')!.loss}`)
    assert.ok(pingsOf(10_000) <= 23)
  })

  it('lets the probes of a subject stand for its own, but not for all of them', () => {
    const bench = calm()
    const { probeMs } = bench.state.config
    let pings = 0
    for (let n = 0; n < 30; n++) {
      bench.give({ type: 'ping', from: 'bob', suspects: undefined })
      pings += of(bench.pass(probeMs * 0.85, answering()), 'ping').filter(({ to }) => to === 'bob').length
    }
    assert.ok(pings >= 6 && pings <= 12, `${pings}`)
  })

  it('says so when one falls silent, after asking others', () => {
    const bench = calm()
    const effects = bench.pass(1_300, answering('bob'))
    const [testimony, ...more] = of(effects, 'testify').map((effect) => effect.testimony)
    assert.deepEqual([testimony?.subject, testimony?.says, more.length], ['bob', 'silent', 0])
    const asked = of(effects, 'ask')
    assert.ok(asked.length >= 3 && asked.every(({ subject, via }) => subject === 'bob' && via !== 'bob'))
    const kinds = effects.map(({ type }) => type)
    assert.ok(kinds.indexOf('ask') < kinds.indexOf('testify'))
  })

  it('says nothing as long as others hear it', () => {
    const bench = calm()
    const effects = bench.pass(20_000, (effect) =>
      effect.type === 'ask'
        ? { type: 'asked', from: effect.via, subject: effect.subject, nonce: effect.nonce }
        : answering('bob')(effect),
    )
    assert.deepEqual(of(effects, 'testify'), [])
    assert.equal(bench.verdict('bob'), 'alive')
  })

  it('does not believe one that says so when those who were asked besides say nothing', () => {
    const bench = calm()
    const effects = bench.pass(1_300, (effect) =>
      effect.type === 'ask'
        ? effect.via === 'dan'
          ? { type: 'asked', from: effect.via, subject: effect.subject, nonce: effect.nonce }
          : undefined
        : answering('bob')(effect),
    )
    assert.ok(of(effects, 'ask').some(({ via }) => via === 'dan'))
    assert.equal(of(effects, 'testify').length, 1)
  })

  it('believes the only one it could ask for five seconds', () => {
    const bench = new Bench('me', ['bob', 'dan'])
    bench.pass(20_000, answering())
    const vouching = (effect: TopologyEffect): TopologyInput | undefined =>
      effect.type === 'ask'
        ? { type: 'asked', from: effect.via, subject: effect.subject, nonce: effect.nonce }
        : answering('bob')(effect)
    const effects = bench.pass(4_500, vouching)
    assert.ok(of(effects, 'ask').length > 0)
    assert.equal(of(effects, 'testify').length, 0)
    assert.equal(of(bench.pass(1_500, vouching), 'testify').length, 1)
  })

  it('takes no answer to a question it did not ask', () => {
    const bench = calm()
    const effects = bench.pass(3_000, (effect) =>
      effect.type === 'ask'
        ? { type: 'asked', from: effect.via, subject: effect.subject, nonce: effect.nonce + 1_000 }
        : answering('bob')(effect),
    )
    assert.equal(of(effects, 'testify').length, 1)
  })

  it('withdraws what it said when it hears the subject again', () => {
    const bench = calm()
    bench.pass(1_300, answering('bob'))
    const effects = bench.pass(1_000, answering())
    assert.deepEqual(
      of(effects, 'testify').map(({ testimony }) => testimony.says),
      ['cleared'],
    )
  })

  it('takes a probe by the subject for a sign of life', () => {
    const bench = calm()
    bench.pass(1_300, answering('bob'))
    const effects = bench.give({ type: 'ping', from: 'bob', suspects: undefined })
    assert.deepEqual(
      of(effects, 'testify').map(({ testimony }) => testimony.says),
      ['cleared'],
    )
  })

  it('takes a question for a sign of life of the one who asks', () => {
    for (const type of ['ask', 'asked'] as const) {
      const bench = calm()
      bench.pass(1_300, answering('bob'))
      const effects = bench.give({ type, from: 'bob', subject: 'ann', nonce: 1 })
      assert.deepEqual(
        of(effects, 'testify').map(({ testimony }) => testimony.says),
        ['cleared'],
      )
    }
  })

  it('does not dial whom it does not watch', () => {
    const many = Array.from({ length: 20 }, (_, index) => `peer-${index}`)
    const bench = new Bench('me', many)
    const other = many.find((id) => !bench.state.watches.has(id))!
    bench.give({ type: 'link-up', id: other })
    assert.deepEqual(bench.give({ type: 'link-down', id: other }), [])
  })

  it('takes no old answer for a sign of life', () => {
    const bench = calm()
    bench.pass(1_300, answering('bob'))
    assert.deepEqual(bench.give({ type: 'pong', from: 'bob', nonce: 3 }), [])
  })

  it('counts a late answer as one, and is more patient afterwards', () => {
    const bench = calm()
    const late: { from: string; nonce: number }[] = []
    bench.pass(400, (effect) => {
      if (effect.type === 'ping' && effect.to === 'bob') late.push({ from: 'bob', nonce: effect.nonce })
      return answering('bob')(effect)
    })
    const watch = bench.state.watches.get('bob')!
    const [before, loss] = [watch.rttMs!, watch.loss]
    assert.ok(late.length > 0)
    bench.pass(400, answering('bob'))
    assert.ok(watch.misses > 0)
    bench.give({ type: 'pong', ...late[0]! })
    assert.equal(watch.misses, 0)
    assert.ok(watch.rttMs! > before && watch.loss <= loss)
  })

  it('needs more misses where much is lost', () => {
    const bench = new Bench('me', FOUR)
    let turn = 0
    bench.pass(120_000, (effect) => (effect.type === 'ping' && turn++ % 5 < 2 ? undefined : answering()(effect)))
    assert.ok(bench.state.watches.get('bob')!.loss > 0.25)
    assert.deepEqual(of(bench.pass(1_400, answering('bob')), 'testify'), [])
    assert.equal(of(bench.pass(4_000, answering('bob')), 'testify').length, 1)
  })

  it('dials at once when the link breaks, and says at once that nobody listens', () => {
    const bench = calm()
    bench.give({ type: 'link-up', id: 'bob' })
    assert.deepEqual(of(bench.give({ type: 'link-down', id: 'bob' }), 'dial'), [{ type: 'dial', id: 'bob' }])
    const effects = bench.give({ type: 'dial-failed', id: 'bob', refused: true })
    assert.deepEqual(
      of(effects, 'testify').map(({ testimony }) => testimony.says),
      ['refused'],
    )
    assert.deepEqual(bench.give({ type: 'dial-failed', id: 'bob', refused: true }), [])
  })

  it('takes no refused dial for evidence while another link stands', () => {
    const bench = calm()
    bench.give({ type: 'link-up', id: 'bob' })
    assert.deepEqual(bench.give({ type: 'dial-failed', id: 'bob', refused: true }), [])
  })

  it('probes in quick succession when a dial fails otherwise, or somebody else has evidence', () => {
    for (const start of [
      (bench: Bench) => bench.give({ type: 'dial-failed', id: 'bob', refused: false }),
      (bench: Bench) => bench.testify('ann', 'bob', 'silent'),
    ]) {
      const bench = calm()
      const effects = [...start(bench), ...bench.pass(460)]
      assert.ok(of(effects, 'ping').filter(({ to }) => to === 'bob').length >= 3)
    }
  })

  it('tells a suspect in its probes', () => {
    const bench = calm()
    const effects = bench.pass(1_500, answering('bob'))
    const last = of(effects, 'ping').findLast(({ to }) => to === 'bob')
    assert.deepEqual(last?.suspects, bench.state.members.get('bob')!.pair)
  })

  it('probes for others, and answers when the subject does', () => {
    const bench = calm()
    const [ping] = of(bench.give({ type: 'ask', from: 'ann', subject: 'bob', nonce: 77 }), 'ping')
    assert.equal(ping?.to, 'bob')
    assert.deepEqual(bench.give({ type: 'pong', from: 'cid', nonce: ping.nonce }), [])
    const answer = { type: 'answer-ask', to: 'ann', subject: 'bob', nonce: 77 }
    assert.deepEqual(bench.give({ type: 'pong', from: 'bob', nonce: ping.nonce }), [answer])
    assert.deepEqual(bench.give({ type: 'ask', from: 'stranger', subject: 'bob', nonce: 1 }), [])
    assert.deepEqual(bench.give({ type: 'ask', from: 'ann', subject: 'stranger', nonce: 1 }), [])
  })

  it('forgets errands, and takes no more than its cap of them from anybody', () => {
    const bench = calm()
    for (let nonce = 0; nonce < 1_000; nonce++) bench.give({ type: 'ask', from: 'ann', subject: 'bob', nonce })
    assert.equal(bench.state.errands.size, TOPOLOGY_LIMITS.errandsPerAsker)
    assert.equal(of(bench.give({ type: 'ask', from: 'cid', subject: 'bob', nonce: 1 }), 'ping').length, 1)
    bench.pass(11_000, answering())
    assert.equal(bench.state.errands.size, 0)
  })

  it('keeps a bounded number of unanswered probes and questions', () => {
    const bench = calm()
    // A config under which nobody is ever held offline, so that it goes on for long.
    const stubborn = new Bench('me', FOUR, { suspectMinMs: 1e9, lostProbeMs: 100 })
    stubborn.pass(300_000)
    for (const { outstanding, asks } of [...stubborn.state.watches.values(), ...bench.state.watches.values()]) {
      assert.ok(outstanding.length <= TOPOLOGY_LIMITS.outstanding && asks.size <= TOPOLOGY_LIMITS.asks)
    }
  })

  it('gets more patient with one that refutes and is not heard', () => {
    const bench = calm(['ann', 'bob'])
    const silent = answering('bob', 'ann')
    const times: number[] = []
    for (let incarnation = 1; incarnation <= 4; incarnation++) {
      const startMs = bench.nowMs
      while (of(bench.pass(50, silent), 'testify').every(({ testimony }) => testimony.subject !== 'bob')) {
        assert.ok(bench.nowMs - startMs < 60_000)
      }
      times.push(bench.nowMs - startMs)
      bench.give(bench.member('bob', incarnation))
    }
    assert.ok(times[1]! >= 2_000 && times[2]! >= 4_000 && times[3]! >= 8_000, times.join(' '))
  })
})
