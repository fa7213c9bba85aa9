import assert from 'node:assert/strict'
import { formerOf } from '../../../src/cli/config/decide.ts'
import { configurationOn } from '../../../src/governance/configuration.ts'
import { versionsOf } from '../../../src/node/governance/configuration.ts'
import type { Configuration } from '../../../src/model/configuration.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { admit, after, entryOn, GENESIS_PLACE, give, keyOf, stateOf, wordOf } from '../governance/fixtures.ts'

const [CLEO, EVE] = [keyOf('cleo'), keyOf('eve')]
const NOTHING: Configuration = { settings: {}, overridable: [] }
const asking = (nodes: number) => ({ settings: { 'bids.ask': String(nodes) }, overridable: [] })
const trial = (before: Configuration) => ({ canaries: [CLEO.id], forMs: 60_000, witnesses: 1, before })

type Decision = { readonly asks: number; readonly tried?: 'well' | 'unwell' | 'still' }

/** A cluster in which one after the other was decided, and what a member of it lists, the newest first. */
function clusterOf(...decisions: readonly Decision[]) {
  const state = stateOf()
  give(
    state,
    [CLEO, EVE].map(({ id }) => admit(id)),
  )
  let place = GENESIS_PLACE
  let before: Configuration = NOTHING
  for (const { asks, tried } of decisions) {
    const change = { kind: 'config', ...asking(asks), ...(tried && { trial: trial(before) }) }
    const entry: VerifiedStatement = entryOn(place, change)
    give(state, [entry])
    if (tried === 'well' || tried === 'unwell') give(state, [wordOf(CLEO, entry.hash, CLEO.id, tried === 'well')])
    before = configurationOn(state, EVE.id)!.holds
    place = after(entry)
  }
  const versions = versionsOf(state).toReversed()
  return { stages: versions.map(({ stage }) => stage), versions, everywhere: before }
}

function rolledBack(...decisions: readonly Decision[]): string | undefined {
  const { versions, everywhere } = clusterOf(...decisions)
  return formerOf(versions, everywhere).settings['bids.ask']
}

describe('cli/config/decide', () => {
  it('what became of a version stays known when the next is decided upon', () => {
    const last: Decision = { asks: 9 }
    assert.deepEqual(clusterOf({ asks: 4 }, last).stages, ['everywhere', 'replaced'])
    assert.deepEqual(clusterOf({ asks: 4, tried: 'well' }, last).stages, ['everywhere', 'replaced'])
    assert.deepEqual(clusterOf({ asks: 4, tried: 'unwell' }, last).stages, ['everywhere', 'rolled-back'])
    assert.deepEqual(clusterOf({ asks: 4, tried: 'still' }, last).stages, ['everywhere', 'ended'])
    assert.deepEqual(clusterOf({ asks: 4, tried: 'still' }).stages, ['trial'])
  })

  it('rollback goes back to what held everywhere, never to what was given up or held nowhere', () => {
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'unwell' }, { asks: 6 }), '4')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'still' }, { asks: 6 }), '4')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'well' }, { asks: 6 }), '5')
    assert.equal(rolledBack({ asks: 5, tried: 'unwell' }, { asks: 6 }), undefined, 'the defaults')
  })

  it('rollback never proposes what holds already, but to end a trial', () => {
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'still' }, { asks: 5 }), '4', 'a trial that was promoted')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5 }, { asks: 5 }), '4')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'well' }), '4')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'still' }), '4')
    assert.equal(rolledBack({ asks: 4 }, { asks: 5, tried: 'unwell' }), '4')
    assert.throws(() => rolledBack(), { code: 'no-configuration' })
  })
})
