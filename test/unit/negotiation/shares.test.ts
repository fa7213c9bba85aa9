/** What one submitter may have of an executor: nobody shuts out another, and nothing is kept idle for long. */
import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import type { Bid } from '../../../src/model/negotiation.ts'
import { DEFAULT_NEGOTIATION } from '../../../src/negotiation/config.ts'
import { runIdOf } from '../../../src/negotiation/state.ts'
import { spec, Table, type TableOptions } from '../../support/negotiation-table.ts'

const GIB = 1024 ** 3
const HOUR_MS = 3_600_000
const TINY = { cpuMilli: 1, memoryBytes: 0 }
const CORE = { cpuMilli: 1_000, memoryBytes: 0 }

const say = (table: Table, from: string, message: ControlMessage) =>
  table.input('host', { type: 'message', from, message, proof: new Uint8Array(1) })

/** A host, and submitters that are played by the test. */
function hostOf(options: TableOptions = {}): Table {
  return new Table(['host'], { capacity: { cpuMilli: 64_000, memoryBytes: 64 * GIB }, runMs: HOUR_MS, ...options })
}

let offers = 0
interface Answer {
  readonly offerId: string
  readonly bid?: Bid
  /** Of a decline. */
  readonly constraints: readonly string[]
  readonly measured: string
}

/** Offers `slots` copies; what the host answers. */
function offer(table: Table, from: string, slots = 1, resources = TINY): Answer {
  const offerId = `job-${offers++}`
  say(table, from, { t: 'offer', body: { offerId, jobId: 'job', slots, spec: spec({ resources }) } })
  const { to, message } = table.messages.at(-1)!
  assert.equal(to, from)
  if (message.t === 'bid') return { offerId, bid: message.body, constraints: [], measured: '' }
  assert.ok(message.t === 'decline')
  const { reasons } = message.body
  return { offerId, constraints: reasons.map(({ constraint }) => constraint), measured: reasons[0]!.measured }
}

/** Awards tasks `<prefix>0…` to a bid. */
function award(table: Table, from: string, { offerId, bid }: Answer, count: number, prefix: string) {
  const grants = Array.from({ length: count }, (_, i) => ({ taskId: `${prefix}${i}`, attempt: 1 }))
  say(table, from, { t: 'award', body: { offerId, bidId: bid!.bidId, grants, leaseMs: HOUR_MS } })
}

const ref = (taskId: string) => ({ taskId, attempt: 1 })

/** Ends runs of a submitter. */
function end(table: Table, submitter: string, ...taskIds: string[]) {
  const exit = { exitCode: 0, startedAtMs: 1, endedAtMs: 2 }
  for (const taskId of taskIds) table.input('host', { type: 'run-ended', runId: runIdOf(submitter, taskId, 1), exit })
}

const contracts = (table: Table) => table.seat('host').state.contracts
const bids = (table: Table, to: string) =>
  table.messages.filter((sent) => sent.to === to && sent.message.t === 'bid').length

describe('places in the books', () => {
  it('a submitter that floods a node with offers leaves half of its holds to others', () => {
    const table = hostOf()
    for (let n = 0; n < 2_000; n++) offer(table, 'flood')
    assert.equal(bids(table, 'flood'), DEFAULT_NEGOTIATION.holds / 2)
    const { constraints, measured } = offer(table, 'flood')
    assert.deepEqual(constraints, ['share'])
    assert.match(measured, /^it has 500 holds here; its share now is 500$/)
    for (let n = 0; n < 100; n++) assert.ok(offer(table, 'other').bid, `hold ${n} of another`)
  })

  it('all nodes of one owner have the share of one', () => {
    const owners = new Map(Object.entries({ a: 'ann', a2: 'ann', a3: 'ann', o: 'oli' }))
    const table = hostOf({ local: { roster: { guests: new Set(), owner: 'oli', owners, fresh: true } } })
    for (let n = 0; n < 2_000; n++) offer(table, ['a', 'a2', 'a3'][n % 3]!)
    const theirs = ['a', 'a2', 'a3'].reduce((sum, node) => sum + bids(table, node), 0)
    assert.equal(theirs, DEFAULT_NEGOTIATION.holds / 2)
    assert.deepEqual(offer(table, 'a2').constraints, ['share'])
    for (let n = 0; n < 100; n++) assert.ok(offer(table, 'o').bid, `hold ${n} of another owner`)
  })

  it('however many take all they can, the next one finds a place', () => {
    const table = hostOf({ config: { holds: 64 } })
    for (const greedy of ['a', 'b', 'c', 'd']) while (offer(table, greedy).bid);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((id) => bids(table, id)),
      [32, 16, 8, 4],
    )
    assert.ok(offer(table, 'late').bid)
    const { size } = table.seat('host').state.holds
    assert.ok(size < 64, `${size} holds`)
  })

  it('promises no submitter more contracts than its share, and keeps each promise', () => {
    const table = hostOf({ config: { contracts: 40 } })
    const first = offer(table, 'a', 100)
    assert.equal(first.bid?.slots, 20)
    assert.ok(table.seat('host').state.waiters.has('a'), 'it wanted more, and hears when there is more')
    assert.deepEqual(offer(table, 'a').constraints, ['share'])
    assert.equal(offer(table, 'b', 100).bid?.slots, 10)
    award(table, 'a', first, 20, 't')
    assert.equal(contracts(table).size, 20)
    assert.deepEqual(offer(table, 'a').constraints, ['share'])
    assert.equal(offer(table, 'c', 100).bid?.slots, 5)
  })

  it('a submitter that does not settle is held back, and told once it has', () => {
    const table = hostOf({ config: { contracts: 8 }, capacity: { cpuMilli: 4, memoryBytes: GIB } })
    const first = offer(table, 'a', 4)
    award(table, 'a', first, 4, 't')
    end(table, 'a', 't0', 't1', 't2', 't3')
    const { constraints, measured } = offer(table, 'a')
    assert.deepEqual(constraints, ['share'])
    assert.match(measured, /it has 4 here, 4 of them ended and not settled; its share now is 4/)
    assert.equal(offer(table, 'b', 4).bid?.slots, 4, 'what has ended is in nobody else’s way')
    table.run(100)
    say(table, 'a', { t: 'settle', body: { attempts: [ref('t0')] } })
    table.run(100)
    assert.ok(table.messages.some(({ to, message }) => to === 'a' && message.t === 'capacity'))
  })

  it('an ended run gives its slot back to the hold only within the share', () => {
    const table = hostOf({ config: { contracts: 4 } })
    const first = offer(table, 'a', 2)
    award(table, 'a', first, 2, 't')
    end(table, 'a', 't0')
    table.run(10)
    const ended = table.messages.flatMap(({ message }) => (message.t === 'report' ? message.body.reports : []))
    const kept = ended.filter(({ phase }) => phase === 'ended').map(({ slotKept = false }) => slotKept)
    assert.deepEqual(kept, [false], 'the ended one still takes a place of its submitter’s two')
  })
})

describe('turns at room that comes free', () => {
  const one = { cpuMilli: 1_000, memoryBytes: GIB }

  it('whoever holds a node and never awards does not win it again and again', () => {
    const table = hostOf({ capacity: one })
    assert.ok(offer(table, 'squatter', 1, CORE).bid)
    table.run(2_000)
    assert.deepEqual(offer(table, 'squatter', 1, CORE).constraints, ['cpu'])
    assert.deepEqual(offer(table, 'other', 1, CORE).constraints, ['cpu'])
    // The hold lapses, and the squatter is there first with its next offer.
    table.run(3_030)
    const { constraints, measured } = offer(table, 'squatter', 1, CORE)
    assert.deepEqual(constraints, ['share'])
    assert.match(measured, /goes first: it was given something longer ago/)
    table.run(250)
    assert.ok(offer(table, 'other', 1, CORE).bid)
  })

  const owners = new Map(Object.entries({ a: 'ann', a2: 'ann', a3: 'ann', b: 'bob' }))
  const roster = { guests: new Set<string>(), owner: 'oli', owners, fresh: true }

  it('an owner has one turn, however many of its nodes wait', () => {
    const table = hostOf({ capacity: one, local: { roster } })
    assert.ok(offer(table, 'b', 1, CORE).bid)
    table.run(2_000)
    for (const waiter of ['a', 'a2', 'a3', 'b']) assert.equal(offer(table, waiter, 1, CORE).bid, undefined)
    table.run(3_030)
    // All have nothing of the node now; ann was never served.
    assert.match(offer(table, 'b', 1, CORE).measured, /goes first: it was given something longer ago/)
    const { bid } = offer(table, 'a', 1, CORE)
    for (const waiter of ['a2', 'a3', 'b']) assert.equal(offer(table, waiter, 1, CORE).bid, undefined)
    table.run(100)
    say(table, 'a', { t: 'release', body: { bidId: bid!.bidId } })
    table.run(30)
    assert.match(offer(table, 'a2', 1, CORE).measured, /goes first: it was given something longer ago/)
    assert.ok(offer(table, 'b', 1, CORE).bid, 'the second turn is that of bob, not of another of ann’s nodes')
  })

  it('among the nodes of one owner whoever was given something longer ago comes first', () => {
    const table = hostOf({ capacity: one, local: { roster } })
    const { bid } = offer(table, 'a', 1, CORE)
    assert.equal(offer(table, 'a2', 1, CORE).bid, undefined)
    say(table, 'a', { t: 'release', body: { bidId: bid!.bidId } })
    table.run(30)
    assert.match(offer(table, 'a', 1, CORE).measured, /goes first: it was given something longer ago/)
    assert.ok(offer(table, 'a2', 1, CORE).bid)
  })

  it('whoever has least of the node comes first', () => {
    const table = hostOf({ capacity: { cpuMilli: 4_000, memoryBytes: GIB } })
    const first = offer(table, 'batch', 10, CORE)
    award(table, 'batch', first, 4, 't')
    offer(table, 'single', 1, CORE)
    end(table, 'batch', 't0')
    table.run(30)
    const { constraints, measured } = offer(table, 'batch', 10, CORE)
    assert.deepEqual(constraints, ['share'])
    assert.match(measured, /goes first: it has 0% of this node, this submitter 75%/)
    assert.ok(offer(table, 'single', 1, CORE).bid)
    end(table, 'batch', 't1')
    table.run(30)
    award(table, 'batch', first, 1, 'u')
    assert.ok(contracts(table).has(runIdOf('batch', 'u0', 1)), 'nobody else waits: the slot stays with its hold')
  })

  it('a turn that nobody takes is over soon, and whoever was put off hears of it', () => {
    const table = hostOf({ capacity: one })
    award(table, 'batch', offer(table, 'batch', 2, CORE), 1, 't')
    offer(table, 'gone', 1, CORE)
    end(table, 'batch', 't0')
    table.run(30)
    assert.deepEqual(offer(table, 'batch', 1, CORE).constraints, ['share'])
    const told = () => table.messages.filter(({ to, message }) => to === 'batch' && message.t === 'capacity').length
    const before = told()
    table.run(500)
    assert.equal(told(), before + 1)
    assert.ok(offer(table, 'batch', 1, CORE).bid)
  })

  it('a turn that is over is over, also when nobody was put off by it', () => {
    const table = hostOf({ capacity: one })
    award(table, 'batch', offer(table, 'batch', 2, CORE), 1, 't')
    offer(table, 'gone', 1, CORE)
    end(table, 'batch', 't0')
    table.run(600)
    assert.ok(offer(table, 'batch', 1, CORE).bid)
  })

  it('a turn is not kept for someone whose task would not fit', () => {
    const table = hostOf({ capacity: { cpuMilli: 4_000, memoryBytes: GIB } })
    award(table, 'batch', offer(table, 'batch', 10, CORE), 4, 't')
    offer(table, 'large', 1, { cpuMilli: 4_000, memoryBytes: 0 })
    end(table, 'batch', 't0')
    table.run(30)
    assert.ok(offer(table, 'batch', 1, CORE).bid)
  })

  it('two batches share a node between them', () => {
    const table = new Table(['a', 'b', 'host'], { capacity: { cpuMilli: 4_000, memoryBytes: 4 * GIB }, runMs: 1_000 })
    for (const id of ['a', 'b']) table.seat(id).local = { ...table.seat(id).local, drivers: [] }
    const submit = (id: string) =>
      table.input(id, {
        type: 'submit',
        jobId: id,
        spec: spec({ resources: CORE }),
        count: 100,
        placeTimeoutMs: HOUR_MS,
      })
    submit('a')
    table.run(500)
    submit('b')
    table.run(20_000)
    const ended = (id: string) =>
      [...table.seat(id).state.tasks.values()].filter(({ state }) => state === 'succeeded').length
    assert.ok(ended('a') > 15 && ended('b') > 15, `${ended('a')} of one, ${ended('b')} of the other`)
    assert.ok(ended('a') + ended('b') > 45, `${ended('a') + ended('b')} in 20 s of 80 at most`)
  })
})

describe('results nobody settles', () => {
  const left = (table: Table) => [...contracts(table).keys()].toSorted()

  it('beyond the cap the oldest of whoever left most go; a small one loses none, and what runs is left alone', () => {
    const table = hostOf({ config: { unsettled: 10 } })
    award(table, 'small', offer(table, 'small', 2), 2, 's')
    award(table, 'large', offer(table, 'large', 15), 15, 't')
    end(table, 'small', 's0', 's1')
    for (let i = 0; i < 14; i++) {
      table.run(10)
      end(table, 'large', `t${i}`)
    }
    table.run(10)
    const kept = ['s0', 's1'].map((id) => runIdOf('small', id, 1))
    for (const i of [6, 7, 8, 9, 10, 11, 12, 13, 14]) kept.push(runIdOf('large', `t${i}`, 1))
    assert.deepEqual(left(table), kept.toSorted())
    assert.equal(contracts(table).get(runIdOf('large', 't14', 1))?.phase, 'running')
    const given = table.seat('host').effects.filter(({ type }) => type === 'forget').length
    assert.equal(given, 6, 'their logs and outputs are kept as those of settled ones are')
  })

  it('is heard of by a submitter that comes back within the day', () => {
    const table = new Table(['a', 'host'], { runMs: 1_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    table.input('a', { type: 'submit', jobId: 'job', spec: spec(), count: 1, placeTimeoutMs: HOUR_MS })
    table.run(900)
    table.crash('a')
    table.run(23 * HOUR_MS)
    table.restart('a')
    assert.ok(table.run(1_000, () => table.seat('a').state.tasks.get('job')?.state === 'succeeded'))
    assert.equal(table.started.length, 1)
  })

  it('is given up a day after its end, also by a daemon that is restarted in between', () => {
    const table = hostOf()
    award(table, 'a', offer(table, 'a'), 1, 't')
    end(table, 'a', 't0')
    for (let hour = 0; hour < 23; hour += 6) {
      assert.equal(contracts(table).size, 1, `after ${hour} h`)
      table.run(6 * HOUR_MS)
      if (hour < 18) {
        table.crash('host')
        table.restart('host')
      }
    }
    assert.equal(contracts(table).size, 0)
  })

  it('is not given up at once by a machine that was itself away for longer', () => {
    const table = hostOf()
    award(table, 'a', offer(table, 'a'), 1, 't')
    end(table, 'a', 't0')
    table.crash('host')
    table.run(60 * HOUR_MS)
    table.restart('host')
    table.run(HOUR_MS / 2)
    assert.equal(contracts(table).size, 1)
    table.run(HOUR_MS)
    assert.equal(contracts(table).size, 0)
  })
})
