import assert from 'node:assert/strict'
import type { StoryEntry } from '../../../src/negotiation/story.ts'
import { runIdOf } from '../../../src/negotiation/state.ts'
import { spec, Table } from '../../support/negotiation-table.ts'

const GIB = 1024 ** 3
const NOTHING = { cpuMilli: 0, memoryBytes: 0 }

function story<K extends StoryEntry['kind']>(table: Table, at: string, jobId: string, kind: K) {
  return table
    .seat(at)
    .state.jobs.get(jobId)!
    .story.filter((e): e is StoryEntry & { kind: K } => e.kind === kind)
}

function submit(table: Table, at: string, changes: Parameters<typeof spec>[0] = {}, count = 1) {
  table.input(at, { type: 'submit', jobId: 'job', spec: spec(changes), count, placeTimeoutMs: 3_600_000 })
}

const task = (table: Table, at: string, id = 'job') => table.seat(at).state.tasks.get(id)!
const ended =
  (table: Table, at: string, id = 'job') =>
  () =>
    task(table, at, id).endedAtMs !== undefined

describe('bargaining', () => {
  it('asks those who are near, and takes the nearest bid; the story tells the term', () => {
    const waysMs: Record<string, number> = { a: 400, b: 300, c: 20, d: 200, e: 80, f: 90 }
    const table = new Table(Object.keys(waysMs), { distanceMs: (node) => waysMs[node] })
    submit(table, 'a')
    assert.ok(table.run(1_000, ended(table, 'a')))
    const bids = story(table, 'a', 'job', 'bid')
    assert.deepEqual(bids.map(({ node }) => node).toSorted(), ['c', 'e', 'f'])
    assert.equal(task(table, 'a').attempts[0]!.node, 'c')
    assert.equal(bids.find(({ node }) => node === 'c')!.rank.terms['distance'], 50 / 70)
  })

  it('asks three, awards one, releases the others and settles', () => {
    const table = new Table(['a', 'b', 'c', 'd'])
    submit(table, 'a')
    assert.ok(table.run(1_000, ended(table, 'a')))
    table.run(10_000)
    assert.equal(task(table, 'a').state, 'succeeded')
    assert.equal(table.started.length, 1)
    assert.equal(story(table, 'a', 'job', 'bid').length, 3)
    assert.equal(story(table, 'a', 'job', 'not-asked').length, 1)
    assert.equal(story(table, 'a', 'job', 'released').length, 2)
    for (const seat of table.seats.values()) {
      assert.deepEqual(seat.state.reserved, NOTHING, `${seat.id} holds nothing afterwards`)
      assert.equal(seat.state.holds.size + seat.state.contracts.size, 0)
    }
  })

  it('a task that names its node runs there or nowhere, and says why', () => {
    const table = new Table(['a', 'b', 'c'])
    const passed = () =>
      story(table, 'a', 'job', 'not-asked')
        .map(({ node, reason }) => `${node} ${reason}`)
        .toSorted()
    const others = ['a', 'b'].map((node) => `${node} is not the node that was asked for`)
    table.seat('c').alive = false
    submit(table, 'a', { node: 'c' })
    table.run(60_000)
    assert.deepEqual([...new Set(passed())], [...others, 'c offline'])
    assert.ok(!table.messages.some(({ message }) => message.t === 'offer'))
    table.seat('c').alive = true
    table.input('a', { type: 'candidates-changed' })
    assert.ok(table.run(60_000, ended(table, 'a')))
    assert.deepEqual(table.started, [`c:${runIdOf('a', 'job', 1)}`])
  })

  it('says that it does not know the node that a task names', () => {
    const table = new Table(['a'])
    submit(table, 'a', { node: 'z' })
    table.run(1_000)
    assert.ok(
      story(table, 'a', 'job', 'not-asked').some(({ node, reason }) => `${node} ${reason}` === 'z is not known here'),
    )
    assert.deepEqual(table.started, [])
  })

  it('keeps declined, unreachable and never asked apart', () => {
    const table = new Table(['a', 'b', 'c', 'd'])
    table.seat('b').local = { ...table.seat('b').local, open: false }
    table.seat('d').local = { ...table.seat('d').local, labels: { zone: 'other' } }
    table.options = { drop: (_from, to) => to === 'c' }
    submit(table, 'a', { selector: 'kubernetes.io/hostname' })
    assert.ok(table.run(5_000, ended(table, 'a')))
    assert.deepEqual(
      story(table, 'a', 'job', 'declined').map((e) => [e.node, e.reasons[0]?.constraint]),
      [['b', 'trust']],
    )
    assert.deepEqual(
      story(table, 'a', 'job', 'unreachable').map((e) => e.node),
      ['c'],
    )
    assert.match(story(table, 'a', 'job', 'not-asked').find((e) => e.node === 'd')!.reason, /labels do not match/)
  })

  it('names the measured value when it declines for want of room', () => {
    const table = new Table(['a'], { capacity: { cpuMilli: 1_000, memoryBytes: GIB }, runMs: 5_000 })
    submit(table, 'a', { resources: { cpuMilli: 1_000, memoryBytes: 0 } })
    table.run(100)
    table.input('a', {
      type: 'submit',
      jobId: 'two',
      spec: spec({ resources: { cpuMilli: 500, memoryBytes: 0 } }),
      count: 1,
      placeTimeoutMs: 60_000,
    })
    table.run(100)
    const [declined] = story(table, 'a', 'two', 'declined')
    assert.equal(declined?.reasons[0]?.constraint, 'cpu')
    assert.match(declined?.reasons[0]?.measured ?? '', /^0 of 1 CPU unreserved/)
    assert.ok(table.run(10_000, ended(table, 'a', 'two')), 'placed once the first has ended')
  })

  it('places a batch through the slots of one offer, never above capacity', () => {
    const table = new Table(['a', 'b', 'c'], { capacity: { cpuMilli: 2_000, memoryBytes: 4 * GIB } })
    submit(table, 'a', {}, 500)
    const done = () => [...table.seat('a').state.tasks.values()].every((t) => t.state === 'succeeded')
    while (!done()) {
      assert.ok(table.run(1, () => true) || table.run(50))
      for (const seat of table.seats.values())
        assert.ok(seat.state.reserved.cpuMilli <= 2_000, `${seat.id} over-reserved`)
      assert.ok(table.nowMs < 1_060_000, 'finished within a minute')
      table.run(1)
    }
    assert.equal(new Set(table.started).size, 500)
    assert.equal(table.started.length, 500)
    assert.ok(
      table.messages.filter(({ message }) => message.t === 'offer').length <= 12,
      'slots are reused, not re-offered',
    )
  })

  it('repeats an unanswered award without starting twice', () => {
    let lost = 0
    const table = new Table(['a', 'b'], {
      local: {},
      drop: (_from, _to, message) => message.t === 'contract' && lost++ < 3,
      runMs: 10_000,
    })
    submit(table, 'a')
    assert.ok(table.run(60_000, ended(table, 'a')))
    assert.equal(table.started.length, 1)
    assert.equal(task(table, 'a').attempts.length, 1)
  })

  it('opens another attempt after a signed refusal', () => {
    // The award comes back later than the hold lives: the executor must refuse it.
    let dropped = 0
    const table = new Table(['a', 'b'], {
      drop: (_f, _t, message) => message.t === 'award' && dropped++ < 1,
      config: { awardRetryMs: 8_000 },
    })
    submit(table, 'a')
    assert.ok(table.run(60_000, ended(table, 'a')))
    assert.deepEqual(
      task(table, 'a').attempts.map((a) => a.outcome),
      ['refused', 'ended'],
    )
    assert.equal(table.started.length, 1)
  })

  it('reruns a lost task only after the silence the design asks for', () => {
    const table = new Table(['a', 'b'], { runMs: 300_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(1_000)
    assert.deepEqual(table.started, [`b:${runIdOf('a', 'job', 1)}`])
    table.crash('b')
    table.run(60_000)
    assert.equal(task(table, 'a').attempts.length, 1, 'not before 70 s')
    table.run(30_000)
    assert.equal(task(table, 'a').attempts[0]!.outcome, 'lost')
    assert.equal(task(table, 'a').state, 'queued')
  })

  it('takes a crashed executor back within the grace: same attempt, no second start', () => {
    const table = new Table(['a', 'b'], { runMs: 40_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(1_000)
    table.crash('b')
    table.run(5_000)
    table.restart('b', [runIdOf('a', 'job', 1)])
    assert.ok(table.run(120_000, ended(table, 'a')))
    assert.equal(task(table, 'a').state, 'succeeded')
    assert.deepEqual(table.started, [`b:${runIdOf('a', 'job', 1)}`])
  })

  it('resumes a crashed submitter: results that came meanwhile are delivered', () => {
    const table = new Table(['a', 'b'], { runMs: 2_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(1_000)
    table.crash('a')
    table.run(10_000)
    table.restart('a')
    assert.ok(table.run(70_000, ended(table, 'a')))
    assert.equal(task(table, 'a').state, 'succeeded')
    table.run(70_000)
    assert.equal(table.seat('b').state.contracts.size, 0, 'settled')
  })

  it('cancels queued, awarded and running tasks', () => {
    const table = new Table(['a', 'b'], { runMs: 100_000 })
    submit(table, 'a')
    table.run(1_000)
    table.input('a', { type: 'cancel', taskId: 'job' })
    assert.ok(table.run(5_000, ended(table, 'a')))
    assert.equal(task(table, 'a').state, 'cancelled')
    table.input('a', {
      type: 'submit',
      jobId: 'never',
      spec: spec({ selector: 'nowhere=true' }),
      count: 1,
      placeTimeoutMs: 60_000,
    })
    table.input('a', { type: 'cancel', taskId: 'never' })
    assert.equal(task(table, 'a', 'never').state, 'cancelled')
  })

  it('a cancel that overtakes its award buries it', () => {
    let held = true
    const table = new Table(['a', 'b'], { drop: (_f, _t, message) => message.t === 'award' && held })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(100)
    table.input('a', { type: 'cancel', taskId: 'job' })
    table.run(100)
    held = false
    table.run(60_000)
    assert.equal(task(table, 'a').state, 'cancelled')
    assert.deepEqual(table.started, [])
  })

  it('retries a failing task as often as asked, with backoff', () => {
    const table = new Table(['a'], { exitCode: () => 3 })
    submit(table, 'a', { retries: 2 })
    assert.ok(table.run(60_000, ended(table, 'a')))
    assert.equal(task(table, 'a').state, 'failed')
    assert.equal(task(table, 'a').exit?.exitCode, 3)
    assert.equal(table.started.length, 3)
  })

  it('tells the submitter how far its input has come, until the task starts', () => {
    const table = new Table(['a', 'b'], { runMs: 60_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    const { contracts } = table.seat('b').state
    assert.ok(table.run(1_000, () => contracts.size === 1))
    const [runId] = contracts.keys()
    const fetching = (fetchedBytes: number) => table.input('b', { type: 'run-fetching', runId: runId!, fetchedBytes })
    fetching(5)
    const attempt = () => task(table, 'a').attempts[0]!
    assert.ok(table.run(10, () => attempt().fetchedBytes === 5))
    assert.equal(task(table, 'a').state, 'awarded')
    const told = table.seat('a').effects.filter((effect) => effect.type === 'emit' && effect.event.type === 'fetching')
    assert.equal(told.length, 1)
    assert.ok(table.run(1_000, () => task(table, 'a').state === 'running'))
    assert.deepEqual([attempt().fetchedBytes, contracts.get(runId!)?.fetchedBytes], [undefined, undefined])
    fetching(6)
    table.run(100)
    assert.equal(attempt().fetchedBytes, undefined)
    assert.equal(table.messages.filter(({ message }) => JSON.stringify(message).includes('"fetching"')).length, 1)
  })

  it('has an executor end what it still fetches for an attempt that was given up', () => {
    const table = new Table(['a', 'b'])
    const reports = [{ taskId: 'gone', attempt: 1, phase: 'fetching' as const, fetchedBytes: 5 }]
    table.input('a', { type: 'message', from: 'b', message: { t: 'report', body: { reports } } })
    const [cancel] = table.messages
    assert.deepEqual([cancel?.to, cancel?.message.t], ['b', 'cancel'])
  })

  it('fails with NoCapableNodes when the placement time is up', () => {
    const table = new Table(['a'])
    table.input('a', {
      type: 'submit',
      jobId: 'job',
      spec: spec({ selector: 'gpu=yes' }),
      count: 1,
      placeTimeoutMs: 5_000,
    })
    assert.ok(table.run(6_000, ended(table, 'a')))
    assert.match(task(table, 'a').exit!.startError!, /NoCapableNodes/)
  })
})
