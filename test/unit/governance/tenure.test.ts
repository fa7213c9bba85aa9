import assert from 'node:assert/strict'
import { governanceStep } from '../../../src/governance/step.ts'
import { tenureOf } from '../../../src/governance/tenure.ts'
import type { StatementSigner } from '../../../src/wire/statement.ts'
import {
  admit,
  DAY_MS,
  ENROLLER,
  enrollers,
  entryOn,
  GENESIS_PLACE,
  give,
  keyOf,
  NOW_MS,
  OTHER_ENROLLER,
  revoke,
  rotate,
  stateOf,
  YEAR_MS,
} from './fixtures.ts'

const [node, next, third] = ['node', 'next', 'third'].map(keyOf) as [StatementSigner, StatementSigner, StatementSigner]

describe('governance/tenure', () => {
  it('goes from the first admission to the end of the last', () => {
    const state = stateOf()
    const later = { notBeforeMs: NOW_MS + YEAR_MS - DAY_MS, notAfterMs: NOW_MS + 2 * YEAR_MS }
    give(state, [admit(node.id), admit(node.id, later)])
    const tenure = tenureOf(state, node.id)!
    assert.deepEqual([tenure.fromMs, tenure.untilMs, tenure.ended], [NOW_MS, NOW_MS + 2 * YEAR_MS, undefined])
    assert.deepEqual([tenure.owner, tenure.enroller], ['ann', ENROLLER.id])
    assert.equal(tenureOf(state, next.id), undefined)
  })

  it('ends when somebody was revoked, and says by what; what the key was before is not forgotten', () => {
    const state = stateOf()
    const gone = revoke(node.id)
    give(state, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), gone])
    assert.ok(!state.roster.members.has(node.id))
    const tenure = tenureOf(state, node.id)!
    assert.deepEqual([tenure.fromMs, tenure.untilMs], [NOW_MS - DAY_MS, NOW_MS])
    assert.deepEqual(tenure.ended, { how: 'revoked', statement: gone.hash })
    const byAdmins = stateOf()
    const entry = entryOn(GENESIS_PLACE, { kind: 'revoke', nodes: [node.id], keep: [] })
    give(byAdmins, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), entry])
    assert.equal(tenureOf(byAdmins, node.id)!.ended?.statement, entry.hash)
    const left = stateOf()
    give(left, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), revoke(node.id, node)])
    assert.equal(tenureOf(left, node.id)!.ended?.how, 'left')
  })

  it('is not ended by an enroller that revokes another: only the admins do', () => {
    const state = stateOf()
    give(state, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), admit(OTHER_ENROLLER.id)])
    give(state, [entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id]))])
    const inputs = { type: 'statements', statements: [revoke(OTHER_ENROLLER.id)] } as const
    const effects = governanceStep(state, inputs, NOW_MS)
    assert.ok(state.roster.members.has(OTHER_ENROLLER.id))
    assert.equal(tenureOf(state, OTHER_ENROLLER.id)?.ended, undefined)
    const told = effects.flatMap((effect) => (effect.type === 'audit' ? [effect.event] : []))
    assert.deepEqual(
      told.map((event) => event.type === 'member.revoked' && event.void),
      [true],
    )
    // Nor does it count where its victim is out by its own word.
    const left = stateOf()
    give(left, [admit(OTHER_ENROLLER.id), entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id]))])
    give(left, [revoke(OTHER_ENROLLER.id, OTHER_ENROLLER)])
    const late = give(left, [revoke(OTHER_ENROLLER.id)])
    assert.ok(late.some((one) => one.type === 'audit' && one.event.type === 'member.revoked' && one.event.void))
  })

  it('is nobody’s whom no enroller of this genesis let in, or only one that lost the right', () => {
    const state = stateOf()
    give(state, [admit(node.id, {}, OTHER_ENROLLER)])
    assert.equal(tenureOf(state, node.id), undefined)
    const kept = admit(next.id)
    give(state, [admit(node.id), kept, entryOn(GENESIS_PLACE, enrollers([], [ENROLLER.id], [kept.hash]))])
    assert.equal(tenureOf(state, node.id), undefined, 'void')
    assert.equal(tenureOf(state, next.id)?.admission, kept.hash)
  })

  it('goes on with the key that was put in its place, and with neither of two', () => {
    const state = stateOf()
    give(state, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), rotate(node, next)])
    assert.deepEqual([tenureOf(state, node.id)?.untilMs, tenureOf(state, node.id)?.ended?.how], [NOW_MS, 'rotated'])
    const tenure = tenureOf(state, next.id)!
    assert.deepEqual([tenure.fromMs, tenure.untilMs], [NOW_MS, NOW_MS + YEAR_MS])
    give(state, [rotate(node, third)])
    assert.deepEqual([tenureOf(state, next.id), tenureOf(state, third.id)], [undefined, undefined])
  })

  it('is not handed on by a key that was revoked, and comes to an end in a ring', () => {
    const state = stateOf()
    give(state, [admit(node.id, { notBeforeMs: NOW_MS - DAY_MS }), rotate(node, next), revoke(node.id)])
    assert.deepEqual([tenureOf(state, next.id), state.roster.members.has(next.id)], [undefined, false])
    const ring = stateOf()
    give(ring, [admit(node.id), rotate(node, next), rotate(next, node)])
    for (const { id } of [node, next]) {
      const { fromMs, untilMs, ended } = tenureOf(ring, id)!
      assert.deepEqual([fromMs, untilMs, ended?.how], [NOW_MS, NOW_MS, 'rotated'])
    }
  })
})
