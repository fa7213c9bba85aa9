import assert from 'node:assert/strict'
import type { LocalNode } from '../../../src/negotiation/nodes.ts'
import { factsOf } from '../../../src/negotiation/executor/policy.ts'
import type { NegotiationInput } from '../../../src/negotiation/step.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { spec, Table, type TableOptions } from '../../support/negotiation-table.ts'
import { PERMIT_EVERYTHING, policyOf, type RuleInput } from '../../support/policy.ts'

/** A submitter and two that may run its tasks. */
function table(options: TableOptions = {}): Table {
  const made = new Table(['a', 'b', 'c'], options)
  rule(made, 'a', [{ name: 'nothing-here', deny: 'true' }])
  return made
}

function rule(
  at: Table,
  id: string,
  rules: readonly RuleInput[] | undefined,
  whenForbidden: 'drain' | 'stop' = 'drain',
) {
  at.seat(id).policies = rules === undefined ? [] : [compilePolicy('node', policyOf(rules, whenForbidden))]
  at.input(id, { type: 'policies-changed' })
}

function submit(at: Table, jobId: string, task = {}, count = 1): void {
  at.input('a', { type: 'submit', jobId, spec: spec(task), count, placeTimeoutMs: 60_000 })
}

/** Two nodes of one owner, one of another; the table is open to all. */
const ROSTER: NonNullable<LocalNode['roster']> = {
  guests: new Set(),
  owner: 'ann',
  owners: new Map(Object.entries({ a: 'ann', a2: 'ann', o: 'oli' })),
  fresh: true,
}

const stateOf = (at: Table, taskId: string) => at.seat('a').state.tasks.get(taskId)?.state
const contractsOf = (at: Table, id: string): ContractState[] => [...at.seat(id).state.contracts.values()]
const runsOn = (at: Table, id: string): number => at.started.filter((run) => run.startsWith(`${id}:`)).length

describe('negotiation/policy', () => {
  it('declines what its policy forbids, with the rule and the values, and the task goes where it may', () => {
    const at = table()
    rule(at, 'b', [PERMIT_EVERYTHING, { name: 'no-true', deny: "task.command[0] == 'true'" }])
    rule(at, 'c', [PERMIT_EVERYTHING])
    submit(at, 'j')
    assert.ok(at.run(5_000, () => stateOf(at, 'j') === 'succeeded'))
    assert.equal(runsOn(at, 'c'), 1)
    const declined = at
      .seat('a')
      .state.jobs.get('j')!
      .story.flatMap((line) => (line.kind === 'declined' ? [line] : []))
    const ofB = declined.find(({ node }) => node === 'b')!
    assert.deepEqual(ofB.reasons, [
      {
        constraint: 'policy',
        wanted: "rule no-true of node policy house: deny task.command[0] == 'true'",
        measured: 'task.command.0 = "true"',
        temporary: false,
      },
    ])
  })

  it('tells a stranger nothing of its policy', () => {
    const at = table({ local: { open: false, trusted: new Set() } })
    rule(at, 'b', [{ name: 'nobody', deny: 'true' }])
    submit(at, 'j')
    at.run(1_000)
    const reasons = at.messages.flatMap(({ from, message }) =>
      from === 'b' && message.t === 'decline' ? message.body.reasons.map(({ constraint }) => constraint) : [],
    )
    assert.deepEqual([...new Set(reasons)], ['trust'])
  })

  it('asks again at the award: a policy that came in between refuses it', () => {
    const at = table()
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    submit(at, 'j')
    assert.ok(at.run(1_000, () => at.seat('b').state.holds.size > 0))
    rule(at, 'b', [{ name: 'nothing-any-more', deny: "task.driver == 'process'" }])
    at.run(2_000)
    const [attempt] = at.seat('a').state.tasks.get('j')!.attempts
    assert.equal(attempt!.outcome, 'refused')
    assert.match(attempt!.reason!, /^policy: rule nothing-any-more of node policy house/)
    assert.equal(runsOn(at, 'b'), 0)
  })

  it('asks again right before the process is made', () => {
    const at = table()
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    submit(at, 'j')
    assert.ok(at.run(1_000, () => contractsOf(at, 'b').length > 0))
    const [{ runId }] = contractsOf(at, 'b') as [ContractState]
    // As if nobody had been told of the change.
    at.seat('b').policies = [compilePolicy('node', policyOf([{ name: 'late', deny: 'task.retries == 0' }]))]
    at.input('b', { type: 'run-starting', runId })
    const stop = at.seat('b').effects.find((effect) => effect.type === 'stop')
    assert.deepEqual([stop?.runId, stop?.why], [runId, 'policy'])
    assert.ok(at.run(1_000, () => at.seat('a').state.tasks.get('j')!.attempts[0]!.outcome === 'refused'))
    assert.equal(
      at.seat('a').state.tasks.get('j')!.attempts[0]!.reason,
      'policy: rule late of node policy house: task.retries = 0',
    )
  })

  for (const whenForbidden of ['drain', 'stop'] as const) {
    it(`${whenForbidden}s what runs when a new policy forbids it`, () => {
      const at = table({ runMs: 20_000 })
      rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
      submit(at, 'j')
      assert.ok(at.run(1_000, () => stateOf(at, 'j') === 'running'))
      rule(at, 'c', [PERMIT_EVERYTHING])
      rule(at, 'b', [{ name: 'no-more', deny: 'true' }], whenForbidden)
      at.run(60_000, () => stateOf(at, 'j') === 'succeeded')
      assert.equal(stateOf(at, 'j'), 'succeeded')
      const outcomes = at
        .seat('a')
        .state.tasks.get('j')!
        .attempts.map(({ node, outcome }) => [node, outcome])
      const stopped = [
        ['b', 'refused'],
        ['c', 'ended'],
      ]
      assert.deepEqual(outcomes, whenForbidden === 'stop' ? stopped : [['b', 'ended']])
    })
  }

  it('stops after a restart what was forbidden while the daemon was away', () => {
    const at = table({ runMs: 60_000 })
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    submit(at, 'j')
    assert.ok(at.run(1_000, () => stateOf(at, 'j') === 'running'))
    const [{ runId }] = contractsOf(at, 'b') as [ContractState]
    at.crash('b')
    at.seat('b').policies = [compilePolicy('node', policyOf([{ name: 'no-more', deny: 'true' }], 'stop'))]
    at.seat('b').effects.length = 0
    at.restart('b', [runId])
    assert.ok(at.seat('b').effects.some((effect) => effect.type === 'stop' && effect.runId === runId))
  })

  it('promises no more than a quota has left, and counts what it promised to others', () => {
    const at = table({ runMs: 1_000 })
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    rule(at, 'b', [PERMIT_EVERYTHING, { name: 'few', quota: { every: 'day', tasks: 3 } }])
    submit(at, 'j', { resources: { cpuMilli: 100, memoryBytes: 1e6 } }, 5)
    at.run(30_000)
    assert.equal(runsOn(at, 'b'), 3)
    const attempts = [...at.seat('a').state.tasks.values()].flatMap((task) => task.attempts)
    assert.equal(attempts.length, 3, 'nothing is awarded in vain')
    const usage = at.seat('b').stored.get('usage')!.get('a') as { day: { tasks: number; coreMs: number } }
    assert.equal(usage.day.tasks, 3)
    assert.ok(usage.day.coreMs >= 300 && usage.day.coreMs < 400, `${usage.day.coreMs}`)
    at.restart('b')
    at.run(20_000)
    assert.equal(runsOn(at, 'b'), 3, 'a restart forgets nothing')
    // The next day, and no later.
    at.run(24 * 3_600_000, () => runsOn(at, 'b') > 3)
    assert.equal(runsOn(at, 'b'), 3, 'the job itself is over by then')
    submit(at, 'k')
    assert.ok(at.run(30_000, () => stateOf(at, 'k') === 'succeeded'))
  })

  it('counts all nodes of one owner as one, where a quota is of owners', () => {
    const at = new Table(['a', 'a2', 'b', 'o'], { runMs: 1_000, local: { roster: ROSTER } })
    for (const id of ['a', 'a2', 'o']) rule(at, id, [{ name: 'nothing-here', deny: 'true' }])
    rule(at, 'b', [PERMIT_EVERYTHING, { name: 'few', quota: { per: 'owner', every: 'day', tasks: 3 } }])
    const task = spec({ resources: { cpuMilli: 100, memoryBytes: 1e6 } })
    for (const [from, jobId] of [
      ['a', 'j'],
      ['a2', 'k'],
    ] as const)
      at.input(from, { type: 'submit', jobId, spec: task, count: 2, placeTimeoutMs: 20_000 })
    at.run(10_000)
    assert.equal(runsOn(at, 'b'), 3, 'two of one node, and one of the other')
    at.restart('b')
    at.run(5_000)
    assert.equal(runsOn(at, 'b'), 3, 'a restart forgets nothing')
    at.input('o', { type: 'submit', jobId: 'l', spec: task, count: 2, placeTimeoutMs: 20_000 })
    at.run(10_000)
    assert.equal(runsOn(at, 'b'), 5, 'another owner has its own')
  })

  it('tells apart what runs for a node, for its owner and for all', () => {
    const at = new Table(['a', 'a2', 'b', 'o'], { runMs: 60_000, local: { roster: ROSTER } })
    for (const id of ['a', 'a2', 'o']) rule(at, id, [{ name: 'nothing-here', deny: 'true' }])
    const task = spec({ resources: { cpuMilli: 100, memoryBytes: 1e6 } })
    for (const [from, count] of [
      ['a', 1],
      ['a2', 2],
      ['o', 4],
    ] as const)
      at.input(from, { type: 'submit', jobId: `of-${from}`, spec: task, count, placeTimeoutMs: 20_000 })
    assert.ok(at.run(5_000, () => contractsOf(at, 'b').filter(({ phase }) => phase === 'running').length === 7))
    at.run(10_000)
    const ctx = { self: 'b', cluster: 'test', nowMs: at.nowMs, local: at.seat('b').local }
    const { usage } = factsOf(at.seat('b').state, ctx, { submitter: 'a', spec: task, as: 'awarded' })
    const counted = [usage!.submitter, usage!.owner!, usage!.everyone]
    assert.deepEqual(
      counted.map(({ atOnce }) => atOnce),
      [1, 3, 7],
    )
    // A tenth of a core each, for ten seconds and what they ran before.
    const seconds = counted.map(({ hour }) => Math.floor(hour.coreMs / 1_000))
    assert.deepEqual(seconds, [1, 3, 7])
  })

  it('lets in one by one what is judged by how many there are', () => {
    const at = table({ runMs: 500 })
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    rule(at, 'b', [{ name: 'two', allow: 'submitter.running < 2' }])
    submit(at, 'j', { resources: { cpuMilli: 100, memoryBytes: 1e6 } }, 6)
    let most = 0
    assert.ok(
      at.run(60_000, () => {
        most = Math.max(most, contractsOf(at, 'b').filter(({ phase }) => phase === 'running').length)
        return [...at.seat('a').state.tasks.values()].every(({ state }) => state === 'succeeded')
      }),
    )
    assert.ok(most >= 1 && most <= 2, `${most} at once`)
    const attempts = [...at.seat('a').state.tasks.values()].flatMap((task) => task.attempts)
    assert.equal(attempts.length, 6, 'nothing is awarded in vain')
  })
})

describe('negotiation/offers', () => {
  it('keeps what was offered, one entry a job, with its answer', () => {
    const at = table()
    rule(at, 'b', [PERMIT_EVERYTHING, { name: 'no-true', deny: "task.command[0] == 'true'" }])
    rule(at, 'c', [{ name: 'nothing-here', deny: 'true' }])
    submit(at, 'j')
    at.run(30_000)
    submit(at, 'k', { command: ['false'] })
    at.run(100)
    const offers = [...at.seat('b').state.offers.values()]
    assert.deepEqual(
      offers.map(({ jobId, reasons, facts }) => [jobId, reasons[0]?.constraint, facts.submitter.id]),
      [
        ['j', 'policy', 'a'],
        ['k', undefined, 'a'],
      ],
    )
    const asked = at.messages.filter(({ to, message }) => to === 'b' && message.t === 'offer').length
    const written = at.seat('b').effects.filter(({ type }) => type === 'cache').length
    assert.ok(asked > 2 && written === 2, `${asked} offers, ${written} written`)
  })

  it('is bounded in number and size, and nothing of a stranger is kept', () => {
    const at = table({ local: { capacity: { cpuMilli: 1e6, memoryBytes: 1e15 } } })
    for (let i = 0; i < 210; i++) at.input('b', offer(`s${i}`, 'true'))
    assert.equal(at.seat('b').state.offers.size, 200)
    assert.ok(!at.seat('b').state.offers.has('a/s0') && at.seat('b').state.offers.has('a/s209'))
    for (let i = 0; i < 30; i++) at.input('b', offer(`l${i}`, 'x'.repeat(30_000)))
    assert.ok(at.seat('b').state.offers.size <= 17, `${at.seat('b').state.offers.size}`)
    at.seat('c').local = { ...at.seat('c').local, open: false }
    at.input('c', offer('j', 'true'))
    assert.equal(at.seat('c').state.offers.size, 0)
  })
})

function offer(jobId: string, word: string): NegotiationInput {
  const body = { offerId: `${jobId}-1`, jobId, slots: 1, spec: spec({ command: [word] }) }
  return { type: 'message', from: 'a', message: { t: 'offer', body } }
}
