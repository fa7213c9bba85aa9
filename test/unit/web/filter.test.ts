import assert from 'node:assert/strict'
import type { NodeView } from '../../../src/model/api.ts'
import { matchesTask, nodeFilter, shortCpuModel, zoneOf } from '../../../web/src/filter.ts'

const node: NodeView = {
  peerId: '12D3KooWabc',
  name: 'attic',
  self: false,
  state: 'ready',
  suspect: false,
  labels: { zone: 'roof', tier: 'web' },
  annotations: {},
  addresses: [],
  drivers: [],
  hardware: { cpu: { model: 'AMD Ryzen 9 7950X 16-Core Processor' } },
  capabilities: ['write_article'],
  passports: [],
  connected: true,
}

describe('web: filter', () => {
  it('finds nodes by words and by labels; all terms must hold', () => {
    const cases: readonly (readonly [string, boolean])[] = [
      ['', true],
      ['ATT', true],
      ['ryzen', true],
      ['write_art', true],
      ['cellar', false],
      ['zone=roof', true],
      ['zone==roof', true],
      ['zone=cellar', false],
      ['zone!=cellar', true],
      ['gpu!=a100', true],
      ['!gpu', true],
      ['!zone', false],
      ['zone=roof,tier=web attic', true],
      ['zone=roof ready offline', false],
    ]
    for (const [query, wanted] of cases) assert.equal(nodeFilter(query)(node), wanted, query)
  })

  it('does not choke on hardware of an unknown shape', () => {
    for (const hardware of [null, 3, [], { cpu: 7 }, { cpu: { model: {} } }]) {
      assert.equal(nodeFilter('ryzen')({ ...node, hardware }), false)
    }
  })

  it('shortens CPU models, reads zones, groups task states', () => {
    assert.equal(shortCpuModel('Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz'), 'Xeon E5-2680 v4')
    assert.equal(shortCpuModel('AMD Ryzen 9 7950X 16-Core Processor'), 'Ryzen 9 7950X')
    assert.equal(shortCpuModel('Intel(R) Xeon(R) Processor @ 2.50GHz'), 'Xeon 2.50GHz')
    assert.equal(shortCpuModel('Intel CPU'), 'Intel CPU')
    assert.equal(zoneOf(node), 'roof')
    assert.equal(zoneOf({ ...node, labels: { zone: 'a', 'topology.kubernetes.io/zone': 'b' } }), 'b')
    assert.equal(matchesTask('failed', 'timed-out'), true)
    assert.equal(matchesTask('waiting', 'running'), false)
    assert.equal(matchesTask('all', 'running'), true)
  })
})
