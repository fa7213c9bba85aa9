import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readPolicyFile } from '../../../src/model/policy-file.ts'
import { YamlFileError } from '../../../src/model/yaml-file.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'

const CONFIG = new URL('../../../config/', import.meta.url)
const HEAD = 'apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: house }\nspec:\n  rules:\n'

function refusal(text: string): YamlFileError {
  try {
    readPolicyFile(text, 'house.yaml')
  } catch (error) {
    assert.ok(error instanceof YamlFileError, String(error))
    return error
  }
  throw new Error('it was taken')
}

const messageFor = (rules: string): string => refusal(HEAD + rules).message

describe('model/policy-file', () => {
  it('reads the example that is shipped, whose expressions compile', () => {
    const { value } = readPolicyFile(readFileSync(new URL('examples/policy.yaml', CONFIG), 'utf8'), 'policy.yaml')
    assert.equal(value.metadata.name, 'attic')
    assert.equal(value.spec.whenForbidden, 'drain')
    assert.deepEqual(compilePolicy('node', value).faults, [])
  })

  it('reads JSON as well', () => {
    const { value } = readPolicyFile(readFileSync(new URL('examples/policy.yaml', CONFIG), 'utf8'), 'policy.yaml')
    assert.deepEqual(readPolicyFile(JSON.stringify(value), 'policy.json').value, value)
  })

  it('names file, line, column and field of what is wrong', () => {
    assert.equal(
      messageFor('    - name: a\n      caps: { cpu: lots }'),
      'house.yaml:7:20: spec.rules[0].caps.cpu: expected a CPU amount such as 2, 0.5 or 500m, found the text "lots"',
    )
    assert.equal(
      messageFor('    - { name: a, allow: "true", deny: "true" }'),
      'house.yaml:6:7: spec.rules[0]: expected exactly one of allow, deny, drivers, commands, caps, quota, ' +
        'placement, leaving (it has allow and deny), found a map',
    )
    assert.match(messageFor('    - { name: a }'), /it has none/)
    assert.match(messageFor('    - { name: a, alow: "true" }'), /spec\.rules\[0\]\.alow: expected no such field/)
    assert.match(
      messageFor('    - { name: A, allow: "true" }'),
      /spec\.rules\[0\]\.name: expected a name of lower-case/,
    )
    assert.match(messageFor('    - { name: a, quota: {} }'), /expected at least one of tasks, cpuTime, atOnce/)
    assert.match(messageFor('    - { name: a, caps: { time: soon } }'), /expected a duration/)
    assert.match(messageFor('    - { name: a, placement: "zone in" }'), /expected a label selector/)
    assert.match(
      messageFor('    - { name: a, allow: "true" }\n    - { name: a, allow: "true" }'),
      /house\.yaml:7:15: spec\.rules\[1\]\.name: expected another name/,
    )
    assert.match(messageFor(''), /house\.yaml:5:.*spec\.rules: expected a array, found an empty value/)
    assert.match(refusal('').message, /expected a policy \(kind: Policy\), found nothing/)
    assert.match(refusal(`${HEAD}    - { name: a, allow: "true" }\n---\n${HEAD}`).message, /more than 1 policy/)
  })

  it('tells of faults that the schema does not see at their place', () => {
    const document = readPolicyFile(`${HEAD}    - name: a\n      allow: task.nam == ''`, 'house.yaml')
    const { faults } = compilePolicy('node', document.value)
    assert.throws(() => document.refuse(faults), {
      code: 'bad-policy',
      message: 'house.yaml:7:14: spec.rules[0].allow: No such key: nam',
    })
  })

  it('is bounded', () => {
    assert.equal(refusal(' '.repeat(256 * 1024 + 1)).code, 'too-large')
    const rules = Array.from({ length: 257 }, (_, i) => `    - { name: r${i}, allow: "true" }`).join('\n')
    assert.match(messageFor(rules), /spec\.rules: expected at most 256 entries/)
    assert.match(messageFor(`    - { name: a, allow: "${'x'.repeat(1025)}" }`), /at most 1024 characters/)
  })
})
