import assert from 'node:assert/strict'
import { MAX_COST } from '../../../src/policy/cost.ts'
import { compileExpression } from '../../../src/policy/expression.ts'
import { variablesOf } from '../../../src/policy/variables.ts'
import { factsOf } from '../../support/policy.ts'

function faultOf(text: string): string {
  const compiled = compileExpression(text)
  assert.ok('fault' in compiled, `${text} was taken`)
  return compiled.fault
}

function costOf(text: string): number {
  const compiled = compileExpression(text)
  assert.ok(!('fault' in compiled), `${text}: ${'fault' in compiled && compiled.fault}`)
  return compiled.cost
}

describe('policy/expression', () => {
  it('knows the fields of what it may name', () => {
    assert.match(faultOf("task.comand[0] == 'sh'"), /No such key: comand/)
    assert.match(faultOf("tasks.name == ''"), /Unknown variable/)
    assert.match(faultOf('task.cpuMilli'), /expected true or false, found int/)
    assert.match(faultOf("task.cpuMilli == 'much'"), /no such overload/)
  })

  it('takes nothing that may take long, or build text and lists', () => {
    for (const text of [
      "task.name.matches('(a+)+$')",
      "task.name + task.name == ''",
      '[1] + [2] == [3]',
      "cel.bind(a, task.name, a == '')",
      "task.command.map(w, w) == ['']",
      "task.name.split('') == ['']",
      "['a'].join('') == 'a'",
      "bytes(task.name) == b'a'",
      'dyn(task.name) == 1',
      "timestamp('2026-01-01T00:00:00Z') == timestamp('2026-01-01T00:00:00Z')",
    ]) {
      assert.match(faultOf(text), /not for policies|for numbers only/, text)
    }
  })

  it('reckons loops by the most that a task can bring', () => {
    assert.ok(costOf("task.command[0] == 'sh'") < 10)
    const once = costOf("task.command.exists(w, w == '-x')")
    assert.ok(once > 4_096 && once < MAX_COST / 10)
    assert.ok(costOf('task.command.all(v, task.command.all(w, v == w))') > MAX_COST)
    assert.ok(costOf("[1, 2, 3].all(x, [1, 2, 3].all(y, task.command[0].contains('z')))") > 9_000)
  })

  it('is bounded in size and depth', () => {
    assert.match(faultOf(`${'('.repeat(200)}true${')'.repeat(200)}`), /maxDepth/)
    assert.match(faultOf(`${'true && '.repeat(300)}true`), /maxAstNodes/)
  })

  it('takes no name of a submitter for a member of an object', () => {
    const variables = variablesOf(factsOf({ env: { PATH: '/bin' } }))
    for (const [text, expected] of [
      ["'PATH' in task.env", true],
      ["'constructor' in task.env", false],
      ["'__proto__' in task.env", false],
      ['has(task.env.toString)', false],
      ['task.env.exists(name, name.startsWith("LD_"))', false],
    ] as const) {
      const compiled = compileExpression(text)
      assert.ok(!('fault' in compiled), text)
      assert.equal(compiled.test(variables), expected, text)
    }
  })
})
