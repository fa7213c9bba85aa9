import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  describeSelector,
  matchesSelector,
  parseSelector,
  SelectorError,
  unmetRequirements,
  type Requirement,
} from '../../../src/model/selector.ts'

describe('model/selector', () => {
  const labels = { zone: 'attic', tier: 'web', 'kubernetes.io/arch': 'amd64', empty: '' }
  const cases: [string, boolean][] = [
    ['', true],
    ['  ', true],
    ['zone=attic', true],
    ['zone==attic', true],
    ['zone=cellar', false],
    [' zone = attic ', true],
    ['zone!=attic', false],
    ['gpu!=none', true],
    ['tier in (web,db)', true],
    ['tier in ( db , cache )', false],
    ['tier notin (web)', false],
    ['gpu notin (a100)', true],
    ['tier', true],
    ['gpu', false],
    ['!gpu', true],
    ['! tier', false],
    ['kubernetes.io/arch=amd64,tier', true],
    ['zone=attic,!tier', false],
    ['empty=', true],
    ['empty', true],
    ['zone=', false],
    ['in in (x)', false],
    ['notin', false],
    ['in', false],
    ['constructor', false],
    ['toString notin (a)', true],
  ]
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} ${expected ? 'matches' : 'does not match'}`, () => {
      assert.equal(matchesSelector(parseSelector(text), labels), expected)
    })
  }

  const bad: [string, number, RegExp][] = [
    ['a=b,', 5, /a label key, the text ends/],
    [',a', 1, /a label key/],
    ['a in', 5, /"\("/],
    ['a in (b', 8, /"," or "\)"/],
    ['a in ()', 7, /a value/],
    ['a in (b,)', 9, /a value/],
    ['a=b c', 5, /"," or the end/],
    ['a>1', 2, /one of = == != in notin/],
    ['a=-b', 3, /a label value/],
    ['-a', 1, /a label key/],
    ['a~b', 2, /one of/],
    ['!', 2, /a label key/],
    ['!a=b', 3, /"," or the end/],
    [`a=${'x'.repeat(64)}`, 3, /at most 63/],
    ['Ä=b', 1, /a label key/],
    ['a,'.repeat(70), 129, /at most 64 requirements/],
    ['x'.repeat(5000), 4097, /at most 4096/],
  ]
  for (const [text, position, message] of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))} at position ${position}`, () => {
      assert.throws(
        () => parseSelector(text),
        (error: unknown) => {
          assert.ok(error instanceof SelectorError)
          assert.match(error.message, message)
          assert.equal(error.meta['position'], position)
          return true
        },
      )
    })
  }

  it('says which requirements are not met', () => {
    const selector = parseSelector('zone in (cellar,loft),tier=web,!gpu,disk')
    assert.deepEqual(describeSelector(unmetRequirements(selector, labels)), ['zone in (cellar,loft)', 'disk'])
  })

  const key = fc.stringMatching(/^[a-z][a-zA-Z0-9._-]{0,20}[a-z0-9]$/)
  const value = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,20}[a-zA-Z0-9])?$/)
  const requirement = fc.oneof(
    fc.record(
      {
        key,
        operator: fc.constantFrom('in', 'not-in' as const),
        values: fc.array(value, { minLength: 1, maxLength: 4 }),
      },
      { noNullPrototype: true },
    ),
    fc.record(
      { key, operator: fc.constantFrom('exists', 'absent' as const), values: fc.constant<string[]>([]) },
      { noNullPrototype: true },
    ),
  ) as fc.Arbitrary<Requirement>

  it('describes what it parsed: reading that gives the same selector', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 8 }), (selector) => {
        assert.deepEqual(parseSelector(describeSelector(selector).join(',')), selector)
      }),
    )
  })
})
