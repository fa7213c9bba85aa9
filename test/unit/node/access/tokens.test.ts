import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { AuditDraft } from '../../../../src/model/audit.ts'
import { TokenRequest } from '../../../../src/model/access-api.ts'
import { Tokens } from '../../../../src/node/access/tokens.ts'
import { OperationError } from '../../../../src/node/operations.ts'
import { createMemoryStore } from '../../../../src/store/memory.ts'
import { SILENT } from '../../../../src/util/logger.ts'
import { eventually } from '../../../support/daemon.ts'
import { fillable, idleLoop } from '../../../support/journal.ts'

const START_MS = 1_800_000_000_000
const DAY_MS = 86_400_000

/** Tokens on a store in memory; `again` is the daemon after a restart. */
function setUp(store = fillable(createMemoryStore())) {
  const clock = { nowMs: START_MS }
  const events: AuditDraft[] = []
  const open = () => new Tokens({ store, loop, nowMs: () => clock.nowMs, log: SILENT })
  const loop = idleLoop(store, events)
  return { store, loop, clock, events, tokens: open(), again: open }
}

const ask = (changes: Partial<TokenRequest> = {}) => TokenRequest.parse({ name: 'ci', role: 'submitter', ...changes })
const code = (expected: string) => (error: unknown) => error instanceof OperationError && error.code === expected

describe('tokens', () => {
  it('are recognised with what they were given, also after a restart', () => {
    const { tokens, again, events } = setUp()
    const { token, id } = tokens.create(ask({ tenant: 'team-a', ttlMs: 60_000 }))
    const principal = {
      ...{ by: 'token', name: 'ci', role: 'submitter', tenant: 'team-a', tokenId: id },
      expiresAtMs: START_MS + 60_000,
    }
    assert.deepEqual(tokens.check(token), { ok: true, principal })
    assert.deepEqual(again().check(token), { ok: true, principal })
    assert.deepEqual(events, [{ type: 'token.created', token: id, name: 'ci', role: 'submitter' }])
  })

  it('live 90 days unless told otherwise', () => {
    const { tokens } = setUp()
    assert.equal(tokens.create(ask()).expiresAtMs, START_MS + 90 * DAY_MS)
  })

  it('are kept as a hash, and told never again', () => {
    const { tokens, store } = setUp()
    const { token } = tokens.create(ask())
    const stored = JSON.stringify([...store.load('token').values()], (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    )
    assert.ok(stored.includes(createHash('sha256').update(token).digest('hex')), stored)
    for (const shown of [stored, JSON.stringify(tokens.list())])
      assert.ok(!shown.includes(token) && !shown.includes(token.slice(16)), shown)
    assert.ok(!JSON.stringify(tokens.list()).includes('hash'))
  })

  it('are refused with any letter changed, cut, or longer', () => {
    const { tokens } = setUp()
    const { token } = tokens.create(ask())
    const other = tokens.create(ask({ name: 'other' })).token
    const forged = token
      .split('')
      .map((letter, at) => token.slice(0, at) + (letter === 'a' ? 'b' : 'a') + token.slice(at + 1))
    const swapped = token.slice(0, 16) + other.slice(16)
    for (const text of [...forged, swapped, token.slice(0, -1), `${token}a`, '', 'alth_', '__proto__'])
      assert.deepEqual(tokens.check(text), { ok: false, code: 'wrong-token' }, text)
  })

  it('expire, and do not come back when the daemon does', () => {
    const { tokens, clock, again } = setUp()
    const { token } = tokens.create(ask({ ttlMs: 60_000 }))
    clock.nowMs += 59_999
    assert.equal(tokens.check(token).ok, true)
    clock.nowMs += 1
    assert.deepEqual(tokens.check(token), { ok: false, code: 'expired-token' })
    assert.deepEqual(again().check(token), { ok: false, code: 'expired-token' })
    assert.deepEqual([tokens.list()[0]!.state, tokens.live()], ['expired', 0])
  })

  it('are revoked by name or id, at once and for good, and whoever asked is told', () => {
    const { tokens, again, events } = setUp()
    const told: string[] = []
    const first = tokens.create(ask())
    const second = tokens.create(ask({ name: 'second' }))
    const forget = tokens.onRevoked((id) => told.push(id))
    assert.equal(tokens.revoke('ci').state, 'revoked')
    assert.deepEqual(told, [first.id])
    assert.deepEqual(tokens.check(first.token), { ok: false, code: 'revoked-token' })
    assert.deepEqual(again().check(first.token), { ok: false, code: 'revoked-token' })
    forget()
    tokens.revoke(second.id)
    assert.deepEqual(told, [first.id])
    assert.deepEqual(
      events.map(({ type }) => type),
      ['token.created', 'token.created', 'token.revoked', 'token.revoked'],
    )
    assert.throws(() => tokens.revoke('ci'), code('not-found'))
    assert.throws(() => tokens.revoke(second.id), code('conflict'))
    assert.throws(() => tokens.revoke('nobody'), code('not-found'))
  })

  it('are dead at once while the disk is full; whoever asked is told, and it is stored later', async () => {
    const { tokens, again, events, store, loop } = setUp()
    const { token, id } = tokens.create(ask())
    const told: string[] = []
    tokens.onRevoked((one) => told.push(one))
    store.isFull = true
    const unstored = {
      code: 'io',
      message: /token ci is revoked, but that could not be stored: no space/,
      fix: /again/,
    }
    assert.throws(() => tokens.revoke('ci'), unstored)
    assert.deepEqual([tokens.check(token), told], [{ ok: false, code: 'revoked-token' }, [id]])
    assert.equal(again().check(token).ok, true, 'as the message says')
    assert.throws(() => tokens.revoke('ci'), unstored, 'it may be tried again, by name')
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.deepEqual(again().check(token), { ok: false, code: 'revoked-token' })
    assert.equal(tokens.revoke(id).state, 'revoked', 'now it is known to be stored')
    assert.throws(() => tokens.revoke(id), code('conflict'))
    assert.deepEqual(
      events.map(({ type }) => type),
      ['token.created', 'token.revoked'],
    )
    loop.close()
  })

  it('are not made while the disk is full', () => {
    const { tokens, events, store } = setUp()
    store.isFull = true
    assert.throws(() => tokens.create(ask()), /no space/)
    assert.deepEqual([tokens.list(), events], [[], []])
  })

  it('have names of their own, which come free with their end', () => {
    const { tokens } = setUp()
    tokens.create(ask())
    assert.throws(() => tokens.create(ask()), code('conflict'))
    tokens.revoke('ci')
    assert.equal(tokens.create(ask()).state, 'live')
  })

  it('of a tenant are for its own work alone', () => {
    const { tokens } = setUp()
    for (const role of ['operator', 'admin'] as const)
      assert.throws(() => tokens.create(ask({ role, tenant: 'team-a' })), code('invalid'))
    for (const role of ['viewer', 'submitter'] as const) tokens.create(ask({ name: role, role, tenant: 'team-a' }))
  })

  it('that ended go after 30 days; those that live are a thousand at most', () => {
    const { tokens, clock } = setUp()
    for (let at = 0; at < 1_000; at++) tokens.create(ask({ name: `t${at}`, ttlMs: 60_000 }))
    assert.throws(() => tokens.create(ask()), code('busy'))
    clock.nowMs += 30 * DAY_MS + 60_001
    tokens.create(ask())
    assert.deepEqual(
      tokens.list().map(({ name }) => name),
      ['ci'],
    )
  })

  it('say when they were last used, to the minute; a full disk does not lock anybody out', () => {
    const { tokens, clock, again, store } = setUp()
    const { token } = tokens.create(ask())
    clock.nowMs += 5_000
    tokens.check(token)
    clock.nowMs += 30_000
    tokens.check(token)
    assert.equal(again().list()[0]!.usedAtMs, START_MS + 5_000)
    clock.nowMs += 60_000
    store.isFull = true
    assert.equal(tokens.check(token).ok, true)
  })

  it('are asked for by a name, a role, and a tenant that can be one', () => {
    for (const bad of [
      { name: '' },
      { name: 'a b' },
      { name: '-a' },
      { role: 'root' },
      { tenant: 'Team A' },
      { ttlMs: 0 },
    ])
      assert.equal(TokenRequest.safeParse({ name: 'ci', role: 'viewer', ...bad }).success, false, JSON.stringify(bad))
  })
})
