/**
 * What was signed in an earlier boot of its author, or a while ago, said once more by that author: its key and its
 * link are good, so each message is taken at its word, and it must find nothing to change. What somebody else signed
 * does not come so far: see `test/unit/node/inbound.test.ts`.
 */
import assert from 'node:assert/strict'
import type { ControlMessage, MessageType } from '../../../src/model/control.ts'
import { runIdOf } from '../../../src/negotiation/state.ts'
import { spec, Table, type TableOptions } from '../../support/negotiation-table.ts'

const NONE = { cpuMilli: 0, memoryBytes: 0 }

/** `a` has work and cannot do it itself; `host` can. */
function tableOf(options: TableOptions = {}): Table {
  const table = new Table(['a', 'host'], options)
  table.seat('a').local = { ...table.seat('a').local, drivers: [] }
  return table
}

function submit(table: Table, jobId: string, count = 1, changes: Parameters<typeof spec>[0] = {}): void {
  table.input('a', { type: 'submit', jobId, spec: spec(changes), count, placeTimeoutMs: 3_600_000 })
}

const taskOf = (table: Table, id: string) => table.seat('a').state.tasks.get(id)!

/** What one said to the other so far, of these types. */
function said(table: Table, from: string, ...types: readonly MessageType[]): ControlMessage[] {
  return table.messages.filter((one) => one.from === from && types.includes(one.message.t)).map((one) => one.message)
}

function replay(table: Table, to: string, from: string, messages: readonly ControlMessage[]): void {
  for (const message of messages) table.input(to, { type: 'message', from, message, proof: new Uint8Array([1]) })
}

describe('offers, awards and bids that are replayed', () => {
  for (const [isHostNew, where] of [
    [false, 'where it ran'],
    [true, 'where nothing of it is remembered'],
  ] as const) {
    it(`by a submitter from its boot before: nothing starts again, ${where}`, () => {
      const table = tableOf()
      submit(table, 'job')
      assert.ok(table.run(5_000, () => taskOf(table, 'job').state === 'succeeded'))
      table.run(1_000)
      const recorded = said(table, 'a', 'offer', 'award')
      assert.deepEqual(
        recorded.map(({ t }) => t),
        ['offer', 'award'],
      )
      for (const id of isHostNew ? ['a', 'host'] : ['a']) {
        table.crash(id)
        table.restart(id)
      }
      const bidsBefore = said(table, 'host', 'bid').length
      replay(table, 'host', 'a', recorded)
      table.run(1_000)
      const answer = said(table, 'host', 'contract').at(-1)!
      assert.ok(answer.t === 'contract')
      assert.deepEqual(answer.body.accepted, [])
      assert.equal(answer.body.refused.length, 1)
      assert.deepEqual(table.started, [`host:${runIdOf('a', 'job', 1)}`])
      // The offer is one that could have been made: it is bid for, and whom it was said to be from lets go of that.
      assert.equal(said(table, 'host', 'bid').length, bidsBefore + 1)
      assert.deepEqual(table.seat('host').state.reserved, NONE)
      assert.equal(table.seat('host').state.contracts.size, 0)
      assert.equal(taskOf(table, 'job').state, 'succeeded')
    })
  }

  it('by a submitter while its bid has room again: what ended and was settled does not start again', () => {
    const resources = { cpuMilli: 1_000, memoryBytes: 2 ** 20 }
    const table = tableOf({ capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 32 } })
    submit(table, 'job', 2, { resources })
    assert.ok(table.run(5_000, () => table.started.length === 1))
    // The slot goes back to the hold, where it stays: nothing else that is said of it arrives.
    table.options = { drop: (_from, _to, { t }) => t === 'award' || t === 'release' }
    const host = table.seat('host').state
    assert.ok(table.run(1_000, () => said(table, 'a', 'award').length === 2 && host.contracts.size === 0))
    assert.deepEqual(
      [...host.holds.values()].map(({ slots }) => slots),
      [1],
    )
    replay(table, 'host', 'a', said(table, 'a', 'award').slice(0, 1))
    assert.equal(host.contracts.size, 0)
    table.options = {}
    assert.ok(table.run(60_000, () => table.started.length === 2))
    table.run(5_000)
    assert.equal(new Set(table.started).size, 2, 'each once')
  })

  it('by a bidder from its boot before: let go of, and neither awarded nor told of', () => {
    const table = tableOf()
    submit(table, 'first')
    assert.ok(table.run(5_000, () => taskOf(table, 'first').state === 'succeeded'))
    const recorded = said(table, 'host', 'bid')
    table.crash('host')
    table.restart('host')
    // Another offer of the same submitter is out while the old bid comes.
    table.options = { drop: (from, _to, message) => from === 'host' && message.t === 'bid' }
    submit(table, 'second')
    table.run(5)
    const [awards, releases] = ['award', 'release'].map((t) => said(table, 'a', t as MessageType).length)
    replay(table, 'a', 'host', recorded)
    table.run(100)
    assert.equal(said(table, 'a', 'award').length, awards)
    assert.equal(said(table, 'a', 'release').length, releases! + 1)
    assert.ok(
      !table
        .seat('a')
        .state.jobs.get('second')!
        .story.some(({ kind }) => kind === 'bid'),
    )
    assert.equal(taskOf(table, 'first').state, 'succeeded')
  })

  it('by a bidder that forgot it: the award of that bid is refused, the task runs once, by another', () => {
    const table = tableOf({ drop: (_from, _to, message) => message.t === 'award' })
    submit(table, 'job')
    table.run(100)
    assert.equal(said(table, 'a', 'award').length, 1)
    table.crash('host')
    table.restart('host')
    table.options = {}
    const recorded = said(table, 'host', 'bid')
    for (let turn = 0; turn < 10; turn++) replay(table, 'a', 'host', recorded)
    assert.ok(table.run(60_000, () => taskOf(table, 'job').state === 'succeeded'))
    assert.equal(table.started.length, 1)
    assert.equal(taskOf(table, 'job').attempts.length, 2)
    table.run(10_000)
    assert.deepEqual(table.seat('host').state.reserved, NONE)
  })
})
