import assert from 'node:assert/strict'
import type { StoryLine, WhyView } from '../../../src/model/why-view.ts'
import { rounds, summarize } from '../../../web/src/story.ts'

const node = { node: 'peer-a', nodeName: 'a' }
const resources = { cpuMilli: 0, memoryBytes: 0 }
const bid = (offerId: string, bidId: string, atMs: number): StoryLine => ({
  kind: 'bid',
  atMs,
  offerId,
  ...node,
  bidId,
  slots: 1,
  terms: { freeAfter: resources, capacity: resources, cpuRatio: 0, running: 0, warm: false, startEtaMs: 0 },
  rank: { score: 1, terms: {} },
  proof: '',
})
const story: StoryLine[] = [
  { kind: 'offered', atMs: 10, offerId: 'o1', slots: 1, asked: ['peer-a', 'peer-b'] },
  { kind: 'not-asked', atMs: 10, offerId: 'o1', node: 'peer-c', nodeName: 'c', reason: 'selector' },
  { kind: 'offered', atMs: 500, offerId: 'o2', slots: 1, asked: ['peer-a'] },
  // Late: the first round's second node is given up while the second round runs.
  { kind: 'unreachable', atMs: 520, offerId: 'o1', node: 'peer-b', nodeName: 'b', reason: 'timeout' },
  bid('o2', 'b1', 505),
  { kind: 'released', atMs: 506, offerId: 'o2', ...node, bidId: 'b2' },
  { kind: 'awarded', atMs: 506, offerId: 'o2', ...node, bidId: 'b1', slots: 1 },
  bid('o2', 'b2', 504),
]
const attempts: WhyView['attempts'] = [
  {
    attempt: 1,
    ...node,
    bidId: 'b1',
    awardedAtMs: 506,
    contractedAtMs: 508,
    startedAtMs: 508,
    endedAtMs: 900,
    outcome: 'ended',
  },
]

describe('web: story', () => {
  it('groups by offer, however late a line came, and puts each round in order', () => {
    const [first, second] = rounds({ story, attempts })
    assert.deepEqual(
      first?.lines.map(({ kind }) => kind),
      ['not-asked', 'unreachable'],
    )
    assert.deepEqual(
      second?.lines.map(({ kind }) => kind),
      ['bid', 'bid', 'awarded', 'released', 'contract', 'started', 'ended'],
    )
    assert.equal(second?.offer?.asked.length, 1)
  })

  it('knows which bid was chosen and what each round came to', () => {
    const [first, second] = rounds({ story, attempts })
    assert.deepEqual([...(second?.awardedBidIds ?? [])], ['b1'])
    assert.equal(summarize(first!), '1 unreachable · 1 not asked')
    assert.equal(summarize(second!), '2 bids')
    assert.equal(summarize({ ...second!, lines: [] }), 'no answer yet')
  })

  it('counts a bid as chosen that was awarded for another task of the same job', () => {
    const [round] = rounds({ story: story.filter(({ offerId }) => offerId === 'o2'), attempts: [] })
    assert.deepEqual([...(round?.awardedBidIds ?? [])], ['b1'])
  })

  it('folds rounds that went alike into the last of them', () => {
    const round = (offerId: string, atMs: number, reason: string): StoryLine[] => [
      { kind: 'offered', atMs, offerId, slots: 1, asked: ['peer-a'] },
      { kind: 'unreachable', atMs: atMs + 3, offerId, ...node, reason },
    ]
    const waiting = [
      ...round('o1', 0, 'x'),
      ...round('o2', 500, 'x'),
      ...round('o3', 900, 'x'),
      ...round('o4', 950, 'y'),
    ]
    assert.deepEqual(
      rounds({ story: waiting, attempts: [] }).map(({ number, repeats }) => [number, repeats]),
      [
        [3, 2],
        [4, 0],
      ],
    )
    const bids = [...round('o1', 0, 'x'), bid('o1', 'b1', 4), ...round('o2', 500, 'x'), bid('o2', 'b2', 505)]
    assert.equal(rounds({ story: bids, attempts: [] }).length, 2)
  })

  it('keeps an attempt whose round was dropped from a long story', () => {
    const [only] = rounds({ story: [], attempts })
    assert.equal(only?.offer, undefined)
    assert.deepEqual(
      only?.lines.map(({ kind }) => kind),
      ['contract', 'started', 'ended'],
    )
  })
})
