/** Makes a policy ready to be asked. What is wrong with its expressions is found here, each at its place. */
import { RULE_KINDS, type RuledOperation } from '../model/policy-words.ts'
import type { Policy, PolicyRule } from '../model/policy.ts'
import { MAX_COST } from './cost.ts'
import { compileExpression, summaryOf, type Expression } from './expression.ts'
import { plainRule } from './rules.ts'
import { clip } from './show.ts'
import type {
  CompiledPolicy,
  CompiledRule,
  Domain,
  Facts,
  Finding,
  OperationRule,
  PolicyFault,
  Variables,
} from './types.ts'
import { OPERATION_VARIABLE_TYPES, VARIABLE_TYPES, type VariableTypes } from './variables.ts'

/** Characters of a rule in a line, and of what it saw: the two fit into a decline with the names around them. */
const MAX_TEXT = 160

const PASSES: Finding = { outcome: 'passes', saw: () => '', temporary: false, room: Infinity }
const ADMITS: Finding = { ...PASSES, outcome: 'admits' }

/** @returns the policy; one with `faults` refuses everything. Never throws */
export function compilePolicy(domain: Domain, { metadata, spec }: Policy): CompiledPolicy {
  const faults: PolicyFault[] = []
  const compiler = new Compiler(faults)
  const rules: CompiledRule[] = []
  const operations: OperationRule[] = []
  for (const [index, rule] of spec.rules.entries()) {
    const path = ['spec', 'rules', index]
    if (rule.operations === undefined) rules.push(compiler.rule(rule, path, spec.whenForbidden))
    else operations.push(compiler.operationRule(rule, rule.operations, path))
  }
  return {
    domain,
    name: metadata.name,
    rules,
    operations,
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
    return {
      name: rule.name,
      kind,
      wanted: lineOf(plain?.wanted ?? `${kind} ${text}`, when),
      whenForbidden: rule.whenForbidden ?? whenForbidden,
      judge: (facts, variables) =>
        guarded(when, expression, variables, () => {
          if (when !== undefined && !when.test(variables())) return PASSES
          if (plain !== undefined) return measured(plain, facts)
          return tested(kind, expression!, variables())
        }),
    }
  }

  operationRule(rule: PolicyRule, about: readonly RuledOperation[], path: readonly PropertyKey[]): OperationRule {
    const kind = rule.allow === undefined ? 'deny' : 'allow'
    const when = this.#expression(rule.when, [...path, 'when'], OPERATION_VARIABLE_TYPES)
    const expression = this.#expression(rule[kind], [...path, kind], OPERATION_VARIABLE_TYPES)
    return {
      name: rule.name,
      kind,
      about: new Set(about),
      wanted: lineOf(`${kind} ${rule[kind]}`, when),
      judge: (variables) => {
        const concerns = guarded(when, undefined, variables, () =>
          when === undefined || when.test(variables()) ? PASSES : undefined,
        )
        if (concerns?.outcome !== 'passes') return concerns
        return guarded(when, expression, variables, () => tested(kind, expression!, variables()))
      },
    }
  }

  #expression(
    text: string | undefined,
    path: readonly PropertyKey[],
    types: VariableTypes = VARIABLE_TYPES,
  ): Expression | undefined {
    if (text === undefined) return undefined
    const compiled = compileExpression(text, types)
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

/** A rule in a line. */
function lineOf(asks: string, when: Expression | undefined): string {
  return clip(`${asks}${when === undefined ? '' : ` when ${when.text}`}`, MAX_TEXT)
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
  const saw = () => clip(expression.saw(variables) || 'it is so in every case', MAX_TEXT)
  return { outcome: holds ? 'refuses' : 'passes', saw, temporary: false, room: Infinity }
}

/** An error in a rule is an answer: it denies, with its reason and the values. */
function guarded<Found extends Finding | undefined>(
  when: Expression | undefined,
  expression: Expression | undefined,
  variables: () => Variables,
  judge: () => Found,
): Found | Finding {
  try {
    return judge()
  } catch (error) {
    const values = [when, expression].flatMap((one) => (one === undefined ? [] : [one.saw(variables())])).join(', ')
    const text = clip(`error: ${summaryOf(error)}${values === '' ? '' : `; ${values}`}`, MAX_TEXT)
    return { ...PASSES, outcome: 'error', saw: () => text }
  }
}
