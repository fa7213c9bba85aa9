/** Makes a policy ready to be asked. What is wrong with its expressions is found here, each at its place. */
import { RULE_KINDS } from '../model/policy-words.ts'
import type { Policy, PolicyRule } from '../model/policy.ts'
import { MAX_COST } from './cost.ts'
import { compileExpression, summaryOf, type Expression } from './expression.ts'
import { plainRule } from './rules.ts'
import { clip } from './show.ts'
import type { CompiledPolicy, CompiledRule, Domain, Facts, Finding, PolicyFault, Variables } from './types.ts'

/** Characters of a rule in a line, and of what it saw: the two fit into a decline with the names around them. */
const MAX_TEXT = 160

const PASSES: Finding = { outcome: 'passes', saw: () => '', temporary: false, room: Infinity }
const ADMITS: Finding = { ...PASSES, outcome: 'admits' }

/** @returns the policy; one with `faults` refuses everything. Never throws */
export function compilePolicy(domain: Domain, { metadata, spec }: Policy): CompiledPolicy {
  const faults: PolicyFault[] = []
  const compiler = new Compiler(faults)
  const rules = spec.rules.map((rule, index) => compiler.rule(rule, ['spec', 'rules', index], spec.whenForbidden))
  return {
    domain,
    name: metadata.name,
    rules,
    faults,
    whenForbidden: spec.whenForbidden,
    counts: spec.rules.some(({ quota }) => quota !== undefined),
    oneByOne: compiler.asksRunning,
  }
}

/** Compiles the rules of one policy, whose expressions share one budget. */
class Compiler {
  readonly #faults: PolicyFault[]
  asksRunning = false
  #cost = 0

  constructor(faults: PolicyFault[]) {
    this.#faults = faults
  }

  rule(rule: PolicyRule, path: readonly PropertyKey[], whenForbidden: Policy['spec']['whenForbidden']): CompiledRule {
    const when = this.#expression(rule.when, [...path, 'when'])
    const kind = RULE_KINDS.find((one) => rule[one] !== undefined)!
    const text = kind === 'allow' || kind === 'deny' ? rule[kind] : undefined
    const expression = this.#expression(text, [...path, kind])
    const plain = plainRule(rule)
    const condition = when === undefined ? '' : ` when ${when.text}`
    return {
      name: rule.name,
      kind,
      wanted: clip(`${plain?.wanted ?? `${kind} ${text}`}${condition}`, MAX_TEXT),
      whenForbidden: rule.whenForbidden ?? whenForbidden,
      judge: (facts, variables) =>
        guarded(when, expression, variables, () => {
          if (when !== undefined && !when.test(variables())) return PASSES
          if (plain !== undefined) return measured(plain, facts)
          return tested(kind, expression!, variables())
        }),
    }
  }

  #expression(text: string | undefined, path: readonly PropertyKey[]): Expression | undefined {
    if (text === undefined) return undefined
    const compiled = compileExpression(text)
    if ('fault' in compiled) {
      this.#faults.push({ path, text: compiled.fault })
      return undefined
    }
    this.#cost += compiled.cost
    this.asksRunning ||= compiled.asksRunning
    if (this.#cost > MAX_COST) {
      const fault = `too costly: up to ${compiled.cost} steps of ${MAX_COST} that all expressions of a policy may take`
      this.#faults.push({ path, text: fault })
    }
    return compiled
  }
}

function measured(plain: NonNullable<ReturnType<typeof plainRule>>, facts: Facts): Finding {
  const { room, saw } = plain.measure(facts)
  const refused = room < 1
  return {
    outcome: refused ? 'refuses' : 'passes',
    saw: () => clip(saw(), MAX_TEXT),
    temporary: refused && plain.temporary,
    room,
  }
}

function tested(kind: CompiledRule['kind'], expression: Expression, variables: Variables): Finding {
  const holds = expression.test(variables)
  if (holds && kind === 'allow') return ADMITS
  const saw = () => clip(expression.saw(variables) || 'it is so for every task', MAX_TEXT)
  return { outcome: holds ? 'refuses' : 'passes', saw, temporary: false, room: Infinity }
}

/** An error in a rule is an answer: it denies, with its reason and the values. */
function guarded(
  when: Expression | undefined,
  expression: Expression | undefined,
  variables: () => Variables,
  judge: () => Finding,
): Finding {
  try {
    return judge()
  } catch (error) {
    const values = [when, expression].flatMap((one) => (one === undefined ? [] : [one.saw(variables())])).join(', ')
    const text = clip(`error: ${summaryOf(error)}${values === '' ? '' : `; ${values}`}`, MAX_TEXT)
    return { ...PASSES, outcome: 'error', saw: () => text }
  }
}
