import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { checkAll, describeProblem } from '../scripts/tidy/check.ts'
import { readSources } from '../scripts/tidy/source.ts'

describe('tidy', () => {
  it('the tree keeps the house rules', function () {
    this.timeout(30_000)
    const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
    assert.ok(
      sources.some(({ path }) => path === 'src/util/clock.ts'),
      'the tree was not found',
    )
    const problems = checkAll(sources).map(describeProblem)
    assert.equal(problems.length, 0, `\n${problems.join('\n')}`)
  })
})
