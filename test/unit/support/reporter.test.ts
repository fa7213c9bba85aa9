import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeSkips, type Skip } from '../../support/skips.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SUPPORT = join(ROOT, 'test', 'support')

const SUITE = `
import { requireOrSkip } from ${JSON.stringify(join(SUPPORT, 'require.ts'))}
describe('outer', () => {
  it('passes', () => {})
  it('skips itself', function () { requireOrSkip(this, false, 'no browser'); throw new Error('went on') })
  it('has what it needs', function () { requireOrSkip(this, true, 'never said') })
  describe('whole', () => {
    before(function () { requireOrSkip(this, false, 'no namespaces') })
    it('one', () => {})
    it('two', () => {})
  })
})
`

describe('mocha, as it is set up here,', function () {
  this.timeout(30_000)
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'althing-mocha-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const mocha = (suite: string, env: Record<string, string> = {}): { status: number | null; output: string } => {
    const file = join(directory, 'planted.test.ts')
    writeFileSync(file, suite)
    // The run that this test is part of may be one of several.
    const { ALTHING_SKIPS_FILE: _, ...inherited } = process.env
    const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules', '.bin', 'mocha'), [file], {
      cwd: ROOT,
      env: { ...inherited, ALTHING_CI_STRICT: '', ...env },
    })
    return { status, output: `${String(stdout)}${String(stderr)}` }
  }

  it('lists at the end what was skipped and why, and closes with the counts', () => {
    const { status, output } = mocha(SUITE)
    assert.equal(status, 0, output)
    assert.match(output, /no browser: 1 skipped\n {4}- outer skips itself\n/)
    assert.match(output, /no namespaces: 2 skipped\n {4}- outer whole one\n {4}- outer whole two\n/)
    assert.match(output, /\n2 passed, 0 failed, 3 skipped\n$/)
  })

  it('leaves the list to whoever runs several, who has one of all', () => {
    const files = ['one', 'two'].map((name) => join(directory, `${name}.json`))
    for (const file of files) {
      const { status, output } = mocha(SUITE, { ALTHING_SKIPS_FILE: file })
      assert.equal(status, 0, output)
      assert.doesNotMatch(output, /Skipped on this machine|no browser/)
      assert.match(output, /\n2 passed, 0 failed, 3 skipped\n$/)
    }
    const all = files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as Skip[])
    const list = describeSkips(all)
    assert.deepEqual(list.slice(0, 4), [
      'Skipped on this machine:',
      '  no browser: 2 skipped',
      '    - outer skips itself',
      '    - outer skips itself',
    ])
    assert.equal(list.filter((line) => line.includes('no namespaces')).length, 1)
    assert.deepEqual(describeSkips([]), [])
  })

  it('fails instead of skipping under ALTHING_CI_STRICT=1', () => {
    const { status, output } = mocha(SUITE, { ALTHING_CI_STRICT: '1' })
    assert.notEqual(status, 0)
    assert.match(output, /may not be skipped here: no browser/)
    assert.match(output, /, 0 skipped\n$/)
  })

  it('ends, and names what is left, when a test leaves something running', () => {
    const { status, output } = mocha(`
      import { createServer } from 'node:net'
      it('leaks', () => { createServer().listen(0, '127.0.0.1') })`)
    assert.equal(status, 1)
    assert.match(output, /1 passed, 0 failed/)
    assert.match(output, /left open handles behind: .*TCPServerWrap/)
  })

  it('refuses .only', () => {
    assert.notEqual(mocha(`it.only('alone', () => {})`).status, 0)
  })
})
