import assert from 'node:assert/strict'
import { TOPOLOGY_LIMITS } from '../../../src/topology/types.ts'
import { rankingOf, subjectsOf } from '../../../src/topology/watchers.ts'
import { Bench } from './fixtures.ts'

const names = (size: number): string[] => Array.from({ length: size }, (_, index) => `member-${index}`)

/** The roster as each of its members sees it. */
function views(size: number, hosts = (id: string) => id): Bench[] {
  const all = names(size)
  return all.map(
    (self) =>
      new Bench(
        self,
        all.filter((id) => id !== self),
        {},
        hosts,
      ),
  )
}

/** Who has put `subject` on its list. */
const watchersOf = (benches: readonly Bench[], subject: string): string[] =>
  benches.filter(({ state }) => state.watches.has(subject)).map(({ state }) => state.self)

describe('topology/watchers', function () {
  this.timeout(30_000)

  it('agrees everywhere on who watches whom, four each', () => {
    const benches = views(20)
    for (const subject of names(20)) {
      const watching = watchersOf(benches, subject)
      assert.equal(watching.length, 4)
      for (const { state } of benches) {
        if (state.self === subject) continue
        const { watchers = [], witnesses = [] } = rankingOf(state, subject) ?? {}
        assert.deepEqual([...watchers].toSorted(), watching.toSorted())
        assert.equal(witnesses.length, 8)
        assert.ok(watchers.every((id) => witnesses.includes(id)))
      }
    }
  })

  it('lets everybody watch everybody in a small mesh', () => {
    for (const size of [2, 3, 5]) {
      for (const { state } of views(size)) assert.equal(state.watches.size, size - 1)
    }
  })

  it('spreads the work', () => {
    const loads = views(100).map(({ state }) => state.watches.size)
    assert.equal(
      loads.reduce((sum, load) => sum + load, 0),
      400,
    )
    assert.ok(Math.max(...loads) <= 12, `${Math.max(...loads)}`)
  })

  it('replaces only the watchers that are gone, and keeps their words', () => {
    const [bench] = views(20)
    const { state } = bench!
    const subject = 'member-7'
    const before = rankingOf(state, subject)!
    const gone = before.watchers.find((id) => id !== state.self)!
    bench!.give({ type: 'member-lapsed', id: gone })
    const after = rankingOf(state, subject)!
    assert.deepEqual(after.watchers.filter((id) => !before.watchers.includes(id)).length, 1)
    assert.ok(!after.watchers.includes(gone))
    assert.deepEqual(after.witnesses, before.witnesses)
  })

  it('counts the words of watchers that are ranked behind many who are gone', () => {
    const [bench] = views(20)
    const { state } = bench!
    const subject = 'member-7'
    for (const id of rankingOf(state, subject)!.witnesses)
      if (id !== state.self) bench!.give({ type: 'member-lapsed', id })
    const { watchers, witnesses } = rankingOf(state, subject)!
    assert.equal(watchers.length, 4)
    assert.ok(watchers.every((id) => witnesses.includes(id)))
  })

  it('adds a watcher on a second machine where the first four share one', () => {
    const hosts = (id: string) => (Number(id.slice('member-'.length)) < 18 ? 'big' : id)
    const benches = views(20, hosts)
    for (const subject of names(20)) {
      const watching = watchersOf(benches, subject)
      assert.ok(new Set(watching.map(hosts)).size >= 2, `${subject}: ${watching.join(' ')}`)
      assert.ok(watching.length <= 5)
      assert.deepEqual(
        [...rankingOf(benches.find(({ state }) => state.self !== subject)!.state, subject)!.watchers].toSorted(),
        watching.toSorted(),
      )
    }
  })

  it('watches no more than its cap', () => {
    const hosts = (id: string) => (id === 'alone' ? 'small' : 'big')
    const { state } = new Bench('alone', names(200), {}, hosts)
    assert.equal(subjectsOf(state).length, TOPOLOGY_LIMITS.watches)
  })
})
