import assert from 'node:assert/strict'
import { stateHash } from '../../../src/governance/authority.ts'
import {
  admit,
  after,
  ANN,
  BEN,
  CAT,
  clusterOf,
  ENROLLER,
  enrollers,
  entryOn,
  fateOf,
  GENESIS_PLACE,
  give,
  headIn,
  keyOf,
  membersIn,
  OTHER_ENROLLER,
  RESCUE,
  someChange,
  stateOf,
} from './fixtures.ts'

describe('governance/log', () => {
  it('an entry counts with two signatures of three admins, and not with one, nor with that of a stranger', () => {
    const state = stateOf()
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, someChange(1), [ANN])), 'too-few-signatures')
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, someChange(1), [ANN, keyOf('eve')])), 'too-few-signatures')
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, someChange(1), [RESCUE])), 'too-few-signatures')
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, someChange(1), [CAT, ANN])), 'applied')
    assert.equal(headIn(state).height, 1)
  })

  it('the admins that decide are those before the change: two of three replace the third, who is offline', () => {
    const state = stateOf()
    const dan = keyOf('dan')
    const change = { kind: 'admins', admins: { keys: [ANN.id, BEN.id, dan.id], threshold: 2 } }
    const entry = entryOn(GENESIS_PLACE, change, [ANN, BEN])
    assert.equal(fateOf(state, entry), 'applied')
    assert.equal(fateOf(state, entryOn(after(entry), someChange(1), [BEN, CAT])), 'too-few-signatures')
    assert.equal(fateOf(state, entryOn(after(entry), someChange(1), [BEN, dan])), 'applied')
  })

  it('no set of admins is taken of which half or less decide', () => {
    const state = stateOf()
    for (const threshold of [1, 0, 4, 2.5]) {
      const change = { kind: 'admins', admins: { keys: [ANN.id, BEN.id, CAT.id], threshold } }
      assert.equal(fateOf(state, entryOn(GENESIS_PLACE, change)), 'malformed')
    }
    const even = { kind: 'admins', admins: { keys: [ANN.id, BEN.id], threshold: 1 } }
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, even)), 'malformed')
  })

  it('entries of another cluster, at another height, or reordered do not count', () => {
    const state = stateOf()
    const first = entryOn(GENESIS_PLACE, someChange(1))
    const second = entryOn(after(first), someChange(2))
    const foreign = entryOn(GENESIS_PLACE, someChange(1), [ANN, BEN], clusterOf({ name: 'away' }).id)
    assert.equal(fateOf(state, foreign), 'wrong-cluster')
    assert.equal(fateOf(state, entryOn({ height: 4, head: GENESIS_PLACE.head }, someChange(1))), 'wrong-height')
    assert.equal(fateOf(state, second), 'waiting')
    assert.equal(headIn(state).height, 0)
    assert.equal(fateOf(state, first), 'applied')
    assert.equal(headIn(state).head, second.hash, 'what waited was not taken once its parent came')
  })

  it('nothing counts after a hole in the middle, nor who is expelled there, until what is missing comes', () => {
    const state = stateOf()
    const entries = [entryOn(GENESIS_PLACE, someChange(1))]
    for (let n = 2; n <= 6; n++) entries.push(entryOn(after(entries.at(-1)!), someChange(n)))
    assert.deepEqual(
      entries.toSpliced(2, 1).map((entry) => fateOf(state, entry)),
      ['applied', 'applied', 'waiting', 'waiting', 'waiting'],
    )
    assert.equal(headIn(state).head, entries[1]!.hash)
    assert.deepEqual([...state.log.authority.revoked], [keyOf('nobody 1').id, keyOf('nobody 2').id])
    assert.equal(fateOf(state, entries[2]!), 'applied')
    assert.equal(headIn(state).head, entries[5]!.hash)
    assert.equal(state.log.authority.revoked.size, 6)
  })

  it('two children of one entry freeze authority, name who signed both, and revoke what either revokes', () => {
    const state = stateOf()
    const [left, right] = [
      entryOn(GENESIS_PLACE, someChange(1), [ANN, BEN]),
      entryOn(GENESIS_PLACE, someChange(2), [BEN, CAT]),
    ]
    const onLeft = entryOn(after(left), { kind: 'admins', admins: { keys: [ANN.id], threshold: 1 } })
    const further = entryOn(after(onLeft), someChange(3), [ANN])
    give(state, [left, onLeft, further])
    assert.equal(headIn(state).height, 3)
    const effects = give(state, [right])
    const alarm = effects.find((one) => one.type === 'alarm')
    assert.deepEqual(alarm?.fork.doubleSigners, [BEN.id])
    assert.equal(headIn(state).height, 0)
    assert.deepEqual(state.log.authority.admins.keys, [ANN.id, BEN.id, CAT.id])
    for (const n of [1, 2, 3]) assert.ok(state.log.authority.revoked.has(keyOf(`nobody ${n}`).id), `${n}`)
    // Nothing is decided any more, by whomever.
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, someChange(4), [ANN, CAT])), 'beside')
    assert.equal(headIn(state).height, 0)
  })

  it('recovery keys end a freeze with new admins; the branches count for nothing then', () => {
    const state = stateOf()
    const [left, right] = [entryOn(GENESIS_PLACE, someChange(1)), entryOn(GENESIS_PLACE, someChange(2))]
    give(state, [left, right])
    const dan = keyOf('dan')
    const change = { kind: 'recover', admins: { keys: [dan.id], threshold: 1 } }
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, change, [ANN, BEN, CAT])), 'too-few-signatures')
    const recovery = entryOn(GENESIS_PLACE, change, [RESCUE])
    assert.equal(fateOf(state, recovery), 'applied')
    assert.equal(state.log.fork, undefined)
    assert.equal(state.log.authority.revoked.size, 0)
    assert.equal(fateOf(state, entryOn(after(recovery), someChange(9), [dan])), 'applied')
    assert.equal(fateOf(state, entryOn(after(left), someChange(5), [ANN, BEN])), 'beside')
    assert.equal(headIn(state).height, 2)
  })

  it('of two branches that take an enroller the right, what both let stand stays', () => {
    const state = stateOf()
    const [both, one, other] = [admit(keyOf('pia').id), admit(keyOf('quin').id), admit(keyOf('rob').id)]
    give(state, [both, one, other])
    const [left, right] = [one, other].map(({ hash }) => enrollers([], [ENROLLER.id], [both.hash, hash]))
    give(state, [entryOn(GENESIS_PLACE, left!, [ANN, BEN]), entryOn(GENESIS_PLACE, right!, [BEN, CAT])])
    assert.ok(state.log.fork !== undefined)
    assert.deepEqual(membersIn(state), [keyOf('pia').id])
  })

  it('what a recovery undoes is not in the way of what comes after, in whatever order it is heard', () => {
    const chain = [entryOn(GENESIS_PLACE, someChange(1))]
    for (let n = 2; n <= 400; n++) chain.push(entryOn(after(chain.at(-1)!), someChange(n)))
    const recovery = (n: number) => ({ kind: 'recover', admins: { keys: [keyOf(`anew ${n}`).id], threshold: 1 } })
    const upon = entryOn(after(chain[9]!), recovery(1), [RESCUE])
    const state = stateOf()
    give(state, [...chain, upon])
    assert.deepEqual([headIn(state).head, state.log.fork], [upon.hash, undefined])
    const late = stateOf()
    give(late, [...chain.slice(0, 10), upon])
    give(late, chain.slice(10))
    assert.equal(late.log.placed.size, state.log.placed.size)
    // A rival is still seen, and the way out is open.
    assert.equal(fateOf(state, entryOn(after(chain[9]!), recovery(2), [RESCUE])), 'beside')
    assert.ok(state.log.fork !== undefined)
    assert.equal(fateOf(state, entryOn(after(chain[8]!), recovery(3), [RESCUE])), 'applied')
    assert.equal(state.log.fork, undefined)
  })

  it('recovery keys may begin anew at an earlier entry: what followed it counts for nothing', () => {
    const state = stateOf()
    const first = entryOn(GENESIS_PLACE, someChange(1))
    const second = entryOn(after(first), someChange(2))
    const recovery = { kind: 'recover', admins: { keys: [CAT.id], threshold: 1 } }
    give(state, [first, second, entryOn(after(second), someChange(3))])
    assert.equal(fateOf(state, entryOn(after(first), recovery, [RESCUE])), 'applied')
    assert.equal(headIn(state).height, 2)
    assert.deepEqual(state.log.authority.admins.keys, [CAT.id])
    assert.deepEqual([...state.log.authority.revoked], [keyOf('nobody 1').id])
  })

  it('an entry of an unknown kind ends the log there, if enough admins signed it', () => {
    const state = stateOf()
    const entry = entryOn(GENESIS_PLACE, { kind: 'teleport', to: 'moon' })
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, { kind: 'teleport' }, [ANN])), 'too-few-signatures')
    assert.equal(fateOf(state, entry), 'halted')
    assert.equal(state.log.halted?.kind, 'teleport')
    assert.equal(fateOf(state, entryOn(after(entry), someChange(1))), 'waiting')
    assert.equal(headIn(state).height, 0)
  })

  it('an enroller that lost the right does not get it back', () => {
    const state = stateOf()
    const first = entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id], [ENROLLER.id]))
    assert.equal(fateOf(state, first), 'applied')
    assert.deepEqual([...state.log.authority.enrollers], [OTHER_ENROLLER.id])
    assert.equal(fateOf(state, entryOn(after(first), enrollers([ENROLLER.id]))), 'withdrawn-enroller')
    assert.equal(fateOf(state, entryOn(after(first), enrollers([], [keyOf('eve').id]))), 'no-enroller')
  })

  it('a checkpoint counts only when it says what holds', () => {
    const state = stateOf()
    const wrong = entryOn(GENESIS_PLACE, { kind: 'checkpoint', state: 'f'.repeat(64) })
    assert.equal(fateOf(state, wrong), 'state-differs')
    const right = entryOn(GENESIS_PLACE, { kind: 'checkpoint', state: stateHash(state.log.authority) })
    assert.equal(fateOf(state, right), 'applied')
  })
})
