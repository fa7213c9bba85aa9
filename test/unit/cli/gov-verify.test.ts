/** `althing gov verify FILE`: what a file brings and what it leaves out, found without any daemon. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { textOf } from '../../../src/cli/gov/proposal.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { cli } from '../../support/cli.ts'
import {
  admit,
  after as upon,
  ANN,
  attest,
  entryOn,
  GENESIS_PLACE,
  HOME,
  MIA,
  someChange,
} from '../governance/fixtures.ts'

const ENTRIES = [entryOn(GENESIS_PLACE, someChange(1))]
for (let n = 2; n <= 5; n++) ENTRIES.push(entryOn(upon(ENTRIES.at(-1)!), someChange(n)))
const nowMs = Date.now()
const ADMITTED = admit(MIA.id, { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 3_600_000 })
const CONFIRMED = attest(MIA, upon(ENTRIES.at(-1)!), nowMs)

describe('cli: gov verify', function () {
  this.timeout(30_000)
  let dir: string
  before(() => (dir = mkdtempSync(join(tmpdir(), 'althing-verify-'))))
  after(() => rmSync(dir, { recursive: true }))

  /** What it says of a file with these statements. */
  async function verify(statements: readonly VerifiedStatement[], ...flags: string[]) {
    const file = join(dir, 'history.json')
    writeFileSync(file, JSON.stringify({ genesis: textOf(HOME.statement), statements: statements.map(textOf) }))
    return cli(['gov', 'verify', file, ...flags], { cwd: dir })
  }

  it('a whole one, in whatever order', async () => {
    const { code, stdout, stderr } = await verify([CONFIRMED, ...ENTRIES.toReversed(), ADMITTED])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^entries +5, each signed by enough admins$/m)
    // What came before that upon which it rests counts all the same.
    assert.doesNotMatch(stdout, /MISSING|does not count/)
  })

  it('one with a hole in its middle: names the entry that is missing, and counts nothing after it', async () => {
    const holed = [...ENTRIES.toSpliced(2, 1), ADMITTED]
    const { code, stdout, stderr } = await verify(holed)
    assert.equal(code, 1)
    assert.match(stdout, /^entries +2, each signed by enough admins$/m)
    assert.match(stdout, new RegExp(`^MISSING +entry 3, ${ENTRIES[2]!.hash}$`, 'm'))
    assert.match(
      stderr,
      new RegExp(`entry 3 of the log, ${ENTRIES[2]!.hash}, is missing: nothing after it counts, 2 entries here\n`),
    )
    const { missing, height } = JSON.parse((await verify(holed, '--json')).stdout) as Record<string, unknown>
    assert.deepEqual([height, missing], [2, { height: 3, hash: ENTRIES[2]!.hash, waiting: 2 }])
  })

  it('one that was cut off, if a member confirms what came after', async () => {
    const { code, stdout, stderr } = await verify([...ENTRIES.slice(0, 3), ADMITTED, CONFIRMED])
    assert.equal(code, 1)
    assert.match(stdout, /^entries +3,/m)
    assert.match(stderr, new RegExp(`entry 5 of the log, ${ENTRIES[4]!.hash}, is missing: members confirm it`))
    assert.equal((await verify([...ENTRIES.slice(0, 3), ADMITTED])).code, 0, 'nobody can tell that anything followed')
  })

  it('one with more than what may wait, in reverse', async () => {
    const many = [entryOn(GENESIS_PLACE, someChange(1))]
    for (let n = 2; n <= 600; n++) many.push(entryOn(upon(many.at(-1)!), someChange(n)))
    const { code, stdout, stderr } = await verify(many.toReversed())
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^entries +600,/m)
    assert.doesNotMatch(stdout, /does not count/)
  })

  it('one with what was not signed as it must be, before what it rests on', async () => {
    const forged = entryOn(upon(ENTRIES.at(-1)!), someChange(9), [ANN])
    const { stdout } = await verify([forged, ...ENTRIES.toReversed()])
    assert.match(stdout, /^does not count +1 too-few-signatures$/m)
  })

  it('one that was written to mislead a terminal', async () => {
    const file = join(dir, 'evil.json')
    const evil = { ['\u001b[2J\nalthing: all is well']: 1 }
    writeFileSync(file, JSON.stringify({ genesis: textOf(HOME.statement), statements: [], ...evil }))
    const { stderr } = await cli(['gov', 'verify', file], { cwd: dir })
    assert.ok(!stderr.includes('\u001b') && !stderr.includes('\nalthing: all'), stderr)
  })

  it('one of a text that was cut, or is none', async () => {
    const file = join(dir, 'cut.json')
    const text = JSON.stringify({ genesis: textOf(HOME.statement), statements: ENTRIES.map(textOf) })
    for (const cut of [text.slice(0, -100), text.replace(/.{40}(?="\]\}$)/, ''), '']) {
      writeFileSync(file, cut)
      const { code, stderr } = await cli(['gov', 'verify', file], { cwd: dir })
      assert.equal(code, 1)
      assert.match(stderr, /^althing: \S+cut\.json does not verify: /)
      assert.doesNotMatch(stderr, /\n\s+at |JSON input|"code"/)
      if (cut === '') assert.match(stderr, /it is empty, cut off, or no JSON/)
    }
  })
})
