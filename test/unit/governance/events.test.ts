/** What is written into the audit log of who belongs: each thing once, under the hash that everybody knows it by. */
import assert from 'node:assert/strict'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceEffect, GovernanceInput } from '../../../src/governance/types.ts'
import type { AuditDraft } from '../../../src/model/audit.ts'
import { CONFIGURATION_LIMITS } from '../../../src/model/settings.ts'
import { Ticket } from '../../../src/model/governance.ts'
import { decodeEvent, encodeEvent } from '../../../src/wire/audit-event.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  after,
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
  wordOf,
} from './fixtures.ts'

type Key = ReturnType<typeof keyOf>

const node = keyOf('node')

function eventsOf(state: ReturnType<typeof stateOf>, input: GovernanceInput, nowMs = NOW_MS): AuditDraft[] {
  const events = governanceStep(state, input, nowMs).flatMap((one) => (one.type === 'audit' ? [one.event] : []))
  for (const event of events)
    assert.deepEqual(decodeEvent(encodeEvent({ ...event, atMs: nowMs })), { ...event, atMs: nowMs })
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

  describe('of settings that some members try first', () => {
    const [cleo, dora, eve, finn] = ['cleo', 'dora', 'eve', 'finn'].map(keyOf) as [Key, Key, Key, Key]
    const before = { settings: {}, overridable: [] }
    const trial = { canaries: [cleo.id, dora.id], forMs: 60_000, witnesses: 2, before }
    const ask = (nodes: string) => ({ kind: 'config', settings: { 'bids.ask': nodes }, overridable: [] })
    const first = entryOn(GENESIS_PLACE, ask('4'))
    const tried = entryOn(after(first), { ...ask('9'), trial })
    const begin = { statement: tried.hash, version: 2 }
    const members = [cleo, dora, eve, finn].map(({ id }) => admit(id))

    /** What a member writes of settings while it hears all that, and what it stores meanwhile. */
    function lifeOf(self: Key) {
      const state = stateOf(HOME, self.id)
      const stored = new Map<string, VerifiedStatement>()
      const hears = (...statements: readonly VerifiedStatement[]) => {
        const effects = governanceStep(state, { type: 'statements', statements }, NOW_MS)
        const kept = effects.flatMap((one) => (one.type === 'persist' ? [one.bytes] : []))
        for (const one of statements) if (kept.includes(one.bytes)) stored.set(one.hash, one)
        return eventsIn(effects)
      }
      return { hears, stored }
    }

    const eventsIn = (effects: readonly GovernanceEffect[]) =>
      effects.flatMap((one) => (one.type === 'audit' && one.event.type.startsWith('config.') ? [one.event] : []))

    it('says what held, what is tried and whether here, what a canary said of itself, and that all follow', () => {
      const { hears } = lifeOf(cleo)
      assert.deepEqual(hears(...members, first), [{ type: 'config.applied', statement: first.hash, version: 1 }])
      assert.deepEqual(hears(tried), [{ type: 'config.trial', ...begin, canary: true }])
      const well = wordOf(cleo, tried.hash, cleo.id, true)
      const said = { ...begin, peer: cleo.id, reason: 'as it is' }
      assert.deepEqual(hears(well), [{ type: 'config.well', ...said }])
      assert.deepEqual(hears(well), [], 'once')
      assert.deepEqual(hears(wordOf(dora, tried.hash, dora.id, true)), [{ type: 'config.promoted', ...begin }])
      assert.deepEqual(hears(wordOf(cleo, tried.hash, cleo.id, false)), [
        { type: 'config.unwell', ...said },
        { type: 'config.rolled-back', ...said, peers: [cleo.id] } as never,
      ])
    })

    it('says on other members what they saw: a trial elsewhere, and who gave it up by whose word', () => {
      const { hears } = lifeOf(eve)
      assert.deepEqual(hears(...members, first, tried), [{ type: 'config.trial', ...begin, canary: false }])
      assert.deepEqual(hears(wordOf(finn, tried.hash, dora.id, false)), [], 'one alone decides nothing')
      const [said, back] = hears(wordOf(eve, tried.hash, dora.id, false))
      assert.deepEqual(said?.type, 'config.unwell')
      const by = { peer: dora.id, peers: [eve.id, finn.id].toSorted(), reason: 'as it is' }
      assert.deepEqual(back, { type: 'config.rolled-back', ...begin, ...by })
      assert.deepEqual(hears(wordOf(cleo, tried.hash, dora.id, false)), [], 'once')
    })

    it('writes nothing again of what was stored before a restart, and the rest afterwards', () => {
      const words = [wordOf(cleo, tried.hash, cleo.id, true), wordOf(dora, tried.hash, dora.id, true)]
      const all = [...members, first, tried, ...words]
      for (let cut = 0; cut <= all.length; cut++) {
        const { hears, stored } = lifeOf(cleo)
        const events = all.slice(0, cut).flatMap((one) => hears(one))
        const state = stateOf(HOME, cleo.id)
        const restore = { type: 'restore', statements: [...stored.values()], tickets: new Map() } as const
        const again = [restore, { type: 'tick' } as const, { type: 'statements', statements: all } as const]
        const types = [...events, ...again.flatMap((input) => eventsIn(governanceStep(state, input, NOW_MS)))]
        const end = types.filter(({ type }) => type === 'config.promoted')
        assert.equal(end.length, 1, `after ${cut}: ${JSON.stringify(types)}`)
        assert.equal(new Set(types.map(({ type }) => type)).size, types.length, `after ${cut}`)
      }
    })

    it('fits into an event, with as many as can be needed to give it up, and however long their reasons are', () => {
      const many = Array.from({ length: CONFIGURATION_LIMITS.witnesses }, (_, i) => keyOf(`witness ${i}`))
      const state = stateOf(HOME, many[0]!.id)
      const change = { ...ask('9'), trial: { ...trial, witnesses: many.length } }
      const entry = entryOn(GENESIS_PLACE, change)
      const said = many.map((by) => wordOf(by, entry.hash, dora.id, false, NOW_MS, '字'.repeat(192)))
      const statements = [...[cleo, dora, ...many].map(({ id }) => admit(id)), entry, ...said]
      const back = eventsOf(state, { type: 'statements', statements }).at(-1)
      assert.equal(back?.type === 'config.rolled-back' && back.peers.length, many.length)
    })
  })
})
