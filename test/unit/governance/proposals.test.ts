/** Proposals that wait for signatures: which are kept, how they add up, and that they go when they are decided. */
import assert from 'node:assert/strict'
import type { GovernanceState } from '../../../src/governance/state.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceEffect } from '../../../src/governance/types.ts'
import { openProposal, proposalAllowance } from '../../../src/node/governance/proposals.ts'
import {
  makeStatement,
  withSignatures,
  type StatementSigner,
  type VerifiedStatement,
} from '../../../src/wire/statement.ts'
import {
  admit,
  after,
  ANN,
  BEN,
  CAT,
  DAY_MS,
  entryOn,
  GENESIS_PLACE,
  give,
  headIn,
  HOME,
  keyOf,
  NOW_MS,
  RESCUE,
  someChange,
  stateOf,
} from './fixtures.ts'

const MEMBERS = ['one', 'two'].map((name) => keyOf(name).id) as [string, string]

function member(): GovernanceState {
  const state = stateOf(HOME, MEMBERS[0])
  give(
    state,
    MEMBERS.map((id) => admit(id)),
  )
  governanceStep(state, { type: 'peer-up', peer: MEMBERS[1] }, NOW_MS)
  return state
}

function propose(
  state: GovernanceState,
  entry: VerifiedStatement,
  refusals: readonly VerifiedStatement[] = [],
  nowMs = NOW_MS,
): { outcome: string; effects: readonly GovernanceEffect[]; sent: number } {
  const opened = openProposal(state, { entry: entry.bytes, refusals: refusals.map(({ bytes }) => bytes) })
  const effects = governanceStep(state, { type: 'proposal', from: 'elsewhere', ...opened }, nowMs)
  const told = effects.find((one) => one.type === 'proposed')
  const sent = effects.filter((one) => one.type === 'send' && one.message.t === 'gov-proposal').length
  return { outcome: told?.type === 'proposed' ? told.outcome : 'none', effects, sent }
}

const on = (n: number, ...signers: readonly StatementSigner[]) => entryOn(GENESIS_PLACE, someChange(n), signers)
const refusal = (entry: VerifiedStatement, by: StatementSigner) =>
  makeStatement('refusal', { cluster: HOME.id, admin: by.id, parent: HOME.id, entry: entry.hash }, [by])

describe('governance/proposals', () => {
  it('adds up signatures from wherever they come, and decides with the last that is needed', () => {
    const state = member()
    const first = propose(state, on(1, ANN))
    assert.deepEqual([first.outcome, first.sent, headIn(state).height], ['taken', 1, 0])
    assert.deepEqual(propose(state, on(1, ANN)).outcome, 'known')
    const last = propose(state, on(1, CAT))
    assert.deepEqual([last.outcome, headIn(state).height, state.proposals.size], ['complete', 1, 0])
    assert.deepEqual(state.log.placed.get(on(1).hash)?.statement.signers, [ANN.id, CAT.id].toSorted())
    const written = last.effects.flatMap((one) => (one.type === 'audit' ? [one.event.type] : []))
    assert.deepEqual(written, ['gov.signed', 'gov.applied'])
    assert.ok(last.effects.some((one) => one.type === 'persist-proposal' && one.proposal === null))
  })

  it('keeps the signatures of admins alone: others would fill the room for theirs', () => {
    const state = member()
    assert.equal(propose(state, on(1, ANN)).outcome, 'taken')
    const strangers = Array.from({ length: 31 }, (_, n) => keyOf(`stranger ${n}`))
    const flooded = propose(state, on(1, ANN, ...strangers))
    assert.deepEqual([flooded.outcome, flooded.sent], ['known', 0])
    assert.deepEqual([...state.proposals.values()][0]?.statement.signers, [ANN.id])
    assert.equal(propose(state, on(1, CAT, ...strangers.slice(1))).outcome, 'complete')
  })

  it('keeps what an admin of the next place has signed, and nothing else', () => {
    const state = member()
    const cases: [VerifiedStatement, string][] = [
      [on(1), 'no-admin'],
      [on(1, keyOf('one')), 'no-admin'],
      [on(1, RESCUE), 'no-admin'],
      [entryOn({ height: 1, head: 'f'.repeat(64) }, someChange(1), [ANN]), 'not-next'],
      [entryOn(GENESIS_PLACE, { kind: 'of a later version' }, [ANN]), 'malformed'],
      [entryOn(GENESIS_PLACE, someChange(1), [ANN], 'e'.repeat(64)), 'wrong-cluster'],
    ]
    for (const [entry, outcome] of cases) assert.equal(propose(state, entry).outcome, outcome)
    assert.equal(propose(state, on(1, ANN), [], NOW_MS + 15 * DAY_MS).outcome, 'expired')
    assert.equal(propose(state, on(1, ANN), [], NOW_MS - DAY_MS).outcome, 'expired')
    assert.equal(state.proposals.size, 0)
  })

  it('gives one admin four places, so that one that was stolen leaves room for the others', () => {
    const state = member()
    const outcomes = Array.from({ length: 6 }, (_, n) => propose(state, on(n, ANN)).outcome)
    assert.deepEqual(outcomes, ['taken', 'taken', 'taken', 'taken', 'full', 'full'])
    assert.equal(propose(state, on(9, BEN)).outcome, 'taken')
    // Who signs along does not use up the place of another.
    assert.equal(propose(state, on(8, RESCUE, CAT)).outcome, 'taken')
  })

  it('counts refusals of admins once each, and those of others not at all', () => {
    const state = member()
    const entry = on(1, ANN)
    assert.equal(propose(state, entry, [refusal(entry, keyOf('one')), refusal(on(2), BEN)]).outcome, 'taken')
    assert.equal(state.proposals.get(entry.hash)?.refusals.length, 0)
    assert.equal(propose(state, entry, [refusal(entry, BEN)]).outcome, 'taken')
    assert.equal(propose(state, entry, [refusal(entry, BEN)]).outcome, 'known')
    assert.equal(propose(state, entry, [refusal(entry, CAT)]).outcome, 'taken')
    assert.equal(state.proposals.get(entry.hash)?.refusals.length, 2)
  })

  it('goes when something else is decided, and after two weeks; in a fork the recovery keys alone propose', () => {
    const state = member()
    propose(state, on(1, ANN))
    give(state, [on(2, BEN, CAT)])
    assert.equal(state.proposals.size, 0)
    const next = entryOn(after(on(2)), someChange(3), [ANN])
    assert.equal(propose(state, next).outcome, 'taken')
    governanceStep(state, { type: 'tick' }, NOW_MS + 15 * DAY_MS)
    assert.equal(state.proposals.size, 0)
    give(state, [on(3, ANN, BEN)])
    assert.ok(state.log.fork)
    assert.equal(propose(state, on(4, CAT)).outcome, 'frozen')
    const recovery = { kind: 'recover', admins: { keys: [BEN.id, CAT.id], threshold: 2 } }
    assert.equal(propose(state, entryOn(GENESIS_PLACE, recovery, [RESCUE])).outcome, 'complete')
    assert.equal(state.log.fork, undefined)
  })

  it('does not take what is signed by nobody it says, and no more of one member than is right', () => {
    const state = member()
    const forged = withSignatures(on(1, ANN), []).bytes.slice()
    forged[forged.length - 1]! ^= 1
    assert.throws(() => openProposal(state, { entry: forged, refusals: [] }))
    const allowance = proposalAllowance()
    const taken = Array.from({ length: 100 }, () => allowance.take('one', 1_000)).filter(Boolean)
    assert.equal(taken.length, 64)
    assert.deepEqual(
      [allowance.take('two', 1_000), allowance.take('one', 2_000), allowance.take('one', 2_000)],
      [true, true, false],
    )
  })
})
