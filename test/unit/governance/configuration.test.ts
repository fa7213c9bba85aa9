import assert from 'node:assert/strict'
import { configurationOn, versionAt } from '../../../src/governance/configuration.ts'
import { stateHash } from '../../../src/governance/authority.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceState } from '../../../src/governance/state.ts'
import { wordsDue, type TrialFacts } from '../../../src/governance/trials.ts'
import { GOVERNANCE_LIMITS } from '../../../src/model/governance.ts'
import { CONFIGURATION_LIMITS } from '../../../src/model/settings.ts'
import { STATEMENT_MAX_BYTES } from '../../../src/wire/limits.ts'
import type { StatementSigner, VerifiedStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  after,
  ANN,
  ENROLLER,
  entryOn,
  fateOf,
  GENESIS_PLACE,
  give,
  keyOf,
  NOW_MS,
  revoke,
  rotate,
  stateOf,
  wordOf,
} from './fixtures.ts'

const [CLEO, DORA, EVE, FINN] = ['cleo', 'dora', 'eve', 'finn'].map(keyOf) as [
  StatementSigner,
  StatementSigner,
  StatementSigner,
  StatementSigner,
]
const BEFORE = { settings: { 'bids.ask': '3' }, overridable: [] }
const AFTER = { settings: { 'bids.ask': '9' }, overridable: [] }
const trial = { canaries: [CLEO.id, DORA.id], forMs: 60_000, witnesses: 2, before: BEFORE }
const TRIED = entryOn(GENESIS_PLACE, { kind: 'config', ...AFTER, trial })
const MEMBERS = [CLEO, DORA, EVE, FINN].map(({ id }) => admit(id))

function clusterAt(...statements: readonly VerifiedStatement[]): GovernanceState {
  const state = stateOf()
  give(state, [...MEMBERS, TRIED, ...statements])
  return state
}

const word = (by: StatementSigner, about: StatementSigner, well: boolean, atMs = NOW_MS) =>
  wordOf(by, TRIED.hash, about.id, well, atMs)
const stageOf = (...words: readonly VerifiedStatement[]) => configurationOn(clusterAt(...words))?.stage

describe('governance/configuration', () => {
  it('holds on all without a trial; with one its canaries begin and elsewhere what was before goes on', () => {
    const state = stateOf()
    assert.equal(configurationOn(state), undefined)
    const one = entryOn(GENESIS_PLACE, { kind: 'config', ...BEFORE })
    give(state, [...MEMBERS, one])
    assert.deepEqual(configurationOn(state, EVE.id)?.holds, BEFORE)
    const two = entryOn(after(one), { kind: 'config', ...AFTER, trial })
    give(state, [two])
    assert.deepEqual(configurationOn(state, CLEO.id)?.holds, AFTER)
    const elsewhere = configurationOn(state, EVE.id)!
    assert.deepEqual([elsewhere.holds, elsewhere.stage, elsewhere.decided.version], [BEFORE, 'trial', 2])
  })

  it('holds on all when each canary that is still a member has said itself that it is well', () => {
    assert.equal(stageOf(word(CLEO, CLEO, true)), 'trial')
    assert.equal(stageOf(word(CLEO, CLEO, true), word(DORA, DORA, true)), 'promoted')
    const gone = clusterAt(word(CLEO, CLEO, true), revoke(DORA.id))
    assert.equal(configurationOn(gone)?.stage, 'promoted', 'nobody waits for one that is expelled')
    const none = clusterAt(revoke(CLEO.id), revoke(DORA.id))
    assert.equal(configurationOn(none)?.stage, 'trial', 'nobody has tried it')
    const state = clusterAt()
    assert.equal(fateOf(state, word(EVE, CLEO, true)), 'wrong-signers', 'another cannot say it')
    assert.equal(fateOf(state, wordOf(EVE, TRIED.hash, EVE.id, true)), 'void', 'one that is no canary')
    assert.equal(fateOf(state, wordOf(keyOf('stranger'), TRIED.hash, CLEO.id, false)), 'waiting')
    assert.equal(fateOf(state, wordOf(CLEO, 'f'.repeat(64), CLEO.id, true)), 'waiting', 'of an entry that is not here')
  })

  it('is given up on all by one word of a canary on itself, or by as many others as must say it', () => {
    assert.equal(stageOf(word(CLEO, CLEO, false)), 'rolled-back')
    assert.equal(stageOf(word(EVE, CLEO, false)), 'trial')
    assert.equal(stageOf(word(EVE, CLEO, false), word(FINN, DORA, false)), 'trial', 'each is of another canary')
    assert.equal(stageOf(word(EVE, CLEO, false), word(FINN, CLEO, false)), 'rolled-back')
    const late = clusterAt(word(CLEO, CLEO, true), word(DORA, DORA, true), word(CLEO, CLEO, false))
    assert.equal(configurationOn(late)?.stage, 'rolled-back', 'what is worse goes before what is better')
    assert.deepEqual(configurationOn(late, CLEO.id)?.holds, BEFORE)
    assert.equal(fateOf(late, word(CLEO, CLEO, true, NOW_MS + 5)), 'stale', 'and is not taken back')
  })

  it('does not come undone when those who said so are expelled, leave, or have another key', () => {
    const well = [word(CLEO, CLEO, true), word(DORA, DORA, true)]
    const byItself = [word(CLEO, CLEO, false)]
    const byOthers = [word(EVE, CLEO, false), word(FINN, CLEO, false)]
    for (const [stage, words] of [
      ['promoted', well],
      ['rolled-back', byItself],
      ['rolled-back', [...well, ...byItself]],
      ['rolled-back', byOthers],
    ] as const) {
      const leave = (key: StatementSigner) => revoke(key.id, key)
      const change = (key: StatementSigner) => rotate(key, keyOf(`later ${key.id}`))
      for (const goes of [(key: StatementSigner) => revoke(key.id), leave, change]) {
        const state = clusterAt(...words, goes(CLEO))
        assert.equal(configurationOn(state)?.stage, stage)
        give(state, [DORA, EVE, FINN].map(goes))
        assert.equal(state.roster.members.has(CLEO.id) || state.roster.members.has(EVE.id), false)
        assert.equal(configurationOn(state)?.stage, stage)
      }
    }
    const stranger = keyOf('stranger')
    const never = clusterAt(revoke(stranger.id), wordOf(stranger, TRIED.hash, CLEO.id, false), word(EVE, CLEO, false))
    assert.equal(configurationOn(never)?.stage, 'trial', 'one that never was a member')
  })

  it('comes to the same whatever the order of what was signed', () => {
    const words = [word(CLEO, CLEO, true), word(EVE, CLEO, false), word(FINN, CLEO, false), word(DORA, DORA, true)]
    const all = [TRIED, ...MEMBERS, ...words, word(EVE, CLEO, false, NOW_MS + 9), revoke(FINN.id)]
    const seen = new Set<string>()
    for (let turn = 0; turn < all.length; turn++) {
      const state = stateOf()
      for (const one of [...all.slice(turn), ...all.slice(0, turn)].toReversed()) give(state, [one])
      const { stage, holds, words: counted } = configurationOn(state)!
      const held = [...state.canaryWords.values()].map(({ statement }) => statement.hash).toSorted()
      seen.add(JSON.stringify([stage, holds, counted.length, held]))
    }
    assert.equal(seen.size, 1, [...seen].join('\n'))
  })

  it('is replaced by the next entry, whatever was said of the one before', () => {
    const state = clusterAt(word(CLEO, CLEO, false))
    const promoted = entryOn(after(TRIED), { kind: 'config', ...AFTER })
    const hash = stateHash(state.log.authority)
    give(state, [promoted])
    assert.notEqual(stateHash(state.log.authority), hash)
    assert.deepEqual([configurationOn(state)?.stage, configurationOn(state)?.holds], ['everywhere', AFTER])
    assert.equal(fateOf(stateOf(), entryOn(GENESIS_PLACE, { kind: 'config', ...AFTER }, [ANN])), 'too-few-signatures')
  })

  it('fits into an entry, and no key beyond the caps is a change', () => {
    const letter = (i: number) => String.fromCharCode(97 + i)
    const key = (i: number) => `${'k'.repeat(50)}.${letter(i % 26)}${letter(Math.floor(i / 26))}`
    const many = (count: number) => ({
      settings: Object.fromEntries(Array.from({ length: count }, (_, i) => [key(i), 'v'.repeat(64)])),
      overridable: Array.from({ length: count }, (_, i) => key(i)),
    })
    const canaries = Array.from({ length: CONFIGURATION_LIMITS.canaries }, (_, i) => keyOf(`canary ${i}`).id)
    const most = many(CONFIGURATION_LIMITS.settings)
    const share = { selector: 'z'.repeat(CONFIGURATION_LIMITS.selectorLength), percent: 50, of: 2 * canaries.length }
    const largest = { ...trial, canaries, before: most, share }
    const full = entryOn(GENESIS_PLACE, { kind: 'config-share', ...most, trial: largest })
    assert.ok(full.bytes.length < STATEMENT_MAX_BYTES.entry, `${full.bytes.length} bytes`)
    const over = entryOn(GENESIS_PLACE, { kind: 'config', ...many(CONFIGURATION_LIMITS.settings + 1) })
    assert.equal(fateOf(stateOf(), over), 'malformed')
    const state = stateOf()
    const spiteful = { kind: 'config', settings: { '__proto__.x': '1' }, overridable: [] }
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, spiteful)), 'malformed')
    assert.equal(fateOf(state, full), 'applied')
  })

  it('is tried by a share as by nodes that are named; what is no such share is no change, nor one in `config`', () => {
    const share = { selector: 'zone=attic', percent: 25, of: 5 }
    const shared = entryOn(GENESIS_PLACE, { kind: 'config-share', ...AFTER, trial: { ...trial, share } })
    const state = stateOf()
    give(state, [...MEMBERS, shared])
    assert.deepEqual(configurationOn(state, CLEO.id)?.holds, AFTER)
    assert.deepEqual(configurationOn(state)?.holds, BEFORE)
    assert.deepEqual([versionAt(state, shared.hash), versionAt(state, 'f'.repeat(64))], [1, undefined])
    give(
      state,
      [CLEO, DORA].map((by) => wordOf(by, shared.hash, by.id, true)),
    )
    assert.deepEqual([configurationOn(state)?.stage, configurationOn(state)?.holds], ['promoted', AFTER])
    for (const change of [
      { kind: 'config', ...AFTER, trial: { ...trial, share } },
      { kind: 'config-share', ...AFTER, trial },
      { kind: 'config-share', ...AFTER, trial: { ...trial, share: { ...share, of: 9 } } },
      { kind: 'config-share', ...AFTER, trial: { ...trial, share: { ...share, percent: 0 } } },
    ])
      assert.equal(fateOf(stateOf(), entryOn(GENESIS_PLACE, change)), 'malformed')
  })

  it('is the same after a restart, in whatever order more words than may wait were stored', () => {
    const many = Array.from({ length: GOVERNANCE_LIMITS.waiting + 8 }, (_, i) => keyOf(`member ${i}`))
    const said = [word(CLEO, CLEO, false), ...many.map((by) => wordOf(by, TRIED.hash, CLEO.id, false))]
    const statements = [TRIED, ...said, ...MEMBERS, ...many.map(({ id }) => admit(id))]
    const state = stateOf()
    governanceStep(state, { type: 'restore', statements, tickets: new Map() }, NOW_MS)
    assert.equal(configurationOn(state)?.words.length, said.length)
  })

  it('holds no more words than it may: those on the oldest trial go for a newer one', () => {
    const canaries = Array.from({ length: CONFIGURATION_LIMITS.canaries }, (_, i) => keyOf(`canary ${i}`).id)
    const first = entryOn(GENESIS_PLACE, { kind: 'config', ...AFTER, trial: { ...trial, canaries } })
    const second = entryOn(after(first), { kind: 'config', ...BEFORE, trial: { ...trial, canaries } })
    const state = stateOf()
    give(state, [admit(EVE.id), first, second])
    const filler = wordOf(EVE, first.hash, canaries[0]!, false)
    for (let i = 0; i < CONFIGURATION_LIMITS.words; i++) {
      const body = filler.body as { entry: string }
      state.canaryWords.set(`${i}`, { body: { ...body, node: `${i}` } as never, statement: filler })
    }
    assert.equal(fateOf(state, wordOf(EVE, first.hash, canaries[1]!, false)), 'full')
    assert.equal(fateOf(state, wordOf(EVE, second.hash, canaries[1]!, false)), 'taken')
    assert.equal(state.canaryWords.size, 1)
  })
})

describe('governance/trials', () => {
  const FACTS: TrialFacts = {
    self: CLEO.id,
    nowMs: 1_000,
    trial,
    sinceMs: 1_000,
    runs: { ended: 0, failed: 0 },
    cutOff: false,
    away: new Map(),
  }
  const said = (facts: Partial<TrialFacts>) =>
    wordsDue({ ...FACTS, ...facts }).map(({ about, well }) => [about === CLEO.id ? 'cleo' : 'dora', well])

  it('a canary is well after the time of the trial, and unwell when it is cut off or runs fail by it', () => {
    assert.deepEqual(said({ nowMs: 60_999 }), [])
    assert.deepEqual(said({ nowMs: 61_000 }), [['cleo', true]])
    assert.deepEqual(said({ nowMs: 61_000, self: EVE.id }), [])
    assert.deepEqual(said({ cutOff: true }), [['cleo', false]])
    assert.deepEqual(said({ runs: { ended: 2, failed: 2 } }), [])
    assert.deepEqual(said({ runs: { ended: 6, failed: 3 } }), [])
    assert.deepEqual(said({ runs: { ended: 5, failed: 3 }, nowMs: 61_000 }), [['cleo', false]])
  })

  it('one that is gone for longer than a restart takes is told by others, but by none that is cut off itself', () => {
    const away = new Map([[DORA.id, 1_000]])
    assert.deepEqual(said({ away, self: EVE.id, nowMs: 20_999 }), [])
    assert.deepEqual(said({ away, self: EVE.id, nowMs: 21_000 }), [['dora', false]])
    assert.deepEqual(said({ away, self: EVE.id, nowMs: 21_000, cutOff: true }), [])
    const short = { ...trial, forMs: 4_000 }
    assert.deepEqual(said({ away, self: EVE.id, nowMs: 3_000, trial: short }), [['dora', false]])
    assert.deepEqual(said({ away: new Map([[EVE.id, 0]]), self: FINN.id, nowMs: 50_000 }), [], 'it is no canary')
    assert.deepEqual(said({ away: new Map([[ENROLLER.id, 0]]), nowMs: 50_000 }), [])
  })
})
