import assert from 'node:assert/strict'
import { Policy } from '../../../src/model/policy.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { evaluate, explain } from '../../../src/policy/evaluate.ts'
import { refusalsOfOperation } from '../../../src/policy/operations.ts'
import type { Domain, OperationFacts } from '../../../src/policy/types.ts'
import { unusablePolicy } from '../../../src/policy/unusable.ts'
import { factsOf, operationFacts, PERMIT_EVERYTHING, policyOf, type RuleInput } from '../../support/policy.ts'

/** Why the node refuses what no rule of its own is about. */
const NOT_OURS = { wanted: 'a member of the owner', saw: 'operator.owner = "oli"' }

const OF_OLI = { id: '12D3KooWoli', trusted: false, owner: 'oli' }
const ONLY_ANN: RuleInput = { name: 'only-ann', operations: ['cordon', 'drain'], allow: "operator.owner == 'ann'" }

function compiled(rules: readonly RuleInput[], domain: Domain = 'node') {
  const policy = compilePolicy(domain, policyOf(rules))
  assert.deepEqual(policy.faults, [])
  return policy
}

function refusals(rules: readonly RuleInput[], facts: OperationFacts, otherwise?: typeof NOT_OURS) {
  return refusalsOfOperation([compiled(rules)], facts, otherwise)
}

describe('policy/operations', () => {
  it('go by what holds without, where no allow rule of the node is about them', () => {
    const others: RuleInput[] = [
      PERMIT_EVERYTHING,
      { name: 'draining', operations: ['drain'], allow: 'true' },
      { name: 'elsewhere', operations: ['cordon'], when: "node.labels.zone == 'cellar'", allow: 'true' },
      { name: 'nobody', operations: ['cordon'], deny: "operator.owner == 'eve'" },
    ]
    for (const rules of [[PERMIT_EVERYTHING], others]) {
      assert.deepEqual(refusals(rules, operationFacts()), [])
      assert.deepEqual(refusals(rules, operationFacts(), NOT_OURS), [{ domain: 'node', ...NOT_OURS }])
    }
    assert.deepEqual(refusalsOfOperation([], operationFacts(), NOT_OURS), [{ domain: 'node', ...NOT_OURS }])
  })

  it('are allowed to others, and to no others, by an allow rule of the node', () => {
    assert.deepEqual(refusals([ONLY_ANN], operationFacts(), NOT_OURS), [])
    assert.deepEqual(refusals([ONLY_ANN], operationFacts('drain', { operator: OF_OLI })), [
      {
        domain: 'node',
        policy: 'house',
        rule: 'only-ann',
        wanted: "allow operator.owner == 'ann'",
        saw: 'operator.owner = "oli"',
      },
    ])
    const two = [ONLY_ANN, { name: 'only-eve', operations: ['cordon' as const], allow: "operator.owner == 'eve'" }]
    const [refusal] = refusals(two, operationFacts('cordon', { operator: OF_OLI }))
    assert.equal(refusal!.wanted, 'an allow rule that holds: only-ann, only-eve')
    assert.deepEqual(refusals(two, operationFacts()), [], 'one that holds is enough')
  })

  it('are refused by a deny, and by an error, whatever else allows them', () => {
    const allowed = { name: 'all', operations: ['cordon' as const, 'drain' as const], allow: 'true' }
    const slowly = { name: 'slowly', operations: ['drain' as const], deny: 'operation.deadlineMs < 3600000' }
    const asked = (deadlineMs?: number) =>
      operationFacts('drain', { operation: { name: 'drain', ...(deadlineMs !== undefined && { deadlineMs }) } })
    assert.deepEqual(
      refusals([allowed, slowly], asked(60_000)).map(({ rule, saw }) => [rule, saw]),
      [['slowly', 'operation.deadlineMs = 60000']],
    )
    assert.deepEqual(refusals([allowed, slowly], asked(3_600_000)), [])
    assert.deepEqual(refusals([allowed, slowly], asked()), [], 'without a deadline nothing is ended')
    for (const broken of [
      { name: 'broken', operations: ['cordon' as const], deny: "node.labels.rack == 'a'" },
      { name: 'broken', operations: ['cordon' as const], when: "node.labels.rack == 'a'", deny: 'false' },
    ]) {
      const [refusal] = refusals([allowed, broken], operationFacts())
      assert.equal(refusal!.rule, 'broken')
      assert.match(refusal!.saw, /^error: .*node\.labels\.rack = absent/)
    }
  })

  it('need the leave of all levels: one that allows everything opens nothing that another closes', () => {
    const everybody = { name: 'everybody', operations: ['cordon' as const], allow: 'true' }
    const [node, cluster] = [compiled([everybody]), compiled([everybody], 'cluster')]
    const strict = (domain: Domain) => compiled([ONLY_ANN], domain)
    const oli = operationFacts('cordon', { operator: OF_OLI })
    assert.deepEqual(refusalsOfOperation([node, cluster], oli, NOT_OURS), [])
    const domains = (policies: Parameters<typeof refusalsOfOperation>[0]) =>
      refusalsOfOperation(policies, oli, NOT_OURS).map(({ domain }) => domain)
    assert.deepEqual(domains([cluster]), ['node'], 'the cluster opens no node')
    assert.deepEqual(domains([node, strict('cluster')]), ['cluster'])
    assert.deepEqual(domains([strict('node'), cluster]), ['node'])
    assert.deepEqual(domains([node, cluster, strict('network')]), ['network'])
    assert.deepEqual(domains([node, unusablePolicy('cluster', 'later', 'a field that is not known')]), ['cluster'])
  })

  it('may be lifted by whoever may cordon, and by nobody else', () => {
    const draining = { name: 'draining', operations: ['drain' as const], allow: 'true' }
    assert.deepEqual(refusals([ONLY_ANN], operationFacts('uncordon')), [])
    assert.equal(refusals([draining], operationFacts('uncordon', { operator: OF_OLI }), NOT_OURS).length, 1)
    assert.equal(refusals([ONLY_ANN], operationFacts('uncordon', { operator: OF_OLI })).length, 1)
  })

  it('concern no task: a policy about nothing else lets run what it would without', () => {
    const policy = compiled([ONLY_ANN])
    assert.deepEqual(evaluate([policy], factsOf()), { allowed: true, by: [], atMost: Infinity })
    assert.deepEqual(explain([policy], factsOf()), [])
    const beside = compiled([ONLY_ANN, { name: 'no', deny: 'true' }])
    assert.equal(evaluate([beside], factsOf()).allowed, false)
  })

  it('are named where a rule says what it cannot', () => {
    const faultsOf = (rule: RuleInput) => compilePolicy('node', policyOf([rule])).faults.map(({ text }) => text)
    const operations = ['cordon' as const]
    assert.match(faultsOf({ name: 'a', operations, allow: 'submitter.self' })[0]!, /submitter/)
    assert.match(faultsOf({ name: 'a', allow: 'operator.trusted' })[0]!, /operator/)
    assert.match(faultsOf({ name: 'a', operations, deny: 'operation.reason' })[0]!, /reason/)
    const issuesOf = (rule: object) =>
      Policy.safeParse({
        ...policyOf([PERMIT_EVERYTHING]),
        spec: { rules: [{ name: 'a', ...rule }] },
      }).error?.issues.map(({ message }) => message)
    assert.deepEqual(issuesOf({ operations, caps: { cpu: 1 } }), ['expected allow or deny beside it'])
    assert.deepEqual(issuesOf({ operations, deny: 'true', whenForbidden: 'stop' }), [
      'expected none: the rule is about no task',
    ])
    assert.equal(issuesOf({ operations: ['reboot'], deny: 'true' })?.length, 1)
    assert.equal(issuesOf({ operations: [], deny: 'true' })?.length, 1)
  })
})
