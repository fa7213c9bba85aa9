/** docs/SECURITY.md claims only what tests show: each line of its tables names tests, and planted bugs, that exist. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const TEXT = readFileSync(join(ROOT, 'docs', 'SECURITY.md'), 'utf8')

/** A name of a test as the document has it: a file, or the files of a folder that begin so. */
function isThere(name: string): boolean {
  const path = join(ROOT, 'test', name)
  return existsSync(`${path}.test.ts`) || existsSync(path)
}

/** The words in backquotes of a cell. */
const named = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word!)

describe('docs/SECURITY.md', () => {
  const rows = TEXT.split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (attack|it tries) \|/.test(line))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/))

  it('names a test that there is for each thing that happens', () => {
    assert.ok(rows.length > 60)
    for (const [attack, , shownBy] of rows) {
      const tests = named(shownBy!).filter((word) => /^(unit|e2e|fuzz|sim|contract)(\/|$)/.test(word))
      assert.ok(tests.length > 0, `no test for:${attack}`)
      for (const test of tests) assert.ok(isThere(test), `${test}, for:${attack}`)
    }
  })

  it('names planted bugs that there are', () => {
    const folder = join(ROOT, 'scripts', 'simulate')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const sources = files.map((file) => readFileSync(join(folder, file), 'utf8'))
    const bugs = rows.flatMap(([, , shownBy]) =>
      named(shownBy!).filter((word) => !/^(unit|e2e|fuzz|sim|contract)(\/|$)/.test(word)),
    )
    assert.ok(bugs.length > 10)
    for (const bug of bugs) {
      const words = bug.replace(/…$/, '')
      assert.ok(
        sources.some((text) => text.includes(`'${words}`)),
        bug,
      )
    }
  })
})
