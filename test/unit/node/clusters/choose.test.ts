import assert from 'node:assert/strict'
import type { QuoteView, StoryLine } from '../../../../src/model/why-view.ts'
import { bestOf } from '../../../../src/node/clusters/choose.ts'

const declined = (temporary: boolean): StoryLine => ({
  kind: 'declined',
  atMs: 0,
  offerId: 'o',
  node: 'n',
  nodeName: 'n',
  reasons: [{ constraint: 'cpu', wanted: '2', measured: '1', temporary }],
  wouldFit: { cpuMilli: 0, memoryBytes: 0 },
  proof: '',
})

describe('one of several clusters', () => {
  const chosen = (...quotes: Partial<QuoteView>[]): number => {
    const asked = quotes.map((quote, index) => ({ index, quote: { slots: 0, bestScore: 0, story: [], ...quote } }))
    return bestOf(asked).index
  }

  it('is where most of the tasks have a place, then where the best bid is, then the one named first', () => {
    assert.equal(chosen({ slots: 1, bestScore: 9 }, { slots: 2, bestScore: 1 }), 1)
    assert.equal(chosen({ slots: 1, bestScore: 1 }, { slots: 1, bestScore: 2 }), 1)
    assert.equal(chosen({ slots: 1, bestScore: 2 }, { slots: 1, bestScore: 2 }), 0)
    assert.equal(chosen({}, {}), 0)
  })

  it('is, where nobody bids, one in which it was only room that was lacking', () => {
    assert.equal(chosen({ story: [declined(false)] }, { story: [declined(true)] }), 1)
    assert.equal(chosen({ story: [declined(true)] }, { story: [declined(true)] }), 0)
  })
})
