/**
 * The verdict. Each domain is evaluated by itself and all must allow, so that `permit everything` of one opens nothing
 * that another has closed. Inside a domain: deny by default, deny overrides, and any error denies with its reason.
 */
import { clip } from './show.ts'
import type { CompiledPolicy, CompiledRule, Facts, Finding, Refusal, RuleReport, Variables, Verdict } from './types.ts'
import { ofMachine } from './usage.ts'
import { variablesOf } from './variables.ts'

/** Characters of the values that all `allow` rules of a policy saw. */
const MAX_SAW = 160

/** May the task run? Without a policy it may. Pure, and never throws. */
export function evaluate(policies: readonly CompiledPolicy[], facts: Facts): Verdict {
  const seenBy = asSeen(facts)
  const by: (Verdict & { allowed: true })['by'][number][] = []
  const refusals: Refusal[] = []
  let atMost = Infinity
  for (const policy of policies) {
    // All that it says is about operations.
    if (policy.rules.length === 0 && policy.faults.length === 0) continue
    const answer = askDomain(policy, ...seenBy(policy))
    if ('wanted' in answer) refusals.push(answer)
    else {
      by.push({ domain: policy.domain, policy: policy.name, rule: answer.rule })
      atMost = Math.min(atMost, answer.room)
    }
  }
  return refusals.length > 0 ? { allowed: false, refusals } : { allowed: true, by, atMost }
}

/** What every rule says, one by one: for whoever wants to understand a verdict. */
export function explain(policies: readonly CompiledPolicy[], facts: Facts): RuleReport[] {
  const seenBy = asSeen(facts)
  return policies.flatMap((asked) => {
    const { domain, name: policy, rules, faults } = asked
    if (faults.length > 0) {
      const outcome = 'error' as const
      return faults.map(({ text: saw }) => ({
        domain,
        policy,
        rule: '',
        wanted: 'a policy that can be used',
        outcome,
        saw,
      }))
    }
    return rules.map((rule) => {
      const { outcome, saw } = rule.judge(...seenBy(asked))
      return { domain, policy, rule: rule.name, wanted: rule.wanted, outcome, saw: saw() }
    })
  })
}

/** The facts as a policy has them: that of the machine is about all clusters it is in, others about their own. */
function asSeen(facts: Facts): (policy: CompiledPolicy) => [Facts, () => Variables] {
  const within: [Facts, () => Variables] = [facts, lazily(facts)]
  const machine = ofMachine(facts)
  const overall: typeof within = machine === facts ? within : [machine, lazily(machine)]
  return ({ domain }) => (domain === 'node' ? overall : within)
}

/** They are made once for all rules, and not at all for policies without expressions. */
function lazily(facts: Facts): () => Variables {
  let made: Variables | undefined
  return () => (made ??= variablesOf(facts))
}

function askDomain(
  policy: CompiledPolicy,
  facts: Facts,
  variables: () => Variables,
): Refusal | { readonly rule: string; readonly room: number } {
  const { domain, name, rules, faults, whenForbidden } = policy
  const [fault] = faults
  if (fault) {
    const wanted = 'a policy that can be used'
    return { domain, policy: name, wanted, saw: fault.text, temporary: false, whenForbidden }
  }
  let admitted: string | undefined
  let room = policy.oneByOne ? 1 : Infinity
  const unmoved: Finding[] = []
  for (const rule of rules) {
    const finding = rule.judge(facts, variables)
    if (finding.outcome === 'refuses' || finding.outcome === 'error') return refusalOf(policy, rule, finding)
    room = Math.min(room, finding.room)
    if (finding.outcome === 'admits') admitted ??= rule.name
    else if (rule.kind === 'allow') unmoved.push(finding)
  }
  if (admitted !== undefined) return { rule: admitted, room }
  const allows = rules.flatMap((rule) => (rule.kind === 'allow' ? [rule.name] : []))
  const wanted =
    allows.length === 0 ? 'an allow rule, and it has none' : `an allow rule that holds: ${allows.join(', ')}`
  const saw = [...new Set(unmoved.map((finding) => finding.saw()))].filter((one) => one !== '').join(', ')
  return {
    domain,
    policy: name,
    wanted: clip(wanted, MAX_SAW),
    saw: clip(saw === '' ? 'none holds' : `none holds; ${saw}`, MAX_SAW),
    temporary: false,
    whenForbidden,
  }
}

function refusalOf(policy: CompiledPolicy, rule: CompiledRule, { saw, temporary }: Finding): Refusal {
  const { domain, name } = policy
  const { wanted, whenForbidden } = rule
  return { domain, policy: name, rule: rule.name, wanted, saw: saw(), temporary, whenForbidden }
}
