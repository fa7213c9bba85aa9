import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { drawTable } from '../../../src/cli/table.ts'
import { painter, printable, textWidth } from '../../../src/cli/terminal.ts'

const plain = painter({ isTTY: false }, true)
const COLUMNS = [{ title: 'NAME' }, { title: 'N', align: 'right' as const }, { title: 'WHAT' }]

describe('cli: tables', () => {
  it('aligns, and ends no line with spaces', () => {
    const text = drawTable(
      COLUMNS,
      [
        ['a', '10', 'x'],
        ['longer', '5', ''],
      ],
      plain,
    )
    assert.equal(text, 'NAME     N  WHAT\na       10  x\nlonger   5\n')
  })

  it('cuts nothing without a width', () => {
    const long = 'x'.repeat(500)
    assert.ok(drawTable(COLUMNS, [['a', '1', long]], plain).includes(long))
  })

  it('cuts the widest column to the width of a terminal', () => {
    const text = drawTable(COLUMNS, [['a', '1', 'word '.repeat(40)]], plain, 40)
    for (const line of text.trimEnd().split('\n')) assert.ok(textWidth(line) <= 40, line)
    assert.match(text, /…/)
  })

  it('leaves whole what is copied into the next command', () => {
    const columns = [{ title: 'TASK', whole: true }, { title: 'WHAT' }]
    const text = drawTable(columns, [['0123456789abcdef-1234', 'word '.repeat(40)]], plain, 40)
    assert.match(text, /^0123456789abcdef-1234 {2}word.*…$/m)
    for (const line of text.trimEnd().split('\n')) assert.ok(textWidth(line) <= 40, line)
    // Where even that is too much the line is longer than the terminal.
    assert.match(
      drawTable(columns, [['0123456789abcdef-1234', 'word word word']], plain, 20),
      /^0123456789abcdef-1234 /m,
    )
  })

  it('aligns wide and combining characters', () => {
    const text = drawTable(
      COLUMNS,
      [
        ['山小屋', '1', 'x'],
        ['e\u0301', '2', 'y'],
      ],
      plain,
    )
    const [, first, second] = text.split('\n')
    assert.equal(textWidth(first!.slice(0, first!.indexOf('1'))), textWidth(second!.slice(0, second!.indexOf('2'))))
  })

  it('keeps its width under colours', () => {
    const color = painter({ isTTY: true }, true)
    const rows = [[{ text: 'ready', style: 'green' as const }, '1', 'x']]
    const noColor = process.env['NO_COLOR']
    delete process.env['NO_COLOR']
    const colored = drawTable(COLUMNS, rows, color)
    if (noColor !== undefined) process.env['NO_COLOR'] = noColor
    assert.notEqual(colored, stripVTControlCharacters(colored))
    assert.equal(stripVTControlCharacters(colored), drawTable(COLUMNS, rows, plain))
  })

  it('never passes a control character on', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(printable(text), /[\u0000-\u001f\u007f-\u009f\u202e]/)
        assert.equal(drawTable([{ title: 'A' }], [[text]], plain).split('\n').length, 3)
      }),
    )
  })
})

describe('cli: colours', () => {
  const withEnv = (value: string | undefined, act: () => string): string => {
    const before = process.env['NO_COLOR']
    delete process.env['NO_COLOR']
    if (value !== undefined) process.env['NO_COLOR'] = value
    try {
      return act()
    } finally {
      delete process.env['NO_COLOR']
      if (before !== undefined) process.env['NO_COLOR'] = before
    }
  }
  const table: [string, boolean, boolean, string | undefined, boolean][] = [
    ['a terminal', true, true, undefined, true],
    ['an empty NO_COLOR', true, true, '', true],
    ['NO_COLOR', true, true, '1', false],
    ['--no-color', true, false, undefined, false],
    ['a pipe', false, true, undefined, false],
  ]
  for (const [name, isTTY, flag, noColor, colored] of table) {
    it(`${name}: ${colored ? 'colours' : 'none'}`, () => {
      assert.equal(withEnv(noColor, () => painter({ isTTY }, flag)('red', 'x')) !== 'x', colored)
    })
  }
})
