import assert from 'node:assert/strict'
import { counterpart, parseRoute, pathIn } from '../../../web/src/address.ts'

describe('web: address', () => {
  it('reads view and cluster from an address; what it does not know leads to the first view', () => {
    const cases = [
      ['', { view: 'mesh' }],
      ['#/', { view: 'mesh' }],
      ['#/map', { view: 'map' }],
      ['#/nodes/a%2Fb', { view: 'node', id: 'a/b' }],
      ['#/tasks/%', { view: 'task', id: '%' }],
      ['#/nothing', { view: 'mesh' }],
      ['#/clusters', { view: 'mesh' }],
      ['#/clusters/', { view: 'mesh' }],
      ['#/clusters/partners', { view: 'mesh', cluster: 'partners' }],
      ['#/clusters/partners/', { view: 'mesh', cluster: 'partners' }],
      ['#/clusters/partners/tasks/t1', { view: 'task', id: 't1', cluster: 'partners' }],
      ['#/clusters/partners/nothing', { view: 'mesh', cluster: 'partners' }],
    ] as const
    for (const [hash, wanted] of cases) assert.deepEqual(parseRoute(hash), wanted, hash)
  })

  it('writes addresses that it reads', () => {
    assert.equal(pathIn(undefined), '#/')
    assert.equal(pathIn('partners', 'tasks'), '#/clusters/partners/tasks')
    for (const cluster of ['partners', 'a/b', '%'])
      assert.deepEqual(parseRoute(pathIn(cluster, 'nodes/n')), { view: 'node', id: 'n', cluster })
  })

  it('leads to the same view of another cluster, and from what only this one has to the list of its kind', () => {
    assert.equal(counterpart({ view: 'map' }, 'partners'), '#/clusters/partners/map')
    assert.equal(counterpart({ view: 'tasks', cluster: 'partners' }, undefined), '#/tasks')
    assert.equal(counterpart({ view: 'task', id: 't', cluster: 'partners' }, 'third'), '#/clusters/third/tasks')
    assert.equal(counterpart({ view: 'node', id: 'n' }, 'third'), '#/clusters/third/')
  })
})
