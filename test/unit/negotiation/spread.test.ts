import assert from 'node:assert/strict'
import type { TaskSpec } from '../../../src/model/task.ts'
import { spec, Table, type TableOptions } from '../../support/negotiation-table.ts'

const GIB = 1024 ** 3
const HOUR_MS = 3_600_000

/** Nodes `a0`, `a1`… of zone `a`, and so on; each with room for so many tasks of one core. */
function makeTable(zones: Readonly<Record<string, readonly number[]>>, options: TableOptions = {}): Table {
  const rooms = Object.entries(zones).flatMap(([zone, cores]) =>
    cores.map((count, i) => ({ id: `${zone}${i}`, zone, count })),
  )
  const table = new Table(
    rooms.map(({ id }) => id),
    { runMs: HOUR_MS, ...options },
  )
  for (const { id, zone, count } of rooms) {
    const seat = table.seat(id)
    const labels: Record<string, string> = { 'kubernetes.io/hostname': id, ...(zone !== 'x' && { zone }) }
    seat.local = { ...seat.local, labels, capacity: { cpuMilli: 1_000 * count, memoryBytes: 64 * GIB } }
    seat.local = { ...seat.local, memoryAvailableBytes: 64 * GIB }
  }
  return table
}

function submit(table: Table, count: number, spread: TaskSpec['spread'], more: Partial<TaskSpec> = {}): void {
  const resources = { cpuMilli: 1_000, memoryBytes: GIB }
  const input = { jobId: 'job', spec: spec({ resources, spread, ...more }), count, placeTimeoutMs: 60_000 }
  table.input('a0', { type: 'submit', ...input })
}

/** Tasks that run, by the first letter of their node. */
function running(table: Table): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const task of table.seat('a0').state.tasks.values()) {
    if (task.state === 'queued' || task.endedAtMs !== undefined) continue
    const zone = task.attempts.at(-1)!.node[0]!
    counts[zone] = (counts[zone] ?? 0) + 1
  }
  return counts
}

const reasons = (table: Table, kind: 'not-awarded' | 'not-asked') =>
  table
    .seat('a0')
    .state.jobs.get('job')!
    .story.flatMap((entry) => (entry.kind === kind ? [entry.reason] : []))

describe('negotiation/spread', () => {
  it('without it the emptiest nodes take all; with it each zone takes its share', () => {
    const rooms = { a: [40, 40], b: [4], c: [4] }
    const without = makeTable(rooms)
    submit(without, 9, undefined)
    without.run(2_000)
    assert.notDeepEqual(running(without), { a: 3, b: 3, c: 3 })
    const table = makeTable(rooms)
    submit(table, 9, { over: 'zone', maxSkew: 1 })
    table.run(2_000)
    assert.deepEqual(running(table), { a: 3, b: 3, c: 3 })
  })

  it('keeps the skew where a zone is full, lets the rest wait, and says why', () => {
    const table = makeTable({ a: [40], b: [2] })
    submit(table, 9, { over: 'zone', maxSkew: 2 })
    table.run(5_000)
    assert.deepEqual(running(table), { a: 4, b: 2 })
    const told = reasons(table, 'not-awarded')
    assert.ok(told.length > 0 && told.length < 20, `${told.length} times`)
    assert.equal(told[0], "zone a has 4 of the job's tasks and zone b 2: at most 2 more are allowed")
    table.run(70_000)
    const failed = [...table.seat('a0').state.tasks.values()].find(({ state }) => state === 'failed')
    assert.match(failed!.exit!.startError!, /NoCapableNodes: .*zone a has 4 of the job's tasks/)
  })

  it('holds at every moment, also while tasks end and others follow', () => {
    const table = makeTable({ a: [4, 4], b: [3], c: [2] }, { runMs: 700 })
    submit(table, 60, { over: 'zone', maxSkew: 1 })
    let most = 0
    for (let round = 0; round < 300; round++) {
      table.run(100)
      const counts = running(table)
      const all = Object.values(counts)
      // A task that ends here and there at once may leave the other zone one more for a moment.
      most = Math.max(most, Math.max(0, ...all) - Math.min(...['a', 'b', 'c'].map((zone) => counts[zone] ?? 0)))
    }
    assert.equal([...table.seat('a0').state.tasks.values()].filter(({ state }) => state === 'succeeded').length, 60)
    assert.ok(most <= 2, `a skew of ${most}`)
  })

  it('spreads over hosts as well, more of them than are asked in one round', () => {
    const table = makeTable({ a: Array.from({ length: 24 }, () => 8) })
    submit(table, 24, { over: 'host', maxSkew: 1 })
    table.run(20_000)
    const nodes = [...table.seat('a0').state.tasks.values()].map(({ attempts }) => attempts.at(-1)?.node)
    assert.equal(new Set(nodes).size, 24)
    const rounds = table
      .seat('a0')
      .state.jobs.get('job')!
      .story.filter(({ kind }) => kind === 'offered')
    assert.equal(rounds.length, 2, 'those without a task are asked first')
  })

  it('asks somebody of every zone at once, the crowded ones and the lonely', () => {
    const five = makeTable({ a: [9, 9, 9], b: [9], c: [9], d: [9], e: [9] })
    submit(five, 5, { over: 'zone', maxSkew: 1 })
    five.run(200)
    assert.deepEqual(running(five), { a: 1, b: 1, c: 1, d: 1, e: 1 })
    const lonely = makeTable({ a: Array.from({ length: 20 }, () => 9), b: [9] })
    lonely.seat('b0').local = { ...lonely.seat('b0').local, cpuRatio: 0.9 }
    submit(lonely, 4, { over: 'zone', maxSkew: 1 })
    lonely.run(200)
    assert.deepEqual(running(lonely), { a: 2, b: 2 })
  })

  it('does not ask nodes whose zone is not known, nor wait for zones that cannot take the task', () => {
    const table = makeTable({ a: [4], b: [4], x: [40] })
    table.seat('b0').local = { ...table.seat('b0').local, drivers: [] }
    submit(table, 3, { over: 'zone', maxSkew: 1 })
    table.run(2_000)
    assert.deepEqual(running(table), { a: 3 })
    assert.ok(reasons(table, 'not-asked').includes('is in no known zone, and the tasks are spread over zones'))
  })

  it('gives nothing more to a node that has gone since it bid, however many slots it holds', () => {
    const table = makeTable({ a: [2], b: [40] }, { runMs: 1_000 })
    submit(table, 20, { over: 'zone', maxSkew: 1 })
    table.run(700)
    assert.deepEqual(running(table), { a: 2, b: 3 })
    const all = table.candidates.bind(table)
    table.candidates = () => all().map((one) => ({ ...one, alive: one.id !== 'b0' }))
    for (let round = 0; round < 20; round++) {
      table.run(100)
      assert.ok((running(table).b ?? 0) <= 3, `${running(table).b} tasks are in zone b`)
    }
    assert.ok(reasons(table, 'not-awarded').includes('is in zone b, where no node can take the task now'))
    table.candidates = all
    table.run(30_000)
    const ended = [...table.seat('a0').state.tasks.values()].filter(({ state }) => state === 'succeeded')
    assert.equal(ended.length, 20)
  })

  it('counts after a restart what runs already', () => {
    const table = makeTable({ a: [8], b: [2] })
    submit(table, 6, { over: 'zone', maxSkew: 1 })
    table.run(2_000)
    assert.deepEqual(running(table), { a: 3, b: 2 })
    const runs = table.started.filter((one) => one.startsWith('a0:')).map((one) => one.slice(3))
    table.crash('a0')
    table.restart('a0', runs)
    table.run(5_000)
    assert.deepEqual(running(table), { a: 3, b: 2 }, 'zone b is full, and a would have two more')
  })
})
