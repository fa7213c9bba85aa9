import assert from 'node:assert/strict'
import { TOPOLOGY_LIMITS } from '../../../src/topology/types.ts'
import { rankingOf } from '../../../src/topology/watchers.ts'
import { answering, Bench, EPOCH, of } from './fixtures.ts'

const TEN = Array.from({ length: 10 }, (_, index) => `peer-${index}`)

/** A bench of eleven, and a subject with those whose word on it counts, `me` excepted. */
function court(hosts = (id: string) => id) {
  const bench = new Bench('me', TEN, {}, hosts)
  bench.pass(60_000, answering())
  const subject = TEN.find((id) => !bench.state.watches.has(id))!
  const { witnesses, watchers } = rankingOf(bench.state, subject)!
  const others = (list: readonly string[]) => list.filter((id) => id !== 'me')
  return { bench, subject, witnesses: others(witnesses), watchers: others(watchers) }
}

describe('topology/verdicts', () => {
  it('holds offline at once whom two find refused', () => {
    const { bench, subject, watchers } = court()
    bench.testify(watchers[0]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'alive')
    const effects = bench.testify(watchers[1]!, subject, 'refused')
    assert.deepEqual(
      of(effects, 'verdict').map(({ verdict }) => verdict),
      ['offline'],
    )
  })

  it('suspects whom two find silent, the less long the more say so', () => {
    const times = [2, 3, 4].map((voices) => {
      const { bench, subject, watchers } = court()
      for (const watcher of watchers.slice(0, voices)) bench.testify(watcher, subject, 'silent')
      assert.equal(bench.verdict(subject), 'suspect')
      const startMs = bench.nowMs
      while (bench.verdict(subject) === 'suspect') bench.pass(10, answering())
      assert.equal(bench.verdict(subject), 'offline')
      return bench.nowMs - startMs
    })
    // k is 2: 3 s, 3 − 2·log(2)/log(3) s, 1 s.
    assert.deepEqual(times, [3_000, 1_740, 1_000])
  })

  it('gives more time when witnesses report much loss', () => {
    const { bench, subject, watchers } = court()
    for (const watcher of watchers) bench.testify(watcher, subject, 'silent', { loss: 0.25 })
    bench.pass(2_900, answering())
    assert.equal(bench.verdict(subject), 'suspect')
    bench.pass(200, answering())
    assert.equal(bench.verdict(subject), 'offline')
  })

  it('is slow to believe a lone witness, and needs it to go on saying so', () => {
    const { bench, subject, watchers } = court()
    bench.testify(watchers[0]!, subject, 'silent')
    bench.pass(2_900, answering())
    assert.equal(bench.verdict(subject), 'alive')
    bench.pass(200, answering())
    assert.equal(bench.verdict(subject), 'suspect')
    bench.testify(watchers[0]!, subject, 'cleared')
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[0]!, subject, 'silent')
    bench.pass(6_100, answering())
    assert.equal(bench.verdict(subject), 'offline')
  })

  it('acquits a suspect when its witnesses withdraw', () => {
    const { bench, subject, watchers } = court()
    for (const watcher of watchers.slice(0, 3)) bench.testify(watcher, subject, 'silent')
    bench.testify(watchers[0]!, subject, 'cleared')
    assert.equal(bench.verdict(subject), 'suspect')
    bench.testify(watchers[1]!, subject, 'cleared')
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[2]!, subject, 'cleared')
    bench.pass(30_000, answering())
    assert.equal(bench.verdict(subject), 'alive')
    assert.equal(bench.state.accused.size, 0)
  })

  it('counts only the latest of each witness, in whatever order it comes', () => {
    const { bench, subject, watchers } = court()
    bench.testify(watchers[0]!, subject, 'refused')
    bench.testify(watchers[1]!, subject, 'cleared', { seq: 1_001 })
    bench.testify(watchers[1]!, subject, 'refused', { seq: 1_000 })
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[1]!, subject, 'refused', { seq: 1_002 })
    assert.equal(bench.verdict(subject), 'offline')
  })

  it('does not count who is no witness, a stranger, or the subject itself', () => {
    const { bench, subject, witnesses, watchers } = court()
    bench.testify(watchers[0]!, subject, 'refused')
    for (const id of [...TEN.filter((one) => !witnesses.includes(one)), 'stranger'])
      bench.testify(id, subject, 'refused')
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[0]!, 'stranger', 'refused')
    assert.equal(bench.state.members.has('stranger'), false)
  })

  it('does not count one witness twice, nor two on one machine', () => {
    const { bench, subject, watchers } = court()
    bench.testify(watchers[0]!, subject, 'refused')
    bench.testify(watchers[0]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'alive')
    const shared = court((id) => (TEN.indexOf(id) < 8 ? 'big' : id))
    const onBig = shared.witnesses.filter((id) => TEN.indexOf(id) < 8)
    for (const id of onBig) shared.bench.testify(id, shared.subject, 'refused')
    assert.equal(shared.bench.verdict(shared.subject), 'alive')
    const elsewhere = shared.witnesses.find((id) => !onBig.includes(id))!
    shared.bench.testify(elsewhere, shared.subject, 'refused')
    assert.equal(shared.bench.verdict(shared.subject), 'offline')
  })

  it('counts each witness where all run on one machine', () => {
    const { bench, subject, watchers } = court(() => 'one')
    bench.testify(watchers[0]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[1]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'offline')
  })

  it('counts nothing against a former pair', () => {
    const { bench, subject, watchers } = court()
    bench.testify(watchers[0]!, subject, 'refused')
    bench.give(bench.member(subject, 1))
    bench.testify(watchers[1]!, subject, 'refused')
    bench.testify(watchers[2]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(watchers[1]!, subject, 'refused', { incarnation: 1 })
    bench.testify(watchers[2]!, subject, 'refused', { incarnation: 1 })
    assert.equal(bench.verdict(subject), 'offline')
  })

  it('takes back who has refuted, and counts what is said of a later pair once that is known', () => {
    const { bench, subject, watchers } = court()
    for (const id of watchers.slice(0, 2)) bench.testify(id, subject, 'refused', { incarnation: 2 })
    bench.give(bench.member(subject, 1))
    assert.equal(bench.verdict(subject), 'alive')
    bench.give(bench.member(subject, 2))
    assert.equal(bench.verdict(subject), 'offline')
    bench.give(bench.member(subject, 3))
    assert.equal(bench.verdict(subject), 'alive')
    bench.give(bench.member(subject, 0))
    assert.deepEqual(bench.state.members.get(subject)!.pair, { epoch: EPOCH, incarnation: 3 })
  })

  it('needs one witness where there is but one other', () => {
    const bench = new Bench('me', ['bob'])
    bench.give({ type: 'dial-failed', id: 'bob', refused: true })
    assert.equal(bench.verdict('bob'), 'offline')
  })

  it('needs both of three, as long as both are there', () => {
    const bench = new Bench('me', ['ann', 'bob'])
    bench.give({ type: 'dial-failed', id: 'bob', refused: true })
    assert.equal(bench.verdict('bob'), 'alive')
    // Ann is gone as well: nobody else will speak, against the one or the other.
    bench.give({ type: 'dial-failed', id: 'ann', refused: true })
    assert.deepEqual([bench.verdict('ann'), bench.verdict('bob')], ['offline', 'offline'])
  })

  it('keeps no more testimony than its cap, and room for those who count', () => {
    const many = Array.from({ length: 60 }, (_, index) => `peer-${index}`)
    const bench = new Bench('me', many)
    const subject = many.find((id) => !bench.state.watches.has(id))!
    const witnesses = rankingOf(bench.state, subject)!.witnesses.filter((id) => id !== 'me')
    for (const id of many) if (id !== subject && !witnesses.includes(id)) bench.testify(id, subject, 'refused')
    assert.equal(bench.state.members.get(subject)!.testimony.size, TOPOLOGY_LIMITS.testimonyPerMember)
    assert.equal(bench.verdict(subject), 'alive')
    bench.testify(witnesses[0]!, subject, 'refused')
    bench.testify(witnesses[1]!, subject, 'refused')
    assert.equal(bench.verdict(subject), 'offline')
    assert.equal(bench.state.members.get(subject)!.testimony.size, TOPOLOGY_LIMITS.testimonyPerMember)
  })
})
