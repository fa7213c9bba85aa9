import assert from 'node:assert/strict'
import type { Operation } from '../../../src/model/operation.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import { spec, Table, type TableOptions } from '../../support/negotiation-table.ts'

/** A submitter that takes nothing itself, and two that may run its tasks. */
function table(options: TableOptions = {}): Table {
  const made = new Table(['a', 'b', 'c'], options)
  ask(made, 'a', { name: 'cordon' })
  return made
}

function ask(at: Table, id: string, operation: Operation, by = 'ann'): void {
  at.input(id, { type: 'operate', operation, by })
}

function submit(at: Table, jobId: string, count = 1): void {
  at.input('a', { type: 'submit', jobId, spec: spec(), count, placeTimeoutMs: 60_000 })
}

const taskOf = (at: Table, taskId: string) => at.seat('a').state.tasks.get(taskId)
const contractsOf = (at: Table, id: string): ContractState[] => [...at.seat(id).state.contracts.values()]
const runsOn = (at: Table, id: string): number => at.started.filter((run) => run.startsWith(`${id}:`)).length
const cordonOf = (at: Table, id: string) => at.seat(id).state.cordon
const eventsOf = (at: Table, id: string) =>
  at.seat(id).effects.flatMap((effect) => (effect.type === 'audit' ? [effect.event] : []))
const toldOf = (at: Table, id: string): string[] =>
  at
    .seat(id)
    .effects.flatMap((effect) => (effect.type === 'emit' && effect.event.type === 'cordon' ? [effect.event.what] : []))

describe('negotiation/cordon', () => {
  it('declines what is offered, with who asked for it and why, and the task goes elsewhere', () => {
    const at = table()
    ask(at, 'b', { name: 'cordon', reason: 'kernel update' })
    submit(at, 'j')
    assert.ok(at.run(5_000, () => taskOf(at, 'j')?.state === 'succeeded'))
    assert.deepEqual([runsOn(at, 'b'), runsOn(at, 'c')], [0, 1])
    const declined = at
      .seat('a')
      .state.jobs.get('j')!
      .story.flatMap((line) => (line.kind === 'declined' && line.node === 'b' ? line.reasons : []))
    assert.deepEqual(declined, [
      {
        constraint: 'state',
        wanted: 'a node that takes new tasks',
        measured: 'cordoned by ann: kernel update',
        temporary: true,
      },
    ])
  })

  it('refuses an award that comes after it, though the bid came before', () => {
    const at = table()
    ask(at, 'c', { name: 'cordon' })
    submit(at, 'j')
    assert.ok(at.run(1_000, () => at.seat('b').state.holds.size > 0))
    ask(at, 'b', { name: 'cordon', reason: 'kernel update' })
    at.run(2_000)
    const [attempt] = taskOf(at, 'j')!.attempts
    assert.deepEqual([attempt!.outcome, attempt!.reason], ['refused', 'cordoned by ann: kernel update'])
    assert.equal(runsOn(at, 'b'), 0)
  })

  it('keeps what was promised and what runs, and gives no slot of theirs away again', () => {
    const at = table({ runMs: 3_000, capacity: { cpuMilli: 100, memoryBytes: 4 * 1024 ** 3 } })
    ask(at, 'c', { name: 'cordon' })
    submit(at, 'j', 2)
    assert.ok(at.run(1_000, () => contractsOf(at, 'b').length === 1))
    assert.equal(contractsOf(at, 'b')[0]!.phase, 'accepted')
    ask(at, 'b', { name: 'cordon' })
    at.run(10_000)
    const states = [...at.seat('a').state.tasks.values()].map(({ state }) => state)
    assert.deepEqual(states, ['succeeded', 'queued'])
    const [, other] = at.seat('a').state.tasks.values()
    assert.deepEqual(other!.attempts, [], 'it was not awarded to be refused')
    const ofRoom = at.messages.filter(({ from, message }) => from === 'b' && message.t === 'capacity')
    assert.deepEqual(ofRoom, [], 'nobody is told of room that is not given')
    assert.equal(runsOn(at, 'b'), 1)
  })

  it('takes tasks again at once when it is lifted: those who wait are told', () => {
    const at = table()
    for (const id of ['b', 'c']) ask(at, id, { name: 'cordon' })
    submit(at, 'j')
    at.run(20_000)
    assert.equal(taskOf(at, 'j')?.state, 'queued')
    const sinceMs = at.nowMs
    ask(at, 'b', { name: 'uncordon' })
    assert.ok(at.run(5_000, () => taskOf(at, 'j')?.state === 'succeeded'))
    assert.ok(at.nowMs - sinceMs < 1_000, `after ${at.nowMs - sinceMs} ms`)
  })

  it('is there after a restart, until it is lifted', () => {
    const at = table()
    ask(at, 'b', { name: 'cordon', reason: 'kernel update' })
    ask(at, 'c', { name: 'cordon' })
    const before = structuredClone(cordonOf(at, 'b'))
    at.crash('b')
    at.restart('b')
    assert.deepEqual(cordonOf(at, 'b'), before)
    ask(at, 'b', { name: 'uncordon' })
    at.crash('b')
    at.restart('b')
    assert.equal(cordonOf(at, 'b'), undefined)
  })

  it('names who asked first, unless somebody else says why; each change is an event, and no repetition', () => {
    const at = table()
    for (const by of ['ann', 'oli']) ask(at, 'b', { name: 'cordon', reason: 'kernel update' }, by)
    ask(at, 'b', { name: 'cordon' }, 'oli')
    assert.equal(cordonOf(at, 'b')?.by, 'ann')
    ask(at, 'b', { name: 'cordon', reason: 'new disk' }, 'oli')
    assert.equal(cordonOf(at, 'b')?.by, 'oli')
    ask(at, 'b', { name: 'uncordon' })
    ask(at, 'b', { name: 'uncordon' })
    assert.deepEqual(
      eventsOf(at, 'b').map(({ type, ...rest }) => [type, rest]),
      [
        ['node.cordoned', { by: 'ann', reason: 'kernel update' }],
        ['node.cordoned', { by: 'oli', reason: 'new disk' }],
        ['node.uncordoned', { by: 'ann' }],
      ],
    )
  })

  describe('that is to be drained', () => {
    /** One task of a's runs on b, for as long as is said. */
    function running(runMs: number): Table {
      const at = table({ runMs })
      ask(at, 'c', { name: 'cordon' })
      submit(at, 'j')
      assert.ok(at.run(1_000, () => contractsOf(at, 'b')[0]?.phase === 'running'))
      ask(at, 'c', { name: 'uncordon' })
      return at
    }

    it('waits for what runs, and says when nothing does', () => {
      const at = running(20_000)
      ask(at, 'b', { name: 'drain', reason: 'kernel update' })
      at.run(10_000)
      assert.equal(cordonOf(at, 'b')?.drain?.endedMs, undefined)
      assert.ok(at.run(20_000, () => cordonOf(at, 'b')?.drain?.endedMs !== undefined))
      assert.equal(taskOf(at, 'j')?.state, 'running')
      assert.ok(at.run(1_000, () => taskOf(at, 'j')?.state === 'succeeded'))
      assert.deepEqual([runsOn(at, 'b'), runsOn(at, 'c')], [1, 0])
      assert.deepEqual(toldOf(at, 'b'), ['draining', 'drained'])
      const ofDrain = eventsOf(at, 'b').filter(({ type }) => type.startsWith('drain.'))
      assert.deepEqual(
        ofDrain.map(({ type }) => type),
        ['drain.begun', 'drain.ended'],
      )
    })

    it('is drained at once when nothing runs', () => {
      const at = table()
      ask(at, 'b', { name: 'drain' })
      assert.deepEqual(toldOf(at, 'b'), ['draining', 'drained'])
    })

    it('ends what still runs at the deadline, which is tried on another node and counts as no failure', () => {
      const at = running(20_000)
      ask(at, 'b', { name: 'drain', reason: 'kernel update', deadlineMs: 5_000 })
      at.run(4_900)
      assert.equal(runsOn(at, 'c'), 0)
      assert.ok(at.run(1_000, () => runsOn(at, 'c') === 1))
      assert.ok(cordonOf(at, 'b')?.drain?.endedMs !== undefined)
      const [first] = taskOf(at, 'j')!.attempts
      assert.match(first!.reason!, /drained by ann: kernel update/)
      assert.equal(taskOf(at, 'j')!.retries, 0)
      const told = eventsOf(at, 'b').filter(({ type }) => type.startsWith('drain.') || type === 'policy.stopped')
      assert.deepEqual(
        told.map(({ type }) => type),
        ['drain.begun', 'drain.stopped', 'drain.ended'],
      )
      assert.ok(at.run(30_000, () => taskOf(at, 'j')?.state === 'succeeded'))
    })

    it('ends nothing when it is lifted before the deadline', () => {
      const at = running(20_000)
      ask(at, 'b', { name: 'drain', deadlineMs: 5_000 })
      ask(at, 'b', { name: 'uncordon' })
      ask(at, 'b', { name: 'cordon' })
      assert.ok(at.run(30_000, () => taskOf(at, 'j')?.state === 'succeeded'))
      assert.deepEqual([runsOn(at, 'b'), runsOn(at, 'c')], [1, 0])
    })

    it('goes on after a restart, also past its deadline', () => {
      const at = running(60_000)
      ask(at, 'b', { name: 'drain', deadlineMs: 5_000 })
      const [{ runId }] = contractsOf(at, 'b') as [ContractState]
      at.crash('b')
      at.run(8_000)
      at.restart('b', [runId])
      assert.ok(at.run(1_000, () => cordonOf(at, 'b')?.drain?.endedMs !== undefined))
      assert.equal(contractsOf(at, 'b').filter(({ phase }) => phase !== 'ended').length, 0)
    })

    it('goes on when somebody cordons it once more, and by a new deadline when it is asked for again', () => {
      const at = running(20_000)
      ask(at, 'b', { name: 'drain', deadlineMs: 5_000 })
      ask(at, 'b', { name: 'drain' })
      ask(at, 'b', { name: 'cordon', reason: 'new disk' })
      at.run(10_000)
      assert.equal(contractsOf(at, 'b')[0]?.phase, 'running')
      assert.ok(at.run(20_000, () => cordonOf(at, 'b')?.drain?.endedMs !== undefined))
    })
  })
})
