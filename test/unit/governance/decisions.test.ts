import assert from 'node:assert/strict'
import { stateHash } from '../../../src/governance/authority.ts'
import type { GovernanceState } from '../../../src/governance/state.ts'
import { GOVERNANCE_LIMITS } from '../../../src/model/governance.ts'
import { STATEMENT_MAX_BYTES } from '../../../src/wire/limits.ts'
import { makeStatement } from '../../../src/wire/statement.ts'
import {
  after,
  ANN,
  BEN,
  CAT,
  clusterOf,
  entryOn,
  fateOf,
  GENESIS_PLACE,
  give,
  keyOf,
  NOW_MS,
  RESCUE,
  someChange,
  stateOf,
} from './fixtures.ts'

const policy = (text: string) => ({ kind: 'policy', text })
const textIn = ({ log }: GovernanceState) => log.authority.policies.cluster?.text

describe('governance: what the admins decide lets run', () => {
  it('is what the newest entry of the chain says, by enough of them', () => {
    const state = stateOf()
    const one = entryOn(GENESIS_PLACE, policy('one'))
    assert.equal(fateOf(state, entryOn(GENESIS_PLACE, policy('none'), [ANN])), 'too-few-signatures')
    assert.equal(textIn(state), undefined)
    assert.equal(fateOf(state, one), 'applied')
    assert.deepEqual(state.log.authority.policies.cluster, { hash: one.hash, version: 1, text: 'one' })
    const two = entryOn(after(one), policy('two'))
    give(state, [entryOn(after(two), someChange(1)), two])
    assert.deepEqual(state.log.authority.policies.cluster, { hash: two.hash, version: 2, text: 'two' })
    assert.equal(fateOf(state, one), 'known', 'an older version never comes back')
    assert.equal(textIn(state), 'two')
  })

  it('is for the cluster and for the network apart: neither takes the place of the other', () => {
    const state = stateOf()
    const own = entryOn(GENESIS_PLACE, policy('own'))
    const shared = entryOn(after(own), { kind: 'network-policy', text: 'shared' })
    assert.equal(fateOf(state, own), 'applied')
    assert.equal(fateOf(state, entryOn(after(own), { kind: 'network-policy', text: 'x' }, [ANN])), 'too-few-signatures')
    const before = stateHash(state.log.authority)
    assert.equal(fateOf(state, shared), 'applied')
    assert.notEqual(stateHash(state.log.authority), before)
    const { cluster, network } = state.log.authority.policies
    assert.deepEqual(
      [cluster, network],
      [
        { hash: own.hash, version: 1, text: 'own' },
        { hash: shared.hash, version: 1, text: 'shared' },
      ],
    )
  })

  it('goes back to what held before a fork, and on with what the recovery keys let stand', () => {
    const state = stateOf()
    const one = entryOn(GENESIS_PLACE, policy('one'))
    const lax = entryOn(after(one), policy('lax'), [ANN, BEN])
    const strict = entryOn(after(one), policy('strict'), [BEN, CAT])
    give(state, [one, lax])
    assert.equal(textIn(state), 'lax')
    give(state, [strict])
    assert.ok(state.log.fork !== undefined)
    assert.equal(textIn(state), 'one')
    const recovered = entryOn(after(one), { kind: 'recover', admins: { keys: [CAT.id], threshold: 1 } }, [RESCUE])
    assert.equal(fateOf(state, recovered), 'applied')
    assert.deepEqual([state.log.fork, textIn(state)], [undefined, 'one'])
    assert.equal(fateOf(state, entryOn(after(recovered), policy('new'), [CAT])), 'applied')
    assert.equal(textIn(state), 'new')
  })

  it('fits into an entry with the signatures of sixteen admins, and a longer one is no change', () => {
    const admins = Array.from({ length: GOVERNANCE_LIMITS.keys }, (_, i) => keyOf(`admin ${i}`))
    const cluster = clusterOf({ admins: { keys: admins.map(({ id }) => id), threshold: 9 } })
    const state = stateOf(cluster)
    const place = { height: 0, head: cluster.id }
    const most = 'x'.repeat(GOVERNANCE_LIMITS.policyBytes)
    const full = entryOn(place, policy(most), admins, cluster.id)
    assert.ok(full.bytes.length < STATEMENT_MAX_BYTES.entry)
    assert.equal(fateOf(state, entryOn(place, policy(`${most}x`), admins, cluster.id)), 'malformed')
    assert.equal(state.log.halted, undefined, 'it is no entry of the future')
    assert.equal(fateOf(state, full), 'applied')
    const body = {
      cluster: cluster.id,
      height: 1,
      parent: cluster.id,
      atMs: NOW_MS,
      change: policy('x'.repeat(66_000)),
    }
    assert.throws(() => makeStatement('entry', body, []), { code: 'too-large' })
  })

  it('is part of what a checkpoint says; without any, checkpoints are what they were', () => {
    const state = stateOf()
    const before = stateHash(state.log.authority)
    // As versions said that knew of no policy: logs have checkpoints of theirs.
    assert.equal(before, 'ab31cdae6dbc9907c7f6015c9b6513dcc175cd8bd7c02a885796584ca4f10c95')
    const one = entryOn(GENESIS_PLACE, policy('one'))
    give(state, [one])
    assert.notEqual(stateHash(state.log.authority), before)
    assert.equal(fateOf(state, entryOn(after(one), { kind: 'checkpoint', state: before })), 'state-differs')
    const now = stateHash(state.log.authority)
    assert.equal(fateOf(state, entryOn(after(one), { kind: 'checkpoint', state: now })), 'applied')
  })
})
