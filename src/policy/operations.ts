/**
 * May a member cordon or drain this node? As for tasks each domain is asked by itself and all must allow, a deny
 * overrides, and any error denies. A domain that has no `allow` rule about what is asked goes by what holds without:
 * for that of the node that is what the caller says, the others forbid nothing.
 */
import type { Operation } from '../model/operation.ts'
import type { RuledOperation } from '../model/policy-words.ts'
import { clip } from './show.ts'
import type { CompiledPolicy, Finding, OperationFacts, OperationRule, Refusal, Variables } from './types.ts'
import { operationVariables } from './variables.ts'

/** Why a domain refuses an operation. `policy` is absent where no rule was asked. */
export interface OperationRefusal extends Pick<Refusal, 'domain' | 'rule' | 'wanted' | 'saw'> {
  readonly policy?: string
}

/** Characters of the values that all `allow` rules of a policy saw. */
const MAX_SAW = 160

/** Whoever may cordon a node may lift it, too. */
const RULED: Readonly<Record<Operation['name'], RuledOperation>> = {
  cordon: 'cordon',
  uncordon: 'cordon',
  drain: 'drain',
}

/**
 * @param otherwise why the node itself refuses it, where no `allow` rule of its own is about it; undefined: it does not
 * @returns why it is refused; empty when all domains allow it. Pure, and never throws
 */
export function refusalsOfOperation(
  policies: readonly CompiledPolicy[],
  facts: OperationFacts,
  otherwise: Pick<Refusal, 'wanted' | 'saw'> | undefined,
): OperationRefusal[] {
  let made: Variables | undefined
  const variables = () => (made ??= operationVariables(facts))
  const answers = policies.map((policy) => ({ policy, answer: ask(policy, RULED[facts.operation.name], variables) }))
  const refusals = answers.flatMap(({ answer }) => (typeof answer === 'object' ? [answer] : []))
  const isDecided = answers.some(({ policy, answer }) => policy.domain === 'node' && answer !== 'says nothing')
  return isDecided || otherwise === undefined ? refusals : [{ domain: 'node', ...otherwise }, ...refusals]
}

function ask(
  { domain, name: policy, operations, faults }: CompiledPolicy,
  about: RuledOperation,
  variables: () => Variables,
): OperationRefusal | 'admits' | 'says nothing' {
  const [fault] = faults
  if (fault) return { domain, policy, wanted: 'a policy that can be used', saw: fault.text }
  let admitted = false
  const unmoved: { readonly rule: OperationRule; readonly finding: Finding }[] = []
  for (const rule of operations) {
    const finding = rule.about.has(about) ? rule.judge(variables) : undefined
    if (finding === undefined) continue
    const { outcome, saw } = finding
    if (outcome === 'refuses' || outcome === 'error')
      return { domain, policy, rule: rule.name, wanted: rule.wanted, saw: saw() }
    if (outcome === 'admits') admitted = true
    else if (rule.kind === 'allow') unmoved.push({ rule, finding })
  }
  if (admitted) return 'admits'
  if (unmoved.length === 0) return 'says nothing'
  const saw = clip([...new Set(unmoved.map(({ finding }) => finding.saw()))].join(', '), MAX_SAW)
  const [first, ...others] = unmoved.map(({ rule }) => rule)
  if (others.length === 0) return { domain, policy, rule: first!.name, wanted: first!.wanted, saw }
  const names = [first!, ...others].map(({ name }) => name).join(', ')
  return { domain, policy, wanted: clip(`an allow rule that holds: ${names}`, MAX_SAW), saw }
}
