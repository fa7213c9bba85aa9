import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { loadPassports, MAX_PASSPORT_FILE_BYTES } from '../../../src/model/passport-file.ts'
import { YamlFileError } from '../../../src/model/yaml-file.ts'

const EXAMPLE = readFileSync(new URL('../../../config/examples/writer-passport.yaml', import.meta.url), 'utf8')
const FILE = 'writer.yaml'

function refusal(text: string): YamlFileError {
  try {
    loadPassports(text, FILE)
  } catch (error) {
    assert.ok(error instanceof YamlFileError, String(error))
    return error
  }
  return assert.fail('it was accepted')
}

describe('model/passport-file', () => {
  it('has for its example the passport of the first design, byte for byte', () => {
    const digest = createHash('sha256').update(EXAMPLE).digest('hex')
    assert.equal(digest, '2aaa2736f2036239b85b5fceb1ad17ad35997d3ed09614b940b9fbdfe1169cbd')
  })

  it('loads the example unchanged', () => {
    const [passport, ...rest] = loadPassports(EXAMPLE, FILE)
    assert.equal(rest.length, 0)
    assert.equal(passport?.apiVersion, 'ai-team.dev/v1')
    assert.deepEqual(passport?.metadata, {
      name: 'writer-001',
      namespace: 'ai-team',
      labels: { role: 'writer', team: 'content' },
      annotations: { description: 'Пишет статьи и контент' },
    })
    assert.deepEqual(
      passport?.spec.capabilities.map(({ name }) => name),
      ['write_article', 'edit_text'],
    )
    assert.deepEqual(passport?.spec.capabilities[0]?.output_schema, { article: 'string', metadata: 'object' })
    assert.deepEqual(passport?.spec.resources, { llm_model: 'gpt-4', max_concurrent_tasks: 3 })
    assert.equal(passport?.status?.['state'], 'ready')
  })

  it('reads several documents and skips empty ones', () => {
    const second = EXAMPLE.replace('writer-001', 'writer-002')
    const names = loadPassports(`---\n${EXAMPLE}\n---\n---\n${second}---\n`, FILE).map(({ metadata }) => metadata.name)
    assert.deepEqual(names, ['writer-001', 'writer-002'])
  })

  it('refuses a file without a passport: whoever publishes one means something by it', () => {
    for (const text of ['', '# nothing\n', '---\n---\n']) {
      assert.equal(refusal(text).message, 'writer.yaml:1:1: expected a passport (kind: NodePassport), found nothing')
    }
  })

  // What is changed in the example, and the line the error must be.
  const wrong: [string, string, string, string][] = [
    [
      'an unquoted version',
      'version: "1.0.0"',
      'version: 1.20',
      'writer.yaml:16:12: spec.version: expected a string, found the number 1.2 (put it in quotes)',
    ],
    [
      'another kind',
      'kind: NodePassport',
      'kind: Pod',
      'writer.yaml:3:7: kind: expected "NodePassport", found the text "Pod"',
    ],
    [
      'a misspelt field',
      'type: "agent"',
      'type: "agent"\n  tpye: 1',
      'writer.yaml:16:3: spec.tpye: expected no such field',
    ],
    ['a missing field', '  type: "agent"\n', '', 'writer.yaml:15:3: spec.type: expected a string, found nothing'],
    [
      'a boolean label',
      'role: "writer"',
      'role: yes\n    gpu: true',
      'writer.yaml:10:10: metadata.labels.gpu: expected a string, found the boolean true (put it in quotes)',
    ],
    [
      'a bad label key',
      'role: "writer"',
      '"bad key!": x',
      'writer.yaml:9:5: metadata.labels.bad key!: expected a label key: [prefix/]name, name up to 63 of',
    ],
    [
      'a bad capability name',
      '- name: "edit_text"',
      '- name: "edit text"',
      'writer.yaml:28:13: spec.capabilities[1].name: expected letters, digits, . _ : / -',
    ],
    [
      'a capability that is no map',
      '- name: "edit_text"\n      description: "Редактирование текста"',
      '- edit_text\n    - name: x',
      'writer.yaml:28:7: spec.capabilities[1]: expected a map, found the text "edit_text"',
    ],
    [
      'a number JSON cannot say',
      'topic: string',
      'topic: .nan',
      'writer.yaml:22:16: spec.capabilities[0].input_schema.topic: expected JSON data: text, number',
    ],
    [
      'another group version',
      'apiVersion: ai-team.dev/v1',
      'apiVersion: ai-team.dev/v2',
      'writer.yaml:2:13: apiVersion: expected <group>/v1, for example althing.dev/v1, found the text "ai-team.dev/v2"',
    ],
  ]
  for (const [what, from, to, message] of wrong) {
    it(`refuses ${what}, with line and column`, () => {
      assert.ok(EXAMPLE.includes(from))
      const { code, message: said } = refusal(EXAMPLE.replace(from, to))
      assert.equal(code, 'bad-passport')
      assert.ok(
        said.split('\n').some((line) => line.startsWith(message)),
        said,
      )
    })
  }

  it('names every problem at once, and the right document', () => {
    const { message } = refusal(`${EXAMPLE}---\nkind: Pod\nspec: 3\n`)
    const [line] = EXAMPLE.split('\n').slice(-1)
    assert.equal(line, '')
    const at = EXAMPLE.split('\n').length + 1
    assert.match(message, new RegExp(`^writer.yaml:${at}:1: apiVersion: expected a string, found nothing$`, 'm'))
    assert.match(message, new RegExp(`^writer.yaml:${at}:7: kind: `, 'm'))
    assert.match(message, new RegExp(`^writer.yaml:${at + 1}:7: spec: expected a map, found the number 3$`, 'm'))
  })

  const laughs = ['a: &a [x,x,x,x,x,x,x,x]']
  for (const [i, name] of ['b', 'c', 'd', 'e', 'f', 'g', 'h'].entries()) {
    const before = 'abcdefgh'[i]!
    laughs.push(`${name}: &${name} [${Array.from({ length: 8 }, () => `*${before}`).join(',')}]`)
  }
  const bombs: [string, string, RegExp][] = [
    ['an alias bomb', laughs.join('\n'), /alias/i],
    ['a bomb of keys in keys', '? '.repeat(500), /expected plain text as a key/],
    ['deep nesting', `status: ${'['.repeat(5000)}${']'.repeat(5000)}`, /call stack|nested deeper|Flow/],
    ['moderately deep nesting', `status: ${'['.repeat(40)}${']'.repeat(40)}`, /nested deeper than 24 levels/],
    ['data that contains itself', 'status: &a [*a]', /nested deeper than 24 levels/],
    ['an unknown alias', 'status: *a', /Unresolved alias/],
    ['a key twice', 'kind: a\nkind: b', /unique/],
    ['broken YAML', 'kind: [', /writer\.yaml:1:/],
  ]
  for (const [what, text, message] of bombs) {
    it(`refuses ${what} quickly`, () => {
      const startedMs = performance.now()
      const error = refusal(text)
      assert.match(error.message, message)
      assert.equal(error.code, 'bad-yaml')
      assert.ok(performance.now() - startedMs < 8000)
    })
  }

  it('refuses a file over its cap', () => {
    assert.equal(refusal(' '.repeat(MAX_PASSPORT_FILE_BYTES + 1)).code, 'too-large')
    assert.match(refusal(`${EXAMPLE}\n---\n`.repeat(65)).message, /more than 64 passports/)
  })
})
