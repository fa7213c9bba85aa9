/** Whose tasks run isolated, and where they are declined for it. */
import assert from 'node:assert/strict'
import type { IsolationState } from '../../../src/model/isolation.ts'
import type { LocalNode } from '../../../src/negotiation/nodes.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { spec, Table } from '../../support/negotiation-table.ts'
import { policyOf, type RuleInput } from '../../support/policy.ts'

const WORKS: IsolationState = { works: true, by: 'bwrap', version: '0.8.0' }
const MISSING: IsolationState = { works: false, examined: true, why: 'bubblewrap is not installed', fix: 'install it' }
const UNKNOWN: IsolationState = { works: false, examined: false, why: 'nobody has looked', fix: 'wait' }

const OWNERS = new Map([
  ['a', 'bob'],
  ['b', 'ann'],
])
/** `a` is of owner bob, and offers to `b` of owner ann. */
const ROSTER = { owner: 'ann', owners: OWNERS, guests: new Set(['a']), fresh: true }
const FOREIGN: Partial<LocalNode> = { open: false, trusted: new Set(), roster: ROSTER }

function table(local: Partial<LocalNode>, rules?: readonly RuleInput[]): Table {
  const at = new Table(['a', 'b'], { local })
  at.seat('a').local = { ...at.seat('a').local, drivers: [] }
  if (rules) at.seat('b').policies = [compilePolicy('node', policyOf(rules, 'drain'))]
  return at
}

function submit(at: Table, task: Parameters<typeof spec>[0] = {}): void {
  at.input('a', { type: 'submit', jobId: 'j', spec: spec(task), count: 1, placeTimeoutMs: 60_000 })
}

/** What `b` was to start. */
const contractOf = (at: Table): ContractState | undefined =>
  at.seat('b').effects.flatMap((effect) => (effect.type === 'start' ? [effect.contract] : []))[0]
const ended = (at: Table) => at.run(5_000, () => at.seat('a').state.tasks.get('j')?.state === 'succeeded')
const reasonsOf = (at: Table) =>
  at
    .seat('a')
    .state.jobs.get('j')!
    .story.flatMap((line) => (line.kind === 'declined' && line.node === 'b' ? line.reasons : []))

describe('negotiation/isolation', () => {
  it('work of another owner runs isolated, and its bid says so', () => {
    const at = table({ ...FOREIGN, isolation: WORKS })
    submit(at)
    assert.ok(at.run(5_000, () => contractOf(at) !== undefined))
    assert.equal(contractOf(at)?.isolation, 'bwrap')
    const bids = at.messages.flatMap(({ message }) => (message.t === 'bid' ? [message.body] : []))
    assert.equal(bids[0]?.terms.isolation, 'bwrap')
    assert.ok(ended(at))
  })

  for (const [whose, local] of [
    ['of its own owner', { ...FOREIGN, trusted: new Set(['a']) }],
    ['of an open cluster', { ...FOREIGN, open: true }],
    ['of a cluster without a roster, from the trust list', { open: false, trusted: new Set(['a']) }],
  ] as const) {
    it(`work ${whose} runs as it is, unless it asks`, () => {
      for (const [isolation, found] of [
        [undefined, undefined],
        ['none', undefined],
        ['bwrap', 'bwrap'],
      ] as const) {
        const at = table({ ...local, isolation: WORKS })
        submit(at, isolation && { isolation })
        assert.ok(at.run(5_000, () => contractOf(at) !== undefined))
        assert.equal(contractOf(at)?.isolation, found)
      }
    })
  }

  it('without isolation work of another owner is declined, with what would help', () => {
    const at = table({ ...FOREIGN, isolation: MISSING })
    submit(at)
    at.run(1_000)
    assert.deepEqual(reasonsOf(at)[0], {
      constraint: 'isolation',
      wanted: 'isolation, for work of another owner (bob)',
      measured: 'none: bubblewrap is not installed; what helps there: install it',
      temporary: false,
    })
    assert.equal(contractOf(at), undefined)
  })

  it('as long as nobody has looked, it is declined for the moment', () => {
    const at = table({ ...FOREIGN, isolation: UNKNOWN })
    submit(at)
    at.run(1_000)
    assert.deepEqual(reasonsOf(at).map(({ constraint, temporary }) => [constraint, temporary])[0], ['isolation', true])
    at.seat('b').local = { ...at.seat('b').local, isolation: WORKS }
    assert.ok(ended(at))
  })

  it('what may not be isolated does not run as a guest', () => {
    const at = table({ ...FOREIGN, isolation: WORKS })
    submit(at, { isolation: 'none' })
    at.run(1_000)
    const [reason] = reasonsOf(at)
    assert.deepEqual(
      [reason?.constraint, reason?.measured],
      ['isolation', 'work of another owner (bob) is isolated here'],
    )
  })

  it('what must be isolated is not asked of nodes that cannot', () => {
    const at = table({ open: true, isolation: MISSING })
    submit(at, { isolation: 'bwrap' })
    at.run(1_000)
    const passedOver = at
      .seat('a')
      .state.jobs.get('j')!
      .story.flatMap((line) => (line.kind === 'not-asked' ? [line] : []))
    assert.ok(passedOver.some(({ node, reason }) => node === 'b' && reason === 'cannot isolate tasks by bwrap'))
    assert.ok(!at.messages.some(({ to, message }) => to === 'b' && message.t === 'offer'))
  })

  it('isolation that fails between the bid and the award is a refusal', () => {
    const at = table({ ...FOREIGN, isolation: WORKS })
    submit(at)
    assert.ok(at.run(5_000, () => at.messages.some(({ message }) => message.t === 'bid')))
    at.seat('b').local = { ...at.seat('b').local, isolation: MISSING }
    at.run(1_000)
    const refused = at.messages.flatMap(({ message }) => (message.t === 'contract' ? message.body.refused : []))
    assert.match(refused[0]!.reason, /^isolation: /)
    assert.equal(contractOf(at), undefined)
  })

  it('a stranger is none of another owner: it is not trusted', () => {
    const at = table({ ...FOREIGN, roster: { ...ROSTER, guests: new Set() }, isolation: WORKS })
    submit(at)
    at.run(1_000)
    assert.equal(reasonsOf(at)[0]?.constraint, 'trust')
  })

  it('a policy sees whose it is, and that it is not trusted', () => {
    for (const [allow, runs] of [
      ["submitter.owner == 'bob'", true],
      ["submitter.owner == 'ann'", false],
      ['submitter.trusted', false],
    ] as const) {
      const at = table({ ...FOREIGN, isolation: WORKS }, [{ name: 'some', allow }])
      submit(at)
      at.run(5_000)
      assert.equal(contractOf(at) !== undefined, runs, allow)
    }
  })
})
