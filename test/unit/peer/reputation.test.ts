import { strict as assert } from 'node:assert'
import { Reputation } from '../../../src/peer/reputation.ts'

describe('peer: reputation', () => {
  it('turns a peer away at the fifth misdeed, for a minute', () => {
    let nowMs = 0
    const reputation = new Reputation(() => nowMs)
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => reputation.penalise('p')),
      [false, false, false, false, true, false],
    )
    assert.ok(reputation.isBanned('p'))
    assert.ok(!reputation.isBanned('q'))
    nowMs += 60_001
    assert.ok(!reputation.isBanned('p'))
  })

  it('halves with every minute', () => {
    let nowMs = 0
    const reputation = new Reputation(() => nowMs)
    for (let count = 0; count < 4; count += 1) reputation.penalise('p')
    nowMs = 120_000
    assert.equal(reputation.penalty('p'), 1)
    assert.equal(reputation.penalise('p'), false)
  })

  it('remembers a bounded number of peers, the banned longest', () => {
    const reputation = new Reputation(() => 0)
    for (let count = 0; count < 5; count += 1) reputation.penalise('bad')
    for (let index = 0; index < 3000; index += 1) reputation.penalise(`p${index}`)
    assert.ok(reputation.isBanned('bad'))
    assert.equal(reputation.penalty('p0'), 0)
    assert.equal(reputation.penalty('p2999'), 1)
  })
})
