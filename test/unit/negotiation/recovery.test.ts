import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import type { TaskExit } from '../../../src/model/task.ts'
import { spec, Table } from '../../support/negotiation-table.ts'

const HOUR_MS = 3_600_000

function submit(table: Table, at: string, changes: Parameters<typeof spec>[0] = {}, placeTimeoutMs = HOUR_MS) {
  table.input(at, { type: 'submit', jobId: 'job', spec: spec(changes), count: 1, placeTimeoutMs })
}

const task = (table: Table) => table.seat('a').state.tasks.get('job')!
const state = (table: Table, wanted: string) => () => task(table)?.state === wanted
const ofType = (table: Table, type: ControlMessage['t']) => table.messages.filter(({ message }) => message.t === type)

/** A mesh in which only `b` can run what `a` submits. */
function pairOf(options: ConstructorParameters<typeof Table>[1] = {}): Table {
  const table = new Table(['a', 'b'], { runMs: HOUR_MS, ...options })
  table.seat('a').local = { ...table.seat('a').local, drivers: [] }
  return table
}

function exit(changes: Partial<TaskExit>): TaskExit {
  return { exitCode: 0, startedAtMs: 1, endedAtMs: 2, ...changes }
}

function report(table: Table, attempt: number, how: TaskExit) {
  const reports = [{ taskId: 'job', attempt, phase: 'ended' as const, exit: how }]
  table.input('a', { type: 'message', from: 'b', message: { t: 'report', body: { reports } } })
}

describe('recovery of bargaining', () => {
  it('remembers a job whose submitter died right after it had taken it', () => {
    const table = pairOf({ runMs: 10 })
    submit(table, 'a')
    table.crash('a')
    table.run(1_000)
    table.restart('a')
    assert.ok(table.run(5_000, state(table, 'succeeded')))
  })

  it('settles a repeated report only once the output is here', () => {
    const table = pairOf()
    submit(table, 'a', { output: true })
    assert.ok(table.run(1_000, state(table, 'running')))
    const how = exit({ outputSha256: 'a'.repeat(64), outputBytes: 1 })
    report(table, 1, how)
    report(table, 1, how)
    assert.equal(ofType(table, 'settle').length, 0, 'the executor could drop the output now')
    table.input('a', { type: 'output-fetched', taskId: 'job', ok: true })
    assert.equal(ofType(table, 'settle').length, 1)
    report(table, 1, how)
    assert.equal(ofType(table, 'settle').length, 2, 'a settlement that was lost is repeated')
  })

  it('ends a cancelled run again when its daemon died before it had sent the signal', () => {
    const table = pairOf()
    submit(table, 'a')
    assert.ok(table.run(1_000, state(table, 'running')))
    table.input('a', { type: 'cancel', taskId: 'job' })
    const stops = () => table.seat('b').effects.filter(({ type }) => type === 'stop').length
    assert.ok(table.run(100, () => stops() === 1))
    table.crash('b')
    // The signal of the dead daemon does not count: its end is told to nobody.
    table.run(1_000)
    table.restart('b', [...table.seat('b').state.contracts.keys()])
    assert.equal(stops(), 2)
  })

  it('hears of an end at its first renewal after it was away', () => {
    const table = pairOf({ runMs: 1_000 })
    submit(table, 'a')
    assert.ok(table.run(900, state(table, 'running')))
    table.crash('a')
    // Repetitions of the report are a minute apart by now.
    table.run(70_000)
    table.restart('a')
    assert.ok(table.run(100, state(table, 'succeeded')))
  })

  it('takes an old sign of life for no newer than it is', () => {
    const table = pairOf()
    submit(table, 'a')
    assert.ok(table.run(1_000, state(table, 'running')))
    table.crash('b')
    const diedMs = table.nowMs
    for (let n = 0; n < 6; n++) {
      table.run(10_000)
      // Somebody plays its heartbeats again.
      table.input('a', { type: 'heard', node: 'b', atMs: diedMs - 1_000 * n })
    }
    table.run(20_000)
    assert.equal(task(table).attempts[0]!.outcome, 'lost')
  })

  it('calls a task cancelled whose run vanished after the cancellation', () => {
    const table = pairOf({ drop: (_from, _to, message) => message.t === 'cancel' })
    submit(table, 'a')
    assert.ok(table.run(1_000, state(table, 'running')))
    table.input('a', { type: 'cancel', taskId: 'job' })
    report(table, 1, exit({ exitCode: 137, killedFor: 'lost' }))
    assert.equal(task(table).state, 'cancelled')
  })

  it('tries a task whose runs vanish again at once, then after ever longer waits', () => {
    const table = pairOf()
    submit(table, 'a', {}, 600_000)
    const waits = [1, 2, 3, 4].map((attempt) => {
      assert.ok(table.run(600_000, state(table, 'running')))
      report(table, attempt, exit({ exitCode: 137, killedFor: 'lost' }))
      const lostMs = table.nowMs
      assert.ok(table.run(600_000, () => task(table).attempts.length === attempt + 1))
      return table.nowMs - lostMs
    })
    assert.ok(waits[0]! < 100, waits.join())
    for (const [index, least] of [1_000, 2_000, 4_000].entries())
      assert.ok(waits[index + 1]! >= least && waits[index + 1]! < least + 1_000, waits.join())
  })

  it('gives a task that comes back to the queue its whole time to be placed again', () => {
    const table = pairOf()
    submit(table, 'a', { retries: 1 }, 10_000)
    assert.ok(table.run(1_000, state(table, 'running')))
    table.run(8_500)
    // Nobody can take it from here on.
    table.seat('b').local = { ...table.seat('b').local, accepting: false, stateName: 'leaving' }
    report(table, 1, exit({ exitCode: 3 }))
    assert.equal(task(table).state, 'queued')
    table.run(10_500)
    assert.equal(task(table).state, 'queued', 'the retry waits a second, and 10 s to be placed begin after it')
    assert.ok(table.run(1_000, state(table, 'failed')))
    assert.match(task(table).exit!.startError!, /^NoCapableNodes: not placed within 10 s/)
  })
})
