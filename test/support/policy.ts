/** Policies and facts for tests: what a test says is what matters, the rest is ordinary. */
import { Policy, type PolicyRule } from '../../src/model/policy.ts'
import { TaskSpec } from '../../src/model/task.ts'
import type { Operation } from '../../src/model/operation.ts'
import type { Facts, OperationFacts, Usage } from '../../src/policy/types.ts'

const NOTHING = { tasks: 0, coreMs: 0 }
export const UNUSED: Usage = { atOnce: 0, hour: NOTHING, day: NOTHING, week: NOTHING }

export type RuleInput = Omit<PolicyRule, 'quota'> & { readonly quota?: object }

/** A policy of these rules. @throws ZodError when it has not the shape of one */
export function policyOf(rules: readonly RuleInput[], whenForbidden: 'drain' | 'stop' = 'drain'): Policy {
  return Policy.parse({
    apiVersion: 'althing.dev/v1',
    kind: 'Policy',
    metadata: { name: 'house' },
    spec: { whenForbidden, rules },
  })
}

export const PERMIT_EVERYTHING: RuleInput = { name: 'everything', allow: 'true' }

export function factsOf(task: Record<string, unknown> = {}, more: Partial<Facts> = {}): Facts {
  return {
    task: TaskSpec.parse({ command: ['wc', '-l', 'a.txt'], ...task }),
    submitter: { id: '12D3KooWsubmitter', self: false, trusted: true, owner: 'ann', running: 0 },
    node: {
      id: '12D3KooWnode',
      labels: { zone: 'attic' },
      capacity: { cpuMilli: 4_000, memoryBytes: 8e9 },
      running: 0,
    },
    cluster: { name: 'home' },
    usage: { submitter: UNUSED, everyone: UNUSED },
    ...more,
  }
}

/** A member that asks for something; ann's, as the node is. */
export function operationFacts(name: Operation['name'] = 'cordon', more: Partial<OperationFacts> = {}): OperationFacts {
  const { node, cluster } = factsOf()
  return {
    operator: { id: '12D3KooWoperator', trusted: true, owner: 'ann' },
    operation: { name },
    node,
    cluster,
    ...more,
  }
}
