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

  describe('is asked again at the start', () => {
    const OWN = { ...FOREIGN, trusted: new Set(['a']), isolation: WORKS }

    /** Awarded as it is given first, and about to start as it is given then. */
    function start(first: Partial<LocalNode>, then: Partial<LocalNode>, task?: Parameters<typeof spec>[0]) {
      const at = table(first)
      submit(at, task)
      assert.ok(at.run(5_000, () => contractOf(at) !== undefined))
      const contract = contractOf(at)!
      at.seat('b').local = { ...at.seat('b').local, ...then }
      at.input('b', { type: 'run-starting', runId: contract.runId })
      const stored = at.seat('b').stored.get('contract')!.get(contract.runId) as ContractState
      assert.equal(stored.isolation, contract.isolation)
      assert.deepEqual([stored.stopWhy, stored.stopNote], [contract.stopWhy, contract.stopNote])
      return { at, contract }
    }

    it('who became a guest meanwhile is isolated', () => {
      const { at, contract } = start(OWN, { ...FOREIGN, isolation: WORKS })
      assert.deepEqual([contract.isolation, contract.stopWhy], ['bwrap', undefined])
      assert.ok(ended(at))
    })

    for (const [what, then, task, reason] of [
      [
        'a guest that cannot be isolated',
        { ...FOREIGN, isolation: MISSING },
        {},
        /^isolation: wanted isolation, for work of another owner \(bob\), found none: bubblewrap is not installed/,
      ],
      [
        'a guest that may not be isolated',
        { ...FOREIGN, isolation: WORKS },
        { isolation: 'none' as const },
        /^isolation: wanted to run without isolation, found work of another owner \(bob\) is isolated here$/,
      ],
      [
        'who is no member any more',
        { ...FOREIGN, roster: { ...ROSTER, owners: new Map(), guests: new Set<string>() } },
        {},
        /^trust: .* found the submitter is no member$/,
      ],
      [
        'whose roster is out of date',
        { ...FOREIGN, roster: { ...ROSTER, guests: new Set<string>(), fresh: false } },
        {},
        /^trust: /,
      ],
    ] as const) {
      it(`${what} does not start, and is told why`, () => {
        const { at, contract } = start(OWN, then, task)
        assert.deepEqual([contract.isolation, contract.stopWhy], [undefined, 'policy'])
        const stop = at.seat('b').effects.find((effect) => effect.type === 'stop')
        assert.deepEqual([stop?.runId, stop?.why], [contract.runId, 'policy'])
        const attempt = () => at.seat('a').state.tasks.get('j')!.attempts[0]!
        assert.ok(at.run(1_000, () => attempt().outcome === 'refused'))
        assert.match(attempt().reason!, reason)
      })
    }

    it('what was to be isolated stays so, though its owner is that of the node now', () => {
      const { contract } = start({ ...FOREIGN, isolation: WORKS }, OWN)
      assert.deepEqual([contract.isolation, contract.stopWhy], ['bwrap', undefined])
    })
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
