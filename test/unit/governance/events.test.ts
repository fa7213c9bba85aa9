/** What is written into the audit log of who belongs: each thing once, under the hash that everybody knows it by. */
import assert from 'node:assert/strict'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceInput } from '../../../src/governance/types.ts'
import type { AuditDraft } from '../../../src/model/audit.ts'
import { Ticket } from '../../../src/model/governance.ts'
import { encodeEvent } from '../../../src/wire/audit-event.ts'
import {
  admit,
  ANN,
  BEN,
  CAT,
  DAY_MS,
  ENROLLER,
  entryOn,
  GENESIS_PLACE,
  HOME,
  keyOf,
  NOW_MS,
  OTHER_ENROLLER,
  RESCUE,
  revoke,
  rotate,
  someChange,
  stateOf,
} from './fixtures.ts'

const node = keyOf('node')

function eventsOf(state: ReturnType<typeof stateOf>, input: GovernanceInput, nowMs = NOW_MS): AuditDraft[] {
  const events = governanceStep(state, input, nowMs).flatMap((one) => (one.type === 'audit' ? [one.event] : []))
  for (const event of events) assert.ok(encodeEvent({ ...event, atMs: nowMs }).length > 0)
  return events
}

describe('governance/events', () => {
  it('says who was let in, expelled and changed keys, by whom, and nothing when it comes again', () => {
    const state = stateOf()
    const [admission, revocation] = [admit(node.id), revoke(node.id)]
    const rotation = rotate(keyOf('other'), keyOf('new'))
    const statements = [admission, admit(keyOf('other').id), rotation, revocation]
    const events = eventsOf(state, { type: 'statements', statements })
    assert.deepEqual(
      events.map(({ type }) => type),
      ['member.admitted', 'member.admitted', 'member.rotated', 'member.revoked'],
    )
    assert.deepEqual(events[0], {
      type: 'member.admitted',
      peer: node.id,
      statement: admission.hash,
      by: ENROLLER.id,
    })
    assert.deepEqual(events[3], {
      type: 'member.revoked',
      peer: node.id,
      statement: revocation.hash,
      by: ENROLLER.id,
    })
    assert.deepEqual(eventsOf(state, { type: 'statements', statements }), [])
  })

  it('says what waited for something once it counts, and what is refused with its reason', () => {
    const state = stateOf()
    const late = admit(node.id, {}, OTHER_ENROLLER)
    assert.deepEqual(eventsOf(state, { type: 'statements', statements: [late] }), [])
    const entry = entryOn(GENESIS_PLACE, { kind: 'enrollers', add: [OTHER_ENROLLER.id], remove: [], keep: [] })
    const types = eventsOf(state, { type: 'statements', statements: [entry] }).map(({ type }) => type)
    assert.deepEqual(types, ['gov.applied', 'member.admitted'])
    const few = entryOn({ height: 1, head: entry.hash }, someChange(1), [ANN])
    assert.deepEqual(eventsOf(state, { type: 'statements', from: node.id, statements: [few] }), [
      { type: 'gov.refused', statement: few.hash, reason: 'too-few-signatures', peer: node.id },
    ])
  })

  it('says that the log is frozen, by whom, and what the recovery keys decided', () => {
    const state = stateOf()
    const [one, two] = [
      entryOn(GENESIS_PLACE, someChange(1), [ANN, BEN]),
      entryOn(GENESIS_PLACE, someChange(2), [ANN, CAT]),
    ]
    const events = eventsOf(state, { type: 'statements', statements: [one, two] })
    assert.deepEqual(
      events.map(({ type }) => type),
      ['gov.beside', 'gov.beside', 'gov.frozen'],
    )
    assert.deepEqual(events[2], {
      type: 'gov.frozen',
      statement: HOME.id,
      entries: [one.hash, two.hash].toSorted(),
      peers: [ANN.id],
    })
    const recovery = { kind: 'recover', admins: { keys: [BEN.id, CAT.id], threshold: 2 } }
    const [applied] = eventsOf(state, { type: 'statements', statements: [entryOn(GENESIS_PLACE, recovery, [RESCUE])] })
    assert.deepEqual([applied?.type, applied?.type === 'gov.applied' && applied.change], ['gov.applied', 'recover'])
  })

  it('says what became of a ticket, once for the key that it let in, and that a membership ended', () => {
    const state = stateOf()
    const ticket = Ticket.parse({
      cluster: HOME.id,
      name: 'home',
      redeemer: ENROLLER.id,
      addresses: ['/ip4/127.0.0.1/tcp/1'],
      owner: 'ann',
      roles: [],
      membershipMs: DAY_MS,
      expiresAtMs: NOW_MS + DAY_MS,
      nonce: '1'.repeat(32),
    })
    const hash = 'a'.repeat(64)
    const types = (input: GovernanceInput, nowMs?: number) => eventsOf(state, input, nowMs).map(({ type }) => type)
    assert.deepEqual(types({ type: 'ticket', hash, ticket }), ['ticket.made'])
    const redeem = { type: 'redeem', hash, ticket, node: node.id } as const
    assert.deepEqual(types(redeem), ['ticket.redeemed'])
    assert.deepEqual(types(redeem), [])
    assert.deepEqual(types({ ...redeem, node: keyOf('another').id }), ['ticket.refused'])
    eventsOf(state, { type: 'statements', statements: [admit(node.id, { notAfterMs: NOW_MS + DAY_MS })] })
    assert.deepEqual(types({ type: 'tick' }, NOW_MS + 2 * DAY_MS), ['member.expired'])
  })
})
