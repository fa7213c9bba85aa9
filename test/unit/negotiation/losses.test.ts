import assert from 'node:assert/strict'
import { spec, Table } from '../../support/negotiation-table.ts'

const HOUR_MS = 3_600_000
const GRACE_MS = 10_000

/** `a` submits a long task that runs on `b`. */
function running(): Table {
  const table = new Table(['a', 'b'], { runMs: HOUR_MS })
  table.seat('a').local = { ...table.seat('a').local, drivers: [] }
  table.input('a', { type: 'submit', jobId: 'job', spec: spec(), count: 1, placeTimeoutMs: HOUR_MS })
  assert.ok(table.run(1_000, () => task(table).state === 'running'))
  return table
}

const task = (table: Table) => table.seat('a').state.tasks.get('job')!
const outcome = (table: Table) => task(table).attempts[0]?.outcome
const lose = (table: Table) => table.input('a', { type: 'node-lost', node: 'b', why: 'no answer' })

describe('an executor that its watchers miss', () => {
  it('loses its tasks once its daemon has had time to come back', () => {
    const table = running()
    lose(table)
    table.run(GRACE_MS - 100)
    assert.equal(outcome(table), undefined)
    table.run(200)
    assert.equal(outcome(table), 'lost')
  })

  it('keeps them when it comes back in time', () => {
    const table = running()
    lose(table)
    table.run(GRACE_MS - 100)
    table.input('a', { type: 'node-back', node: 'b' })
    table.run(30_000)
    assert.equal(outcome(table), undefined)
    assert.equal(table.seat('a').state.missed.size, 0)
  })

  it('keeps them while this node may be the one cut off, and loses them when that is settled', () => {
    const table = running()
    lose(table)
    table.seat('a').cutOff = true
    table.run(60_000)
    assert.equal(outcome(table), undefined)
    table.seat('a').cutOff = false
    table.input('a', { type: 'reconnected' })
    table.run(10)
    assert.equal(outcome(table), 'lost')
  })

  it('is given up a second after the one before it when many are', () => {
    const names = 'bcdefghijklmnop'.split('')
    const table = new Table(['a', ...names], { runMs: HOUR_MS })
    const home = table.seat('a')
    home.local = { ...home.local, drivers: [] }
    for (const name of names) {
      const only = spec({ selector: `kubernetes.io/hostname=${name}` })
      table.input('a', { type: 'submit', jobId: `job-${name}`, spec: only, count: 1, placeTimeoutMs: HOUR_MS })
    }
    const isLost = (name: string) => home.state.tasks.get(`job-${name}`)!.attempts[0]?.outcome === 'lost'
    assert.ok(table.run(1_000, () => [...home.state.tasks.values()].every(({ state }) => state === 'running')))
    table.options = { ...table.options, drop: () => true }
    home.cutOff = true
    for (const node of names) table.input('a', { type: 'node-lost', node, why: 'no answer' })
    table.run(200_000)
    home.cutOff = false
    table.input('a', { type: 'reconnected' })
    table.run(10)
    for (const [index] of names.entries()) {
      assert.equal(names.filter(isLost).length, index + 1)
      table.run(1_000)
    }
  })

  it('is not given up for its silence either while this node may be cut off', () => {
    const table = running()
    table.options = { ...table.options, drop: () => true }
    table.seat('a').cutOff = true
    table.run(200_000)
    assert.equal(outcome(table), undefined)
    table.seat('a').cutOff = false
    table.input('a', { type: 'reconnected' })
    table.run(60_000)
    assert.equal(outcome(table), 'lost')
  })

  it('is not remembered when nothing of ours runs there', () => {
    const table = new Table(['a', 'b'])
    lose(table)
    assert.equal(table.seat('a').state.missed.size, 0)
    assert.equal(table.seat('a').state.deadlines.next(), undefined)
  })
})
