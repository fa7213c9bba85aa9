/** Peers that mean harm, or are broken: what they may cost others is bounded. */
import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import { NEGOTIATION_LIMITS } from '../../../src/negotiation/config.ts'
import { runIdOf } from '../../../src/negotiation/state.ts'
import { spec, Table } from '../../support/negotiation-table.ts'

const say = (table: Table, to: string, from: string, message: ControlMessage) =>
  table.input(to, { type: 'message', from, message, proof: new Uint8Array(2_000) })

function submit(table: Table, at: string, changes: Parameters<typeof spec>[0] = {}, jobId = 'job') {
  table.input(at, { type: 'submit', jobId, spec: spec(changes), count: 1, placeTimeoutMs: 3_600_000 })
}
const task = (table: Table, at: string, id = 'job') => table.seat(at).state.tasks.get(id)!

describe('hostile and broken peers', () => {
  it('two submitters that use one task id never meet in one run', () => {
    const table = new Table(['victim', 'thief', 'host'], { runMs: 50_000 })
    for (const id of ['victim', 'thief']) table.seat(id).local = { ...table.seat(id).local, drivers: [] }
    submit(table, 'victim')
    table.run(1_000)
    submit(table, 'thief')
    table.run(1_000)
    assert.deepEqual(table.started, [`host:${runIdOf('victim', 'job', 1)}`, `host:${runIdOf('thief', 'job', 1)}`])
    say(table, 'host', 'thief', { t: 'settle', body: { attempts: [{ taskId: 'job', attempt: 1 }] } })
    say(table, 'host', 'thief', { t: 'cancel', body: { attempts: [{ taskId: 'job', attempt: 1 }], why: 'cancelled' } })
    table.run(10_000)
    assert.equal(task(table, 'victim').state, 'running')
    assert.ok(table.run(60_000, () => task(table, 'victim').state === 'succeeded'))
  })

  it("a stranger's cancels are not answered and bury nothing", () => {
    const table = new Table(['host'])
    table.seat('host').local = { ...table.seat('host').local, open: false }
    const attempts = Array.from({ length: 500 }, (_, i) => ({ taskId: `t${i}`, attempt: 1 }))
    say(table, 'host', 'stranger', { t: 'cancel', body: { attempts, why: 'cancelled' } })
    assert.equal(table.messages.length, 0)
    assert.equal(table.seat('host').state.tombstones.size, 0)
    say(table, 'host', 'stranger', { t: 'award', body: { offerId: 'o', bidId: 'b', grants: attempts, leaseMs: 1 } })
    assert.equal(table.seat('host').state.tombstones.size, 0)
  })

  it('nobody hurries a job by calling out capacity', () => {
    const table = new Table(['a'])
    submit(table, 'a', { selector: 'gpu=yes' })
    const offered = table.seat('a').state.jobs.get('job')!
    const before = offered.storyDropped + offered.story.length
    for (let i = 0; i < 1_000; i++) {
      say(table, 'a', 'noisy', { t: 'capacity', body: { free: { cpuMilli: 1, memoryBytes: 1 } } })
      table.input('a', { type: 'candidates-changed' })
      table.run(1)
    }
    const rounds = offered.storyDropped + offered.story.length - before
    assert.ok(rounds <= 1_000 / 250 + 1, `${rounds} rounds in a second`)
  })

  it('a story keeps to its bytes, however long what peers sign', () => {
    const table = new Table(['a', 'b'])
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    table.options = { drop: (_from, to) => to === 'b' }
    submit(table, 'a')
    const job = table.seat('a').state.jobs.get('job')!
    for (let round = 0; round < 300; round++) {
      table.run(20_000, () => job.round !== undefined)
      const offerId = job.round!.offerId
      const reason = { constraint: 'load', wanted: 'x', measured: 'y', temporary: true } as const
      const decline: ControlMessage = {
        t: 'decline',
        body: { offerId, reasons: [reason], wouldFit: { cpuMilli: 0, memoryBytes: 0 } },
      }
      table.input('a', { type: 'message', from: 'b', message: decline, proof: new Uint8Array(60_000) })
    }
    const bytes = job.story.reduce((sum, line) => sum + ('proof' in line ? line.proof.length : 0), 0)
    assert.ok(bytes <= NEGOTIATION_LIMITS.storyBytes)
    assert.ok(job.storyDropped > 0)
  })

  it('an executor that never ends a task, nor answers its cancel, cannot hold it', () => {
    const table = new Table(['a', 'b'], { runMs: 100 * 3_600_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a', { timeoutMs: 10_000, graceMs: 1_000 })
    // It renews and says it lives, but its driver ignores time.
    table.run(400_000)
    assert.equal(task(table, 'a').state, 'timed-out')

    const deaf = new Table(['a', 'b'], { runMs: 100 * 3_600_000, drop: (_f, _t, message) => message.t === 'cancel' })
    deaf.seat('a').local = { ...deaf.seat('a').local, drivers: [] }
    submit(deaf, 'a', { graceMs: 1_000 })
    deaf.run(1_000)
    deaf.input('a', { type: 'cancel', taskId: 'job' })
    deaf.run(200_000)
    assert.equal(task(deaf, 'a').state, 'cancelled')
  })

  it('output that nobody asked for is not fetched', () => {
    const table = new Table(['a', 'b'], { runMs: 60_000 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(1_000)
    const exit = { exitCode: 0, outputSha256: 'f'.repeat(64), outputBytes: 5e9, startedAtMs: 0, endedAtMs: 1 }
    say(table, 'a', 'b', { t: 'report', body: { reports: [{ taskId: 'job', attempt: 1, phase: 'ended', exit }] } })
    assert.equal(task(table, 'a').state, 'succeeded')
    assert.equal(task(table, 'a').output, undefined)
    assert.ok(!table.seat('a').effects.some(({ type }) => type === 'fetch-output'))
  })

  it('nobody releases what is held for another', () => {
    const table = new Table(['a', 'host'], { drop: (from, _t, message) => from === 'a' && message.t !== 'offer' })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(100)
    const { holds } = table.seat('host').state
    const [bidId] = holds.keys()
    assert.ok(bidId !== undefined)
    say(table, 'host', 'mallory', { t: 'release', body: { bidId } })
    assert.deepEqual([...holds.keys()], [bidId])
    say(table, 'host', 'a', { t: 'release', body: { bidId } })
    assert.equal(holds.size, 0)
  })

  it('a contract by somebody else than the bidder changes nothing', () => {
    const table = new Table(['a', 'b'], { drop: (_f, _t, message) => message.t === 'award' })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(100)
    const [bidId] = table.seat('a').state.inDoubt.keys()
    const refused = [{ taskId: 'job', attempt: 1, reason: 'no' }]
    say(table, 'a', 'mallory', { t: 'contract', body: { bidId: bidId!, accepted: [], refused } })
    assert.equal(task(table, 'a').state, 'awarded')
    assert.ok(table.seat('a').state.inDoubt.has(bidId!))
  })

  it('gives up on every submitter that never came back, not on the first alone', () => {
    const table = new Table(['a', 'b', 'host'], { config: { keepEndedMs: 60_000 }, runMs: 10 })
    for (const id of ['a', 'b']) table.seat(id).local = { ...table.seat(id).local, drivers: [] }
    submit(table, 'a')
    table.run(8, () => table.started.length > 0)
    table.crash('a')
    table.run(30_000)
    submit(table, 'b')
    table.run(8, () => table.started.length > 1)
    table.crash('b')
    table.run(200_000)
    assert.equal(table.seat('host').state.contracts.size, 0)
  })

  it('a lease that lapses, is renewed and lapses again is told both times', () => {
    const table = new Table(['a', 'b'], { runMs: 1e9 })
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    submit(table, 'a')
    table.run(1_000)
    table.crash('a')
    const lapses = () =>
      table
        .seat('b')
        .effects.filter(({ type, ...rest }) => type === 'emit' && JSON.stringify(rest).includes('lease-lapsed')).length
    table.run(60_000)
    assert.equal(lapses(), 1)
    say(table, 'b', 'a', { t: 'renew', body: { attempts: [{ taskId: 'job', attempt: 1 }], leaseMs: 10_000 } })
    table.run(60_000)
    assert.equal(lapses(), 2)
  })
})
