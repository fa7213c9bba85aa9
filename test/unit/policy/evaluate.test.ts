import assert from 'node:assert/strict'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { unusablePolicy } from '../../../src/policy/unusable.ts'
import { evaluate, explain } from '../../../src/policy/evaluate.ts'
import type { Facts, Refusal, Verdict } from '../../../src/policy/types.ts'
import { factsOf, PERMIT_EVERYTHING, policyOf, UNUSED, type RuleInput } from '../../support/policy.ts'

function verdictOf(rules: readonly RuleInput[], facts: Facts): Verdict {
  const policy = compilePolicy('node', policyOf(rules))
  assert.deepEqual(policy.faults, [])
  return evaluate([policy], facts)
}

function refusal(rules: readonly RuleInput[], facts: Facts): Refusal {
  const verdict = verdictOf(rules, facts)
  assert.ok(!verdict.allowed, 'it was allowed')
  return verdict.refusals[0]!
}

function allows(rules: readonly RuleInput[], facts: Facts): boolean {
  return verdictOf([PERMIT_EVERYTHING, ...rules], facts).allowed
}

describe('policy/evaluate', () => {
  it('allows everything where there is no policy', () => {
    assert.deepEqual(evaluate([], factsOf()), { allowed: true, by: [], atMost: Infinity })
  })

  it('denies by default, and says which rules would have admitted, by what values', () => {
    const rules = [{ name: 'friends', allow: "submitter.id == 'friend'" }]
    const { rule, wanted, saw } = refusal(rules, factsOf())
    assert.equal(rule, undefined)
    assert.equal(wanted, 'an allow rule that holds: friends')
    assert.equal(saw, 'none holds; submitter.id = "12D3KooWsubmitter"')
    assert.match(refusal([{ name: 'small', caps: { cpu: '1' } }], factsOf()).wanted, /it has none/)
  })

  it('names the rule that admits', () => {
    const verdict = verdictOf([{ name: 'no', allow: 'false' }, PERMIT_EVERYTHING], factsOf())
    assert.ok(verdict.allowed)
    assert.deepEqual(verdict.by, [{ domain: 'node', policy: 'house', rule: 'everything' }])
  })

  it('lets a deny override, in whatever order they stand, and tells what it saw', () => {
    const deny = { name: 'no-shells', deny: "task.command[0] in ['sh', 'bash']" }
    for (const rules of [
      [deny, PERMIT_EVERYTHING],
      [PERMIT_EVERYTHING, deny],
    ]) {
      const found = refusal(rules, factsOf({ command: ['sh', '-c', 'true'] }))
      assert.equal(found.rule, 'no-shells')
      assert.equal(found.wanted, "deny task.command[0] in ['sh', 'bash']")
      assert.equal(found.saw, 'task.command.0 = "sh"')
      assert.ok(verdictOf(rules, factsOf()).allowed)
    }
  })

  it('denies for an error, of an allow as of a deny, with its reason and the values', () => {
    for (const kind of ['allow', 'deny'] as const) {
      const rule = { name: 'broken', [kind]: 'task.memoryBytes / task.retries > 5' }
      const { rule: named, saw } = refusal([PERMIT_EVERYTHING, rule], factsOf())
      assert.equal(named, 'broken')
      assert.equal(saw, 'error: division by zero; task.memoryBytes = 67108864, task.retries = 0')
    }
    const missing = refusal([{ name: 'label', allow: "node.labels.tier == 'web'" }], factsOf())
    assert.match(missing.saw, /^error: No such key: tier; node.labels.tier = absent$/)
  })

  it('asks a rule with a condition only for the tasks it concerns', () => {
    const rule = { name: 'small-strangers', when: '!submitter.trusted', caps: { cpu: '1' } }
    const big = { resources: { cpuMilli: 2_000, memoryBytes: 1e8 } }
    const stranger = { ...factsOf().submitter, trusted: false }
    assert.ok(allows([rule], factsOf(big)))
    assert.ok(!allows([rule], factsOf(big, { submitter: stranger })))
    assert.ok(!allows([{ ...rule, when: '1 / task.retries == 1' }], factsOf()), 'an error in a condition denies')
  })

  it('has all domains allow: permitting everything in one opens nothing in another', () => {
    const open = compilePolicy('cluster', policyOf([PERMIT_EVERYTHING]))
    const closed = compilePolicy('node', policyOf([{ name: 'mine', allow: 'submitter.self' }]))
    for (const domains of [
      [open, closed],
      [closed, open],
    ]) {
      const verdict = evaluate(domains, factsOf())
      assert.ok(!verdict.allowed)
      assert.deepEqual(
        verdict.refusals.map(({ domain }) => domain),
        ['node'],
      )
    }
    const both = evaluate([closed, { ...closed, domain: 'cluster' }], factsOf())
    assert.ok(!both.allowed && both.refusals.length === 2, 'every domain that refuses says so')
  })

  it('refuses everything with a policy that cannot be used', () => {
    const broken = compilePolicy('node', policyOf([PERMIT_EVERYTHING, { name: 'typo', deny: 'task.comand == []' }]))
    assert.deepEqual(broken.faults, [{ path: ['spec', 'rules', 1, 'deny'], text: 'No such key: comand' }])
    for (const policy of [broken, unusablePolicy('node', 'house', 'it is of a later version')]) {
      const verdict = evaluate([policy], factsOf())
      assert.ok(!verdict.allowed)
      assert.equal(verdict.refusals[0]!.saw, policy.faults[0]!.text)
      assert.equal(explain([policy], factsOf())[0]!.outcome, 'error')
    }
  })

  it('explains every rule', () => {
    const rules = [
      PERMIT_EVERYTHING,
      { name: 'no-wc', deny: "task.command[0] == 'wc'" },
      { name: 'one', caps: { cpu: '1' } },
    ]
    const reports = explain([compilePolicy('node', policyOf(rules))], factsOf())
    assert.deepEqual(
      reports.map(({ rule, outcome, saw }) => [rule, outcome, saw]),
      [
        ['everything', 'admits', ''],
        ['no-wc', 'refuses', 'task.command.0 = "wc"'],
        ['one', 'passes', 'CPU 0.1'],
      ],
    )
  })

  it('shows no values of an environment, and cuts what is long', () => {
    const { saw } = refusal(
      [{ name: 'no-env', allow: "size(task.env) == 0 && task.name == ''" }],
      factsOf({ env: { TOKEN: 'secret' }, name: 'x'.repeat(128) }),
    )
    assert.ok(!saw.includes('secret') && saw.includes('{TOKEN}'), saw)
    assert.ok(saw.length <= 160, saw)
  })
})

describe('policy/rules', () => {
  it('drivers, commands, placement', () => {
    assert.ok(allows([{ name: 'a', drivers: ['process'] }], factsOf()))
    assert.ok(!allows([{ name: 'a', drivers: ['podman'] }], factsOf()))
    assert.ok(allows([{ name: 'a', commands: ['ffmpeg', 'w*'] }], factsOf()))
    assert.ok(allows([{ name: 'a', commands: ['wc'] }], factsOf()))
    assert.ok(!allows([{ name: 'a', commands: ['wcx', 'ffmpeg'] }], factsOf()))
    assert.ok(allows([{ name: 'a', placement: 'zone=attic,!gpu' }], factsOf()))
    const { wanted, saw } = refusal([{ name: 'a', placement: 'constructor' }], factsOf())
    assert.deepEqual([wanted, saw], ['a node with constructor', 'constructor = absent'])
  })

  it('caps what is reserved, and what is asked for as a limit', () => {
    const rule = { name: 'caps', caps: { cpu: '1', memory: '1Gi', time: '1h' } }
    const within = { timeoutMs: 3_600_000, resources: { cpuMilli: 1_000, memoryBytes: 2 ** 30 } }
    assert.ok(allows([rule], factsOf(within)))
    assert.ok(!allows([rule], factsOf({ ...within, timeoutMs: 3_600_001 })))
    assert.ok(!allows([rule], factsOf({ ...within, limits: { cpuMilli: 1_001 } })))
    const { saw } = refusal([rule], factsOf({ ...within, resources: { cpuMilli: 100, memoryBytes: 2 ** 30 + 1 } }))
    assert.equal(saw, 'memory 1 GiB')
  })

  it('says what may leave the node', () => {
    const rule = { name: 'leaving', leaving: { output: false, log: '1Mi' } }
    assert.ok(allows([rule], factsOf({ logCapBytes: 2 ** 20 })))
    assert.ok(!allows([rule], factsOf({ logCapBytes: 2 ** 20, output: true })))
    assert.ok(!allows([rule], factsOf()))
  })

  it('counts by submitter or by all, and says how many are left', () => {
    const used = { ...UNUSED, atOnce: 1, day: { tasks: 3, coreMs: 7_000 } }
    const facts = factsOf({}, { usage: { submitter: UNUSED, everyone: used } })
    const everyone = (quota: object): Verdict =>
      verdictOf([PERMIT_EVERYTHING, { name: 'q', quota: { per: 'everyone', ...quota } }], facts)
    const room = (quota: object): number => {
      const verdict = everyone(quota)
      return verdict.allowed ? verdict.atMost : 0
    }
    assert.equal(room({ tasks: 5 }), 2)
    assert.equal(room({ tasks: 3 }), 0)
    assert.equal(room({ tasks: 3, every: 'hour' }), 3)
    assert.equal(room({ tasks: 3, per: 'submitter' }), 3)
    assert.equal(room({ atOnce: 1 }), 0)
    assert.equal(room({ atOnce: 2, tasks: 9 }), 1)
    assert.equal(room({ cpuTime: '7s' }), 0)
    assert.equal(room({ cpuTime: '8s' }), Infinity)
    const refused = everyone({ tasks: 3 })
    assert.ok(!refused.allowed && refused.refusals[0]!.temporary, 'the next day it may be allowed')
    assert.equal(refused.refusals[0]!.saw, '3 tasks of all submitters in the day')
    assert.ok(
      verdictOf([PERMIT_EVERYTHING, { name: 'q', quota: { tasks: 0 } }], { ...facts, usage: undefined }).allowed,
    )
  })

  it('counts for the policy of the machine what it does in other clusters, and for no other policy', () => {
    const elsewhere = { ...UNUSED, atOnce: 2, day: { tasks: 3, coreMs: 0 } }
    const facts = factsOf({}, { elsewhere, usage: { submitter: UNUSED, everyone: { ...UNUSED, atOnce: 1 } } })
    const rules: readonly (readonly [RuleInput, ofMachine: string | undefined])[] = [
      [{ name: 'q', quota: { per: 'everyone', atOnce: 3 } }, '3 tasks of all submitters now'],
      [{ name: 'q', quota: { per: 'everyone', tasks: 3 } }, '3 tasks of all submitters in the day'],
      [{ name: 'q', quota: { per: 'submitter', atOnce: 1 } }, undefined],
      [{ name: 'q', deny: 'node.running >= 2' }, 'node.running = 2'],
    ]
    for (const [rule, saw] of rules) {
      for (const domain of ['node', 'cluster', 'network'] as const) {
        const policy = compilePolicy(domain, policyOf([PERMIT_EVERYTHING, rule]))
        const verdict = evaluate([policy], facts)
        const seen = verdict.allowed ? undefined : verdict.refusals[0]!.saw
        assert.equal(seen, domain === 'node' ? saw : undefined, JSON.stringify([domain, rule]))
        assert.equal(explain([policy], facts)[1]!.outcome, seen === undefined ? 'passes' : 'refuses')
      }
    }
  })
})
