/** Finding out how a peer is reached, by what its neighbours say and when they say it. */
import { strict as assert } from 'node:assert'
import type { Connection } from '@libp2p/interface'
import { Reachability } from '../../../src/peer/reach/reachability.ts'

describe('peer/reachability', () => {
  let reachability: Reachability
  const connectionOf = (direction: 'inbound' | 'outbound') => ({ direction }) as Connection
  beforeEach(() => {
    reachability = new Reachability({
      ask: () => Promise.resolve(undefined),
      isLocal: () => false,
      onChanged: () => {},
    })
    reachability.start()
  })
  afterEach(() => reachability.stop())

  it('knows where it is seen from, also when that was told before the link stood', () => {
    const connection = connectionOf('outbound')
    reachability.onSeenAs(connection, '10.0.0.4')
    assert.deepEqual(reachability.seenAs, [], 'no link stands on it')
    reachability.onUp('left', connection)
    assert.deepEqual(reachability.seenAs, ['10.0.0.4'])
  })

  it('forgets it with the link, and takes the word of the one that stands', () => {
    const [former, next] = [connectionOf('inbound'), connectionOf('inbound')]
    reachability.onUp('left', former)
    reachability.onSeenAs(former, '10.0.0.4')
    reachability.onSeenAs(next, '10.0.0.5')
    reachability.onUp('left', next)
    assert.deepEqual(reachability.seenAs, ['10.0.0.5'])
    reachability.onUp('right', connectionOf('inbound'))
    reachability.onDown('left')
    assert.deepEqual(reachability.seenAs, [])
  })
})
