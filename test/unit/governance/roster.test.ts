import assert from 'node:assert/strict'
import { mayLink, memberAt } from '../../../src/governance/state.ts'
import { seededRng } from '../../../src/util/rng.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  after,
  ANN,
  BEN,
  clusterOf,
  DAY_MS,
  ENROLLER,
  enrollers,
  entryOn,
  fateOf,
  GENESIS_PLACE,
  give,
  keyOf,
  membersIn,
  NOW_MS,
  OTHER_ENROLLER,
  RESCUE,
  revoke,
  rotate,
  someChange,
  stateOf,
  YEAR_MS,
  MIA,
  NED,
  OLI,
} from './fixtures.ts'

describe('governance/roster', () => {
  it('an admission by an enroller makes a member, for its time', () => {
    const state = stateOf()
    give(state, [admit(MIA.id, { notAfterMs: NOW_MS + DAY_MS })])
    assert.equal(memberAt(state, MIA.id, NOW_MS)?.owner, 'ann')
    assert.equal(memberAt(state, MIA.id, NOW_MS + DAY_MS), undefined)
    assert.equal(memberAt(state, MIA.id, NOW_MS - DAY_MS), undefined)
  })

  it('members may link for that time; in an open cluster whoever was not sent away', () => {
    const state = stateOf()
    give(state, [admit(MIA.id, { notAfterMs: NOW_MS + DAY_MS })])
    assert.ok(mayLink(state, MIA.id, NOW_MS))
    assert.ok(!mayLink(state, MIA.id, NOW_MS + DAY_MS) && !mayLink(state, NED.id, NOW_MS))
    const open = clusterOf({ open: true })
    const wide = stateOf(open)
    assert.ok(mayLink(wide, MIA.id, NOW_MS))
    const sentAway = { kind: 'revoke', nodes: [MIA.id], keep: [] }
    give(wide, [entryOn({ height: 0, head: open.id }, sentAway, [ANN, BEN], open.id)])
    assert.ok(!mayLink(wide, MIA.id, NOW_MS) && mayLink(wide, NED.id, NOW_MS))
  })

  it('nobody else admits: neither a stranger, nor an admin alone, nor an enroller of another cluster', () => {
    const state = stateOf()
    for (const signer of [MIA, ANN, OTHER_ENROLLER]) assert.equal(fateOf(state, admit(NED.id, {}, signer)), 'waiting')
    assert.equal(fateOf(state, admit(NED.id, { cluster: clusterOf({ name: 'away' }).id })), 'wrong-cluster')
    assert.deepEqual(membersIn(state), [])
  })

  it('a revocation wins, also over an admission that is newer', () => {
    const state = stateOf()
    give(state, [admit(MIA.id), revoke(MIA.id), admit(MIA.id, { notBeforeMs: NOW_MS + DAY_MS })])
    assert.deepEqual(membersIn(state), [])
    assert.ok(state.roster.gone.has(MIA.id))
  })

  it('a node revokes itself by leaving, and nobody else', () => {
    const state = stateOf()
    give(state, [admit(MIA.id), admit(NED.id), revoke(NED.id, MIA), revoke(MIA.id, MIA)])
    assert.deepEqual(membersIn(state), [NED.id])
  })

  it('an enroller is not revoked by another: the admins do that', () => {
    const state = stateOf()
    const added = entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id]))
    give(state, [added, admit(ENROLLER.id), revoke(ENROLLER.id, OTHER_ENROLLER)])
    assert.deepEqual(membersIn(state), [ENROLLER.id])
    give(state, [entryOn(after(added), { kind: 'revoke', nodes: [ENROLLER.id], keep: [] })])
    assert.deepEqual(membersIn(state), [])
  })

  it('of a revoked enroller stays what the admins list; a backdated admission is void', () => {
    const state = stateOf()
    const [stays, goes] = [admit(MIA.id), admit(NED.id)]
    give(state, [stays, goes, entryOn(GENESIS_PLACE, { kind: 'revoke', nodes: [ENROLLER.id], keep: [stays.hash] })])
    assert.deepEqual(membersIn(state), [MIA.id])
    assert.equal(fateOf(state, admit(OLI.id, { notBeforeMs: NOW_MS - YEAR_MS / 2 })), 'void')
    assert.equal(fateOf(state, revoke(MIA.id)), 'void')
    assert.deepEqual(membersIn(state), [MIA.id])
  })

  it('a rotated key hands its place on to the one that follows it, and is out', () => {
    const state = stateOf()
    give(state, [admit(MIA.id, { owner: 'mia' }), rotate(MIA, NED), rotate(NED, OLI)])
    assert.deepEqual(membersIn(state), [OLI.id])
    assert.equal(memberAt(state, OLI.id, NOW_MS)?.owner, 'mia')
    assert.ok(state.roster.gone.has(MIA.id) && state.roster.gone.has(NED.id))
  })

  it('a rotation without both signatures, of a stranger, or of a revoked key gives nothing', () => {
    const state = stateOf()
    give(state, [admit(MIA.id)])
    assert.equal(fateOf(state, rotate(MIA, NED, [MIA])), 'wrong-signers')
    assert.equal(fateOf(state, rotate(MIA, NED, [MIA, OLI])), 'wrong-signers')
    assert.equal(fateOf(state, rotate(OLI, NED)), 'waiting')
    give(state, [revoke(MIA.id), rotate(MIA, NED)])
    assert.deepEqual(membersIn(state), [])
  })

  it('a key that was rotated to two others was in two hands: neither follows', () => {
    const state = stateOf()
    give(state, [admit(MIA.id), rotate(MIA, NED), rotate(MIA, OLI)])
    assert.deepEqual(membersIn(state), [])
  })

  it('the same statements in any order, some of them twice, give the same roster and the same authority', () => {
    const all = cast()
    const reference = stateOf()
    give(reference, all)
    const expected = shown(reference)
    assert.ok(reference.roster.members.size > 2 && reference.roster.gone.size > 3, 'nothing to compare')
    for (let seed = 1; seed <= 300; seed++) {
      const rng = seededRng(seed)
      const order = shuffled([...all, ...all.slice(0, rng.int(all.length))], rng)
      const state = stateOf()
      while (order.length > 0) give(state, order.splice(0, 1 + rng.int(4)))
      assert.deepEqual(shown(state), expected, `seed ${seed}`)
    }
  })

  it('the same with a fork in the log, and with a recovery after it', () => {
    const first = entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id]))
    const fork = [
      first,
      entryOn(after(first), { kind: 'revoke', nodes: [MIA.id, ENROLLER.id], keep: [] }),
      entryOn(after(first), { kind: 'revoke', nodes: [NED.id], keep: [] }),
    ]
    const recovery = entryOn(after(first), { kind: 'recover', admins: { keys: [ANN.id], threshold: 1 } }, [RESCUE])
    const next = entryOn(after(recovery), someChange(7), [ANN])
    for (const all of [
      [...cast(), ...fork],
      [...cast(), ...fork, recovery, next],
    ]) {
      const reference = stateOf()
      give(reference, all)
      for (let seed = 1; seed <= 200; seed++) {
        const rng = seededRng(seed)
        const state = stateOf()
        const order = shuffled(all, rng)
        // What was void when it came is offered again by the next round of anti-entropy.
        for (let round = 0; round < 3; round++) for (const one of order) give(state, [one])
        assert.deepEqual(shown(state), shown(reference), `seed ${seed}`)
      }
    }
  })
})

/** Statements in which everything happens. */
function cast(): VerifiedStatement[] {
  const keys = Array.from({ length: 8 }, (_, i) => keyOf(`node ${i}`))
  const first = entryOn(GENESIS_PLACE, enrollers([OTHER_ENROLLER.id]))
  const admissions = keys
    .slice(0, 6)
    .map((key, i) => admit(key.id, { owner: `owner-${i % 2}` }, i % 2 === 0 ? ENROLLER : OTHER_ENROLLER))
  return [
    first,
    ...admissions,
    admit(keys[0]!.id, { notBeforeMs: NOW_MS + 1000, owner: 'later' }),
    admit(keys[7]!.id, {}, OTHER_ENROLLER),
    revoke(keys[1]!.id),
    revoke(keys[2]!.id, keys[2]),
    rotate(keys[3]!, keys[6]!),
    rotate(keys[4]!, keyOf('thief')),
    rotate(keys[4]!, keyOf('owner')),
    revoke(keys[5]!.id, OTHER_ENROLLER),
    admit(MIA.id),
    admit(NED.id),
  ]
}

function shown({ roster, log }: ReturnType<typeof stateOf>) {
  const members = [...roster.members.values()].toSorted((a, b) => (a.node < b.node ? -1 : 1))
  return { members, gone: [...roster.gone].toSorted(), chain: log.chain, fork: log.fork, admins: log.authority.admins }
}

function shuffled<T>(all: readonly T[], rng: ReturnType<typeof seededRng>): T[] {
  const left = [...all]
  return all.map(() => left.splice(rng.int(left.length), 1)[0]!)
}
