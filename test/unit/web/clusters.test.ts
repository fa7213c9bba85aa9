import assert from 'node:assert/strict'
import type { ClusterPlaceView } from '../../../src/model/cluster-place.ts'
import { agreedIn, commandIn, isShown } from '../../../web/src/clusters.ts'

const place = (name: string, sha256?: string): ClusterPlaceView => ({
  name,
  first: name === 'home',
  ...(sha256 !== undefined && { networkPolicy: { name: 'treaty', sha256 } }),
})

describe('web: clusters', () => {
  it('names the other clusters in which the same text was signed; that two have none is no agreement', () => {
    const all = [place('home', 'aa'), place('partners', 'aa'), place('third', 'bb'), place('fourth'), place('fifth')]
    assert.deepEqual(
      all.map((one) => agreedIn(one, all)),
      [['partners'], ['home'], [], [], []],
    )
  })

  it('knows which cluster is shown, by its name or because none is named', () => {
    assert.equal(isShown(place('home'), undefined), true)
    assert.equal(isShown(place('home'), 'home'), true)
    assert.equal(isShown(place('home'), 'partners'), false)
    assert.equal(isShown(place('partners'), undefined), false)
    assert.equal(isShown(place('partners'), 'partners'), true)
  })

  it('writes command lines about the cluster that is shown', () => {
    assert.equal(commandIn(undefined, 'run', '-- true'), 'althing run -- true')
    assert.equal(commandIn('partners', 'run', '-- true'), 'althing run --in partners -- true')
    assert.equal(commandIn('partners', 'invite'), 'althing invite --in partners')
  })
})
