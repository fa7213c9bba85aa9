import assert from 'node:assert/strict'
import { Command } from 'commander'
import {
  bytes,
  cpu,
  duration,
  each,
  filled,
  integer,
  nameFaults,
  nodeArgument,
  oneOf,
  pairs,
  selector,
  splitPair,
  variable,
} from '../../../src/cli/options.ts'
import { shownWord } from '../../../src/cli/terminal.ts'

describe('cli: options', () => {
  const good: [string, (text: string) => unknown, string, unknown][] = [
    ['cpu', cpu(10), '0.01', 10],
    ['cpu', cpu(0), '0', 0],
    ['bytes', bytes(1), '1Mi', 1024 ** 2],
    ['bytes', bytes(0), '0', 0],
    ['duration', duration(0, 3_600_000), '0s', 0],
    ['duration', duration(1, 3_600_000), '1h', 3_600_000],
    ['integer', integer(0, 99, 3), '99', 99],
    ['selector', selector, 'zone=attic, tier in (web,db), !gpu', 'zone=attic, tier in (web,db), !gpu'],
    ['selector', selector, 'a=,b==c', 'a=,b==c'],
    ['variable', variable({}), 'A=b=c', ['A', 'b=c']],
    ['variable', variable({ HOME: '/x' }), 'HOME', ['HOME', '/x']],
    ['variable', variable({ HOME: '/x' }), 'HOME=', ['HOME', '']],
    ['one of a few', oneOf(['a', 'b']), 'b', 'b'],
    ['a shortened id', nodeArgument, '…abcdefgh', 'abcdefgh'],
  ]
  for (const [what, read, text, value] of good) {
    it(`${what}: reads ${text}`, () => assert.deepEqual(read(text), value))
  }

  const bad: [string, (text: string) => unknown, string, RegExp][] = [
    ['cpu', cpu(10), '0', /^expected at least 10m, such as 2, 0\.5 or 500m$/],
    ['cpu', cpu(10), 'two', /^expected a CPU amount such as 2, 0\.5 or 500m: it does not start with a number$/],
    ['bytes', bytes(1), '512', /^expected at least 1Mi, such as 512Mi or 2Gi; without a unit it is bytes$/],
    ['bytes', bytes(1), '-1', /^expected an amount of bytes such as .*: it is negative$/],
    ['duration', duration(1, 1_000), '2', /^give a unit, such as 2s or 2m$/],
    ['duration', duration(1, 1_000), '0s', /^expected at least 1ms, such as 90s$/],
    ['duration', duration(1, 3_600_000), '61m', /^expected at most 1h$/],
    ['integer', integer(1, 10, 3), '0', /^expected a whole number from 1 to 10, such as 3$/],
    ['integer', integer(1, 10, 3), '1.5', /^expected a whole number/],
    ['selector', selector, 'a==', /^expected a value after ==, as in zone=attic,tier in \(web,db\),!gpu$/],
    ['selector', selector, 'a==,b', /^expected a value after ==/],
    ['selector', selector, 'a=b c', /^position 5: expected "," or the end, found "c", as in zone=attic/],
    ['variable', variable({}), '1X=3', /^expected NAME=VALUE.* such as MODE=fast$/],
    ['variable', variable({}), '=3', /^expected NAME=VALUE/],
    ['variable', variable({}), 'A B', /^expected NAME=VALUE/],
    ['variable', variable({}), '__proto__=1', /^no variable of this name can be sent$/],
    ['variable', variable({}), 'toString', /^no variable of this name is set here; write toString=VALUE$/],
    ['variable', variable({}), `A=${'x'.repeat(32 * 1024 + 1)}`, /at most 32768 characters: send more by --input/],
    ['one of a few', oneOf(['debug', 'info', 'warn']), 'loud', /^expected debug, info or warn$/],
    ['nothing', filled('a directory'), ' ', /^expected a directory$/],
  ]
  for (const [what, read, text, message] of bad) {
    it(`${what}: refuses ${JSON.stringify(text.slice(0, 20))}`, () => assert.throws(() => read(text), { message }))
  }

  it('collect what may be given again', () => {
    const words = each(filled('a word'))
    assert.deepEqual(words('b', words('a')), ['a', 'b'])
    const record = pairs((text) => [splitPair(text).key, splitPair(text).value ?? ''])
    assert.deepEqual(record('b=2', record('a=1')), { a: '1', b: '2' })
  })

  it('name the option or argument, and what was given, in one line', () => {
    const command = new Command('x')
      .exitOverride()
      .option('-t, --timeout <duration>', '', duration(1, 1_000))
      .argument('[task]', '', filled('an id'))
    nameFaults(command)
    const parse =
      (...words: string[]) =>
      () =>
        command.parse(words, { from: 'user' })
    const fault = { code: 'usage', exitCode: 2, fix: undefined }
    assert.throws(parse('-t', '2'), { ...fault, message: '--timeout 2: give a unit, such as 2s or 2m' })
    assert.throws(parse(''), { ...fault, message: "task '': expected an id" })
  })

  it('show a word as one would write it, on one line, and not all of a long one', () => {
    const shown: [string, string][] = [
      ['zone=attic', 'zone=attic'],
      ['', "''"],
      ['bad key=1', "'bad key=1'"],
      ['a\nb', "'a\\u000ab'"],
      ['x'.repeat(500), `${'x'.repeat(80)}…`],
    ]
    for (const [text, expected] of shown) assert.equal(shownWord(text), expected)
  })
})
