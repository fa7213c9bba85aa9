import assert from 'node:assert/strict'
import { freshness } from '../../../src/governance/freshness.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceEffect } from '../../../src/governance/types.ts'
import {
  admit,
  after,
  attest,
  DAY_MS,
  ENROLLER,
  entryOn,
  fateOf,
  GENESIS_PLACE,
  give,
  keyOf,
  NOW_MS,
  someChange,
  stateOf,
  YEAR_MS,
  MIA,
  NED,
  OLI,
} from './fixtures.ts'

const MEMBERS = [MIA, NED, OLI].map(({ id }) => admit(id))
const signed = (effects: readonly GovernanceEffect[], kind: string) =>
  effects.filter((one) => one.type === 'sign' && one.kind === kind)

describe('governance/freshness', () => {
  it('a member alone is fresh; with others it needs the word of two of them', () => {
    const state = stateOf(undefined, MIA.id)
    give(state, [MEMBERS[0]!])
    assert.ok(freshness(state, NOW_MS).fresh)
    give(state, MEMBERS)
    assert.deepEqual(freshness(state, NOW_MS), { fresh: false, witnesses: 0, needed: 2 })
    give(state, [attest(NED, GENESIS_PLACE)])
    assert.ok(!freshness(state, NOW_MS).fresh)
    give(state, [attest(OLI, GENESIS_PLACE)])
    assert.ok(freshness(state, NOW_MS).fresh)
  })

  it('its own word does not count, nor that of strangers, nor one about an entry it does not know', () => {
    const state = stateOf(undefined, MIA.id)
    give(state, MEMBERS)
    assert.equal(fateOf(state, attest(keyOf('eve'), GENESIS_PLACE)), 'waiting')
    give(state, [attest(MIA, GENESIS_PLACE), attest(NED, { height: 5, head: 'e'.repeat(64) })])
    assert.equal(freshness(state, NOW_MS).witnesses, 0)
  })

  it('after thirty days without a word it is stale; a frozen view that is shown again does not help', () => {
    const state = stateOf(undefined, MIA.id)
    const old = [attest(NED, GENESIS_PLACE), attest(OLI, GENESIS_PLACE)]
    give(state, [...MEMBERS, ...old])
    assert.ok(freshness(state, NOW_MS + 29 * DAY_MS).fresh)
    const laterMs = NOW_MS + 31 * DAY_MS
    give(state, old, laterMs)
    assert.ok(!freshness(state, laterMs).fresh)
    give(state, [attest(NED, GENESIS_PLACE, laterMs), attest(OLI, GENESIS_PLACE, laterMs)], laterMs)
    assert.ok(freshness(state, laterMs).fresh)
  })

  it('an attestation from the future is refused, an older one does not replace a newer', () => {
    const state = stateOf(undefined, MIA.id)
    give(state, MEMBERS)
    assert.equal(fateOf(state, attest(NED, GENESIS_PLACE, NOW_MS + DAY_MS)), 'stale')
    give(state, [attest(NED, GENESIS_PLACE, NOW_MS)])
    assert.equal(fateOf(state, attest(NED, GENESIS_PLACE, NOW_MS - 1)), 'stale')
  })

  it('a member whose clock went back attests later than before, and says it once', () => {
    const state = stateOf(undefined, MIA.id)
    give(state, [MEMBERS[0]!])
    const entries = [entryOn(GENESIS_PLACE, someChange(1))]
    const [told] = signed(give(state, entries, NOW_MS - 10_000), 'attestation')
    assert.ok(told?.type === 'sign' && told.kind === 'attestation' && told.body.atMs > NOW_MS)
    assert.equal(signed(governanceStep(state, { type: 'tick' }, NOW_MS - 10_000), 'attestation').length, 0)
  })

  it('a member that comes back attests at its first look around, and not before', () => {
    const state = stateOf(undefined, MIA.id)
    const restore = { type: 'restore', statements: MEMBERS, tickets: new Map() } as const
    assert.deepEqual(governanceStep(state, restore, NOW_MS), [])
    assert.equal(signed(governanceStep(state, { type: 'tick' }, NOW_MS), 'attestation').length, 1)
  })

  it('of the attestations of a member one is stored, the newest', () => {
    const state = stateOf(undefined, MIA.id)
    give(state, MEMBERS)
    const keys = [NOW_MS, NOW_MS + 1].flatMap((atMs) =>
      give(state, [attest(NED, GENESIS_PLACE, atMs)]).flatMap((one) => (one.type === 'persist' ? [one.key] : [])),
    )
    assert.equal(keys.length, 2)
    assert.equal(new Set(keys).size, 1)
  })

  it('a member attests after each entry, and once a day', () => {
    const state = stateOf(undefined, MIA.id)
    assert.equal(signed(give(state, MEMBERS), 'attestation').length, 1)
    give(state, [attest(MIA, GENESIS_PLACE)])
    assert.equal(signed(governanceStep(state, { type: 'tick' }, NOW_MS + 1), 'attestation').length, 0)
    const entry = entryOn(GENESIS_PLACE, someChange(1))
    assert.equal(signed(give(state, [entry]), 'attestation').length, 1)
    give(state, [attest(MIA, after(entry), NOW_MS + 1)], NOW_MS + 1)
    assert.equal(signed(governanceStep(state, { type: 'tick' }, NOW_MS + 2), 'attestation').length, 0)
    assert.equal(signed(governanceStep(state, { type: 'tick' }, NOW_MS + 2 * DAY_MS), 'attestation').length, 1)
  })
})

describe('governance/renewal', () => {
  it('an enroller renews what it signed when a third of the time is left; another waits for a sixth', () => {
    const own = stateOf()
    give(own, [admit(MIA.id)])
    const at = (left: number) => NOW_MS + YEAR_MS * (1 - left)
    assert.equal(signed(governanceStep(own, { type: 'tick' }, at(0.4)), 'admission').length, 0)
    // Signed and not taken, as when the set is full: it is due at the next look, and not at once.
    assert.equal(signed(give(own, []), 'admission').length, 0)
    const [renewal] = signed(governanceStep(own, { type: 'tick' }, at(0.3)), 'admission')
    assert.ok(renewal?.type === 'sign' && renewal.kind === 'admission')
    assert.equal(renewal.body.notAfterMs - at(0.3), YEAR_MS)
    const other = stateOf(undefined, keyOf('other enroller').id)
    give(other, [admit(MIA.id), entryOn(GENESIS_PLACE, { kind: 'enrollers', add: [other.self], remove: [], keep: [] })])
    assert.equal(signed(governanceStep(other, { type: 'tick' }, at(0.3)), 'admission').length, 0)
    assert.equal(signed(governanceStep(other, { type: 'tick' }, at(0.1)), 'admission').length, 1)
  })

  it('who is admitted anew by another owner, or for other roles, is told of at once', () => {
    const state = stateOf(undefined, NED.id)
    give(state, [admit(MIA.id), admit(NED.id)])
    const isTold = (changes: Record<string, unknown>) =>
      give(state, [admit(MIA.id, changes)], NOW_MS + 9).some(({ type }) => type === 'roster')
    assert.equal(isTold({ notBeforeMs: NOW_MS - 1 }), false, 'older')
    assert.equal(isTold({ notBeforeMs: NOW_MS + 1 }), false, 'as it was')
    assert.equal(isTold({ notBeforeMs: NOW_MS + 2, owner: 'bob' }), true)
    assert.equal(isTold({ notBeforeMs: NOW_MS + 3, owner: 'bob', roles: ['worker'] }), true)
  })

  it('nobody is told of as gone before its time is over, and then it is', () => {
    const state = stateOf(undefined, keyOf('someone').id)
    give(state, [admit(MIA.id), admit(ENROLLER.id, { notAfterMs: NOW_MS + DAY_MS })])
    assert.ok(!governanceStep(state, { type: 'tick' }, NOW_MS + DAY_MS - 1).some(({ type }) => type === 'roster'))
    const gone = governanceStep(state, { type: 'tick' }, NOW_MS + DAY_MS).find(({ type }) => type === 'roster')
    assert.deepEqual(gone?.type === 'roster' && gone.left, [ENROLLER.id])
  })
})
