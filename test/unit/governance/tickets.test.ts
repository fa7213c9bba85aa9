import assert from 'node:assert/strict'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceState } from '../../../src/governance/state.ts'
import type { Ticket } from '../../../src/model/governance.ts'
import { makeStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  ENROLLER,
  enrollers,
  entryOn,
  GENESIS_PLACE,
  give,
  HOME,
  HOUR_MS,
  keyOf,
  NOW_MS,
  revoke,
  someChange,
  stateOf,
  YEAR_MS,
} from './fixtures.ts'

const [MIA, NED] = ['mia', 'ned'].map(keyOf) as [ReturnType<typeof keyOf>, ReturnType<typeof keyOf>]

function ticketOf(overrides: Partial<Ticket> = {}) {
  const ticket: Ticket = {
    cluster: HOME.id,
    name: 'home',
    redeemer: ENROLLER.id,
    addresses: ['/ip4/127.0.0.1/tcp/4100'],
    owner: 'ann',
    roles: ['worker'],
    membershipMs: YEAR_MS,
    expiresAtMs: NOW_MS + HOUR_MS,
    nonce: '1'.repeat(32),
    ...overrides,
  }
  return { ticket, hash: makeStatement('ticket', ticket, [ENROLLER]).hash }
}

function issue(state: GovernanceState, made = ticketOf()) {
  const effects = governanceStep(state, { type: 'ticket', ...made }, NOW_MS)
  assert.ok(effects.some(({ type }) => type === 'persist-ticket'))
  return made
}

/** What came of showing a ticket: the key that is to be admitted, or why not. */
function show(state: GovernanceState, made: ReturnType<typeof ticketOf>, node = MIA.id, nowMs = NOW_MS): string {
  const effects = governanceStep(state, { type: 'redeem', ...made, node }, nowMs)
  const away = effects.find(({ type }) => type === 'turn-away')
  if (away?.type === 'turn-away') return away.fault
  const kinds = effects.map(({ type }) => type)
  const burnt = kinds.indexOf('persist-ticket')
  const signed = effects.findIndex((one) => one.type === 'sign' && one.kind === 'admission')
  assert.ok(burnt >= 0 && signed > burnt, 'signed before it was burnt')
  const sign = effects[signed]!
  return sign.type === 'sign' && sign.kind === 'admission' ? sign.body.node : ''
}

describe('governance/tickets', () => {
  it('a ticket admits the key that shows it, burnt before that is signed', () => {
    const state = stateOf()
    assert.equal(show(state, issue(state)), MIA.id)
  })

  it('it admits one key: another is turned away, the same may ask again when the answer was lost', () => {
    const state = stateOf()
    const made = issue(state)
    assert.equal(show(state, made), MIA.id)
    assert.equal(show(state, made, NED.id), 'used')
    assert.equal(show(state, made, MIA.id), MIA.id)
  })

  it('an enroller that has left admits nobody any more', () => {
    const state = stateOf()
    const made = issue(state)
    give(state, [admit(ENROLLER.id), revoke(ENROLLER.id, ENROLLER)])
    assert.ok(state.roster.gone.has(ENROLLER.id))
    assert.equal(show(state, made), 'no-enroller')
  })

  it('what was burnt is burnt after a restart too', () => {
    const first = stateOf()
    const made = issue(first)
    show(first, made)
    const second = stateOf()
    governanceStep(second, { type: 'restore', statements: [], tickets: first.tickets }, NOW_MS)
    assert.equal(show(second, made, NED.id), 'used')
  })

  it('expired, altered, of another cluster, for another member, for another key: each is turned away by name', () => {
    const state = stateOf()
    const made = issue(state)
    assert.equal(show(state, made, MIA.id, NOW_MS + HOUR_MS), 'expired')
    assert.equal(show(state, ticketOf({ owner: 'eve' })), 'unknown')
    assert.equal(show(state, ticketOf({ cluster: 'f'.repeat(64) })), 'wrong-cluster')
    assert.equal(show(state, ticketOf({ redeemer: NED.id })), 'wrong-redeemer')
    const named = issue(state, ticketOf({ for: NED.id }))
    assert.equal(show(state, named), 'not-for-you')
    assert.equal(show(state, named, NED.id), NED.id)
  })

  it('a revoked key is not admitted again', () => {
    const state = stateOf()
    give(state, [admit(MIA.id), revoke(MIA.id)])
    assert.equal(show(state, issue(state)), 'revoked')
  })

  it('an enroller that lost the right admits nobody, and nobody does while the log is forked', () => {
    const withdrawn = stateOf()
    const made = issue(withdrawn)
    give(withdrawn, [entryOn(GENESIS_PLACE, enrollers([], [ENROLLER.id]))])
    assert.equal(show(withdrawn, made), 'no-enroller')
    const forked = stateOf()
    issue(forked)
    give(forked, [entryOn(GENESIS_PLACE, someChange(1)), entryOn(GENESIS_PLACE, someChange(2))])
    assert.equal(show(forked, made), 'frozen')
  })

  it('expired tickets are forgotten', () => {
    const state = stateOf()
    issue(state)
    governanceStep(state, { type: 'tick' }, NOW_MS + HOUR_MS)
    assert.equal(state.tickets.size, 0)
  })
})
