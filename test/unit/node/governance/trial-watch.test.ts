/** Who watches the canaries of a trial says something of them only where its word counts. */
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { configurationOn } from '../../../../src/governance/configuration.ts'
import { TrialWatch } from '../../../../src/node/governance/trial-watch.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { SILENT } from '../../../../src/util/logger.ts'
import { admit, entryOn, GENESIS_PLACE, MIA, NED, NOW_MS, revoke } from '../../governance/fixtures.ts'
import { governorOf } from './governor-of.ts'

const BEFORE = { settings: {}, overridable: [] }
const trial = { canaries: [MIA.id], forMs: 60_000, witnesses: 1, before: BEFORE }
const TRIED = entryOn(GENESIS_PLACE, { kind: 'config', settings: { 'bids.ask': '9' }, overridable: [], trial })

/** A canary that has been well for the whole trial, and what came of that. */
function wordsOf(isExpelled: boolean): readonly unknown[] {
  const clock = manualClock(NOW_MS)
  const taken: unknown[] = []
  const governor = governorOf({ clock })
  governor.take([admit(MIA.id), admit(NED.id), TRIED])
  const topology = { brake: undefined, members: new Map() } as never
  const watch = new TrialWatch({ mesh: { self: MIA.id, topology }, clock, log: SILENT, governor, signer: MIA })
  watch.follow(configurationOn(governor.state!))
  if (isExpelled) governor.take([revoke(MIA.id)])
  const take = governor.take.bind(governor)
  governor.take = (statements) => (taken.push(...statements.map(({ body }) => body)), take(statements))
  clock.advance(61_000)
  mock.timers.tick(61_000)
  watch.stop()
  return taken
}

describe('the watch of a trial', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
  afterEach(() => mock.timers.reset())

  it('says that a canary is well, as a member', () => {
    const [word, ...more] = wordsOf(false) as { node: string; about: string; well: boolean }[]
    assert.deepEqual([word?.node, word?.about, word?.well, more], [MIA.id, MIA.id, true, []])
  })

  it('says nothing where it is none any more', () => {
    assert.deepEqual(wordsOf(true), [])
  })
})
