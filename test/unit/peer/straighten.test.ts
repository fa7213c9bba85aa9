/** When links that a relay carries are tried directly. */
import { strict as assert } from 'node:assert'
import { mock } from 'node:test'
import type { Connection } from '@libp2p/interface'
import { Straighten } from '../../../src/peer/reach/straighten.ts'

describe('peer/straighten', () => {
  let punches: number
  let straighten: Straighten
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] })
    punches = 0
    straighten = new Straighten({
      places: () => [],
      reaches: () => Promise.resolve(false),
      punch: () => {
        punches += 1
        return Promise.resolve(false)
      },
      dialAnew: () => {},
    })
  })
  afterEach(() => {
    straighten.stop()
    mock.timers.reset()
  })

  /** Lets so much time pass; what is awaited in between settles. */
  const pass = async (ms: number) => {
    for (let atMs = 0; atMs < ms; atMs += 1_000) {
      mock.timers.tick(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('tries to make a hole thrice within half a minute, and then every few minutes', async () => {
    straighten.onUp('left', { direction: 'inbound' } as Connection)
    await pass(30_000)
    assert.equal(punches, 3)
    await pass(3 * 60_000)
    assert.equal(punches, 3)
    // Five minutes and a quarter more at most since the third; two such pauses are longer than this.
    await pass(190_000)
    assert.equal(punches, 4)
  })

  it('leaves that to the side that was dialled', async () => {
    straighten.onUp('left', { direction: 'outbound' } as Connection)
    await pass(20 * 60_000)
    assert.equal(punches, 0)
  })

  it('begins anew when the machine has another place in the network, and ends with the link', async () => {
    straighten.onUp('left', { direction: 'inbound' } as Connection)
    await pass(30_000)
    straighten.retry()
    await pass(30_000)
    assert.equal(punches, 6)
    straighten.onDown('left')
    await pass(20 * 60_000)
    assert.equal(punches, 6)
  })
})
