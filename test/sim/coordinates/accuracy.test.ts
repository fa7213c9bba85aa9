import assert from 'node:assert/strict'
import { seededRng } from '../../../src/util/rng.ts'
import { measureCoordinates, measureReturn } from './accuracy.ts'
import { makeMatrix } from './matrix.ts'

const SIZE = 50

describe('simulator of coordinates', function () {
  this.timeout(120_000)

  it('the round trips are as far apart as the published ones', () => {
    const { sites, usualMs } = makeMatrix(200, seededRng(1))
    assert.equal(new Set(sites.map(({ region }) => region)).size, 3)
    assert.equal(new Set(sites.map(({ zone }) => zone)).size, 9)
    const far = sites.findIndex(({ region }) => region !== sites[0]!.region)
    const near = sites.findIndex(({ zone }, i) => i > 0 && zone === sites[0]!.zone)
    assert.ok(usualMs(0, far) > 60 && usualMs(0, far) < 260, `${usualMs(0, far)}`)
    assert.ok(usualMs(0, near) > 0.2 && usualMs(0, near) < 5, `${usualMs(0, near)}`)
  })

  it(`half of all pairs of ${SIZE} are expected to within 15 % after two minutes`, () => {
    const [line] = measureCoordinates({ seed: 1, size: SIZE }, [120_000])
    assert.ok(line!.all.p50 <= 0.15, JSON.stringify(line))
    const [later] = measureCoordinates({ seed: 2, size: SIZE, loss: 0.25 }, [300_000])
    assert.ok(later!.all.p50 <= 0.15 && later!.nearMs < 2, JSON.stringify(later))
  })

  it('those who start anew are placed within ten seconds', () => {
    const [line] = measureReturn({ seed: 1, size: SIZE, settleMs: 300_000, returning: 5 }, [10_000])
    assert.ok(line!.all.p50 <= 0.15, JSON.stringify(line))
  })

  it('one liar in ten does not move the others', () => {
    const [line] = measureCoordinates({ seed: 1, size: SIZE, liars: 0.1 }, [300_000])
    assert.ok(line!.all.p50 <= 0.15, JSON.stringify(line))
  })
})
