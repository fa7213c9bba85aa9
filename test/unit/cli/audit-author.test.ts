/** Whether the author of an exported log was a member when it signed: by the times that were signed. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Authority } from '../../../src/cli/audit/author.ts'
import { textOf } from '../../../src/cli/gov/proposal.ts'
import { freshDataDir, stopAll } from '../../support/daemon.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  after as upon,
  clusterOf,
  DAY_MS,
  entryOn,
  GENESIS_PLACE,
  HOME,
  keyOf,
  NOW_MS,
  revoke,
  someChange,
  YEAR_MS,
} from '../governance/fixtures.ts'

const NODE = keyOf('node').id
const ADMISSION = admit(NODE, { notBeforeMs: NOW_MS - 2 * DAY_MS })

/** What a file says that brings these statements, signed at `signedMs`. */
function judge(signedMs: number, history?: string, statements = [ADMISSION]) {
  const authority = new Authority('log', NODE, { cluster: HOME.id, history })
  assert.ok(authority.take({ genesis: textOf(HOME.statement) }))
  for (const statement of statements) assert.ok(authority.take({ statement: textOf(statement) }))
  assert.equal(authority.take({ position: 0, bytes: '' }), false)
  for (const atMs of [NOW_MS - 3 * DAY_MS, NOW_MS - DAY_MS, NOW_MS + DAY_MS]) authority.count(atMs)
  return authority.membershipOf(signedMs)!
}

describe('cli/audit/author', () => {
  after(stopAll)

  it('was a member from its admission on, until that ended', () => {
    const found = judge(NOW_MS)
    assert.deepEqual([found.before, found.after, found.owner, found.name], [1, 0, 'ann', 'home'])
    assert.throws(() => judge(NOW_MS - 3 * DAY_MS), /it was signed 2026-05-29\S+; \S+ was a member from 2026-05-30/)
    assert.throws(() => judge(NOW_MS + 2 * YEAR_MS), { code: 'not-proven' })
  })

  it('is believed what it signed before it was expelled, not after, once another member’s word is at hand', () => {
    const path = join(freshDataDir(), 'history.json')
    const expelled = revoke(NODE)
    writeFileSync(
      path,
      JSON.stringify({ genesis: textOf(HOME.statement), statements: [ADMISSION, expelled].map(textOf) }),
    )
    assert.equal(judge(NOW_MS + DAY_MS).ended, undefined, 'its own file leaves it out')
    const known = judge(NOW_MS - DAY_MS, path)
    assert.deepEqual([known.ended, known.after], [{ how: 'revoked', statement: expelled.hash }, 1])
    assert.throws(() => judge(NOW_MS + DAY_MS, path), new RegExp(`revoked: ${expelled.hash}`))
    const other = clusterOf({ name: 'other' })
    writeFileSync(path, JSON.stringify({ genesis: textOf(other.statement), statements: [] }))
    assert.throws(() => judge(NOW_MS, path), { code: 'other-cluster' })
  })

  it('is not asked of more statements than a cluster can have', () => {
    const statement = textOf(ADMISSION)
    const authority = new Authority('log', NODE, {}, 2 * statement.length)
    authority.take({ genesis: textOf(HOME.statement) })
    for (const line of [{ statement }, { statement }]) assert.ok(authority.take(line))
    assert.throws(() => authority.take({ statement }), /more statements than a cluster can have/)
  })

  it('is not believed with a hole in the governance log, but by what another member brings', () => {
    const entries: VerifiedStatement[] = []
    for (let n = 0; n < 3; n++) entries.push(entryOn(n === 0 ? GENESIS_PLACE : upon(entries[n - 1]!), someChange(n)))
    assert.equal(judge(NOW_MS, undefined, [ADMISSION, ...entries]).name, 'home')
    const [first, taken, last] = entries as [VerifiedStatement, VerifiedStatement, VerifiedStatement]
    const holed = [ADMISSION, first, last]
    const words = new RegExp(`entry 2 of the governance log, ${taken.hash}, was taken out of it`)
    assert.throws(() => judge(NOW_MS, undefined, holed), words)
    const path = join(freshDataDir(), 'history.json')
    writeFileSync(path, JSON.stringify({ genesis: textOf(HOME.statement), statements: [first, taken].map(textOf) }))
    assert.equal(judge(NOW_MS, path, holed).name, 'home')
  })

  it('is no member without an admission', () => {
    assert.throws(() => judge(NOW_MS, undefined, []), /nobody who may has let/)
  })
})
