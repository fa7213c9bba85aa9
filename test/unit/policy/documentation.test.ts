/** Every example of docs/POLICY.md: its rules compile, and it says what they do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { jobOf } from '../../../src/cli/run/request.ts'
import { JobRequest } from '../../../src/model/job-request.ts'
import { readDurationMs } from '../../../src/model/duration.ts'
import { readPolicyFile } from '../../../src/model/policy-file.ts'
import { Operation } from '../../../src/model/operation.ts'
import type { Policy } from '../../../src/model/policy.ts'
import { parseBytes, parseCpuMilli } from '../../../src/model/quantity.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { evaluate } from '../../../src/policy/evaluate.ts'
import { refusalsOfOperation } from '../../../src/policy/operations.ts'
import type { OperationFacts } from '../../../src/policy/types.ts'
import { OPERATION_VARIABLE_TYPES, VARIABLE_TYPES } from '../../../src/policy/variables.ts'
import { factsOf, operationFacts, PERMIT_EVERYTHING, policyOf, UNUSED, type RuleInput } from '../../support/policy.ts'

const TEXT = readFileSync(new URL('../../../docs/POLICY.md', import.meta.url), 'utf8')

interface Example {
  readonly yaml: string
  readonly claims: readonly { readonly verdict: string; readonly given: string; readonly line: string }[]
}

/** A block of YAML, and the list below it that says what becomes of which task. */
function examples(): Example[] {
  return TEXT.split('```yaml\n')
    .slice(1)
    .map((part) => {
      const [yaml = '', rest = ''] = part.split('```\n')
      const found = rest.split(/\n#|\n```/)[0]!.matchAll(/^- (allowed|refused)(?:, ([^:]*))?: `althing (.*)`$/gm)
      return {
        yaml,
        claims: [...found].map(([, verdict, given = '', line]) => ({ verdict: verdict!, given, line: line! })),
      }
    })
}

/** The task of a command line of `althing run`, as the CLI makes it. */
function taskOf(line: string): object {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
  assert.equal(words.shift(), 'run')
  const options: Record<string, unknown> = { count: 1 }
  for (let word = words.shift(); word !== '--'; word = words.shift()) {
    const value = words.shift()!
    if (word === '--cpu') options['cpu'] = parseCpuMilli(value)
    else if (word === '--memory') options['memory'] = parseBytes(value)
    else if (word === '--timeout') options['timeout'] = readDurationMs(value)
    else if (word === '--env') options['env'] = Object.fromEntries([value.split('=')])
    else if (word === '--output') options['output'] = value
    else assert.fail(`the example has ${word}, which this test does not read`)
  }
  return JobRequest.parse(jobOf(words, options as never, undefined)).spec
}

/** What a member asks for by `althing cordon`, `uncordon` or `drain`. */
function operationOf(line: string, owner: string): OperationFacts {
  const [name, ...rest] = line.split(' ')
  const deadlineMs = rest[0] === '--deadline' ? readDurationMs(rest[1]!) : undefined
  const operation = Operation.parse({ name, ...(deadlineMs !== undefined && { deadlineMs }) })
  return operationFacts('cordon', { operation, operator: { id: `of-${owner}`, trusted: false, owner } })
}

function policyIn(yaml: string): Policy {
  if (yaml.includes('kind: Policy')) return readPolicyFile(yaml, 'POLICY.md').value
  const rules = parse(yaml) as RuleInput[]
  return policyOf([PERMIT_EVERYTHING, ...rules])
}

describe('docs/POLICY.md', () => {
  for (const { yaml, claims } of examples()) {
    it(`holds for ${yaml
      .split('\n')
      .find((line) => line.includes('name:'))!
      .trim()}`, () => {
      const policy = compilePolicy('node', policyIn(yaml))
      assert.deepEqual(policy.faults, [])
      const verdicts = new Set(claims.map(({ verdict }) => verdict))
      assert.deepEqual([...verdicts].toSorted(), ['allowed', 'refused'], 'it says what is allowed and what is refused')
      for (const { verdict, given, line } of claims) {
        if (given.startsWith('for ')) {
          const facts = operationOf(line, given.slice('for '.length))
          assert.equal(refusalsOfOperation([policy], facts, undefined).length === 0, verdict === 'allowed', line)
          continue
        }
        const used = given === 'after 500 of the same' ? { ...UNUSED, day: { tasks: 500, coreMs: 0 } } : UNUSED
        const { allowed } = evaluate(
          [policy],
          factsOf(taskOf(line) as never, { usage: { submitter: used, everyone: used } }),
        )
        assert.equal(allowed, verdict === 'allowed', line)
      }
    })
  }

  it('has examples of every kind of rule', () => {
    const all = examples().map(({ yaml }) => yaml)
    for (const kind of ['allow', 'deny', 'commands', 'caps', 'quota', 'placement', 'leaving', 'when', 'operations'])
      assert.ok(
        all.some((yaml) => yaml.includes(` ${kind}:`)),
        kind,
      )
  })

  it('lists every field', () => {
    for (const [variable, fields] of Object.entries({ ...OPERATION_VARIABLE_TYPES, ...VARIABLE_TYPES })) {
      const row = TEXT.split('\n').find((line) => line.startsWith(`| \`${variable}\` |`))!
      for (const field of Object.keys(fields)) assert.ok(row.includes(`\`${field}\``), `${variable}.${field}`)
    }
  })
})
