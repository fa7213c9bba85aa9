import assert from 'node:assert/strict'
import type { Operated, Operation } from '../../../src/model/operation.ts'
import type { LocalNode } from '../../../src/negotiation/nodes.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { spec, Table } from '../../support/negotiation-table.ts'
import { policyOf, type RuleInput } from '../../support/policy.ts'

/** Two machines of ann's, one of oli's, and one that is in no roster. */
const ROSTER: NonNullable<LocalNode['roster']> = {
  guests: new Set(['oli']),
  owner: 'ann',
  owners: new Map(Object.entries({ attic: 'ann', cellar: 'ann', oli: 'oli' })),
  fresh: true,
}
const OURS = { open: false, trusted: new Set(['attic', 'cellar']), roster: ROSTER }

function table(local: Partial<LocalNode> = OURS): Table {
  return new Table(['attic', 'cellar', 'oli', 'eve'], { local, runMs: 60_000 })
}

/** What the attic answers. */
function ask(at: Table, from: string, operation: Operation, dryRun = false): Operated {
  at.input('attic', { type: 'message', from, message: { t: 'operate', body: { nonce: 7, operation, dryRun } } })
  const { to, message } = at.messages.at(-1)!
  assert.ok(message.t === 'operated' && to === from && message.body.nonce === 7)
  return message.body
}

function rule(at: Table, rules: readonly RuleInput[]): void {
  at.seat('attic').policies = [compilePolicy('node', policyOf(rules))]
}

const cordonOf = (at: Table) => at.seat('attic').state.cordon
const eventsOf = (at: Table) =>
  at.seat('attic').effects.flatMap((effect) => (effect.type === 'audit' ? [effect.event] : []))

describe('negotiation/operators', () => {
  it('of the same owner may, and are named as the roster and their passport name them', () => {
    const at = table()
    const answer = ask(at, 'cellar', { name: 'cordon', reason: 'kernel update' })
    const cordon = { state: 'cordoned', by: "ann's cellar", reason: 'kernel update' }
    assert.deepEqual(answer, { nonce: 7, refusals: [], cordon, tasks: [], leftOut: 0 })
    assert.deepEqual(eventsOf(at), [
      { type: 'node.cordoned', by: "ann's cellar", peer: 'cellar', reason: 'kernel update' },
    ])
    assert.equal(ask(at, 'cellar', { name: 'uncordon' }).cordon, undefined)
    assert.equal(cordonOf(at), undefined)
  })

  it('have it stored before they are told', () => {
    const at = table()
    ask(at, 'cellar', { name: 'cordon' })
    assert.deepEqual(at.seat('attic').stored.get('cordon')?.get('self'), cordonOf(at))
  })

  it('of another owner may not, and are told what this rests on', () => {
    const at = table()
    for (const operation of [{ name: 'cordon' }, { name: 'uncordon' }, { name: 'drain' }] as const) {
      const { refusals, tasks } = ask(at, 'oli', operation)
      assert.deepEqual(refusals, [
        {
          wanted: 'a member of the owner of this node, or a rule of the node policy that allows it',
          saw: 'operator.owner = "oli", of this node "ann"',
        },
      ])
      assert.deepEqual(tasks, [])
    }
    assert.equal(cordonOf(at), undefined)
    const [event] = eventsOf(at)
    assert.ok(event?.type === 'operation.refused' && event.peer === 'oli' && event.operation === 'cordon')
  })

  it('of the same owner may not by a roster that is out of date, nor where its word is not taken', () => {
    for (const [trusted, fresh] of [
      [['attic', 'cellar'], false],
      // As in a cluster that was joined beside others, where whoever enrols writes who is whose.
      [['attic'], true],
    ] as const) {
      const at = table({ ...OURS, trusted: new Set(trusted), roster: { ...ROSTER, fresh } })
      assert.equal(ask(at, 'cellar', { name: 'cordon' }).refusals.length, 1)
    }
  })

  it('of another owner may not by being in the trust list, which is about tasks', () => {
    const at = table({ ...OURS, trusted: new Set([...OURS.trusted, 'oli']) })
    assert.equal(ask(at, 'oli', { name: 'cordon' }).refusals.length, 1)
    rule(at, [{ name: 'trusted', operations: ['cordon'], allow: 'operator.trusted' }])
    assert.deepEqual(ask(at, 'oli', { name: 'cordon' }).refusals, [])
  })

  it('that are strangers learn nothing of the policy', () => {
    const at = table()
    rule(at, [{ name: 'only-cellar', operations: ['cordon', 'drain'], allow: "operator.id == 'cellar'" }])
    const { refusals } = ask(at, 'eve', { name: 'cordon' })
    assert.deepEqual(refusals, [{ wanted: 'a member whom this node knows', saw: 'a stranger' }])
  })

  it('may by a rule what they could not, and may not by a rule what they could; the rule is named', () => {
    const at = table()
    rule(at, [{ name: 'only-oli', operations: ['cordon', 'drain'], allow: "operator.owner == 'oli'" }])
    assert.deepEqual(ask(at, 'cellar', { name: 'drain' }).refusals, [
      { wanted: "rule only-oli of node policy house: allow operator.owner == 'oli'", saw: 'operator.owner = "ann"' },
    ])
    assert.equal(cordonOf(at), undefined)
    assert.deepEqual(ask(at, 'oli', { name: 'drain', deadlineMs: 5_000 }).cordon, { state: 'drained', by: "oli's oli" })
    const event = eventsOf(at).find(({ type }) => type === 'operation.refused')
    assert.match((event as { reason: string }).reason, /^rule only-oli of node policy house: .* "ann"$/)
  })

  it('change by a rule nothing that the node itself or its owner asked for', () => {
    const at = table()
    rule(at, [{ name: 'others-too', operations: ['cordon', 'drain'], allow: 'true' }])
    const asked = (from: string, name: Operation['name']) => ask(at, from, { name }).refusals
    assert.deepEqual(asked('oli', 'cordon'), [])
    assert.deepEqual(asked('oli', 'uncordon'), [], 'its own it may lift')
    asked('oli', 'cordon')
    at.input('attic', { type: 'operate', operation: { name: 'cordon' }, by: 'ann' })
    assert.equal(cordonOf(at)?.by, 'ann', 'it is her cordon from now on, with nothing more said')
    assert.equal(asked('oli', 'uncordon').length, 1)
    assert.equal(ask(at, 'oli', { name: 'drain' }, true).refusals.length, 1, 'nor does it only look as if it could')
    asked('cellar', 'uncordon')
    asked('cellar', 'cordon')
    at.seat('attic').local = { ...at.seat('attic').local, roster: { ...ROSTER, owners: new Map([['oli', 'oli']]) } }
    assert.equal(asked('oli', 'uncordon').length, 1, 'also when whoever asked has left since')
    at.seat('attic').local = { ...at.seat('attic').local, roster: ROSTER }
    asked('cellar', 'uncordon')
    const own: readonly (readonly [string, () => unknown])[] = [
      ['ann', () => at.input('attic', { type: 'operate', operation: { name: 'cordon' }, by: 'ann' })],
      ["ann's cellar", () => asked('cellar', 'cordon')],
    ]
    for (const [by, cordon] of own) {
      cordon()
      for (const name of ['uncordon', 'drain', 'cordon'] as const) {
        const wanted = 'a node that was not cordoned by its own owner'
        assert.deepEqual(asked('oli', name), [{ wanted, saw: `cordoned by ${by}` }])
      }
      assert.equal(cordonOf(at)?.by, by)
      assert.deepEqual(asked('cellar', 'uncordon'), [])
    }
  })

  it('hear what is here without that anything is done, if they may do it', () => {
    const at = table()
    for (const id of ['cellar', 'oli', 'eve'])
      at.input(id, { type: 'operate', operation: { name: 'cordon' }, by: 'test' })
    at.input('cellar', { type: 'submit', jobId: 'j', spec: spec(), count: 3, placeTimeoutMs: 60_000 })
    at.run(1_000)
    const before = eventsOf(at).length
    const { tasks, leftOut, cordon } = ask(at, 'cellar', { name: 'drain' }, true)
    assert.deepEqual(
      [tasks.map(({ submitter }) => submitter), leftOut, cordon],
      [Array(3).fill('cellar'), 0, undefined],
    )
    assert.ok(tasks.every(({ startedAtMs }) => startedAtMs !== undefined))
    assert.deepEqual([cordonOf(at), eventsOf(at).length], [undefined, before])
    assert.deepEqual(ask(at, 'oli', { name: 'drain' }, true).tasks, [])
  })

  it('name at most so many tasks in an answer, and count the others', () => {
    const at = new Table(['attic', 'cellar'], {
      local: OURS,
      runMs: 60_000,
      capacity: { cpuMilli: 60_000, memoryBytes: 2 ** 40 },
    })
    at.input('cellar', { type: 'operate', operation: { name: 'cordon' }, by: 'test' })
    at.input('cellar', { type: 'submit', jobId: 'j', spec: spec(), count: 60, placeTimeoutMs: 60_000 })
    at.run(1_000)
    const { tasks, leftOut } = ask(at, 'cellar', { name: 'drain' }, true)
    assert.deepEqual([tasks.length, leftOut], [50, 10])
  })
})
