/**
 * A process of its own that publishes a thousand signed heartbeats a second, each of them new, until its link is cut.
 * `node flooder.ts ADDRESS PEER-ID`; ends with a line of JSON.
 */
import type { GossipSub } from '@libp2p/gossipsub'
import { pulseTopic } from '../../../src/wire/protocols.ts'
import { hostilePeer, stopHostilePeers } from '../../support/hostile-peer.ts'
import { HEARTBEAT } from '../../support/hostile-words.ts'

const PER_SECOND = 1_000
const TICK_MS = 20
const LONGEST_MS = 60_000

const [address, peerId] = process.argv.slice(2) as [string, string]
const peer = await hostilePeer({ address, status: { peerId } })
const fresh = () => peer.seal({ ...HEARTBEAT, hlc: Date.now() })
// The first waits until the other follows the topic.
await peer.publish('pulse', fresh())
console.log('begins')
const gossip = peer.node.services['pubsub'] as GossipSub
const isOpen = () => peer.connection.status === 'open'
const startMs = performance.now()
const passedMs = () => performance.now() - startMs
let sent = 0
const cut = Promise.withResolvers<void>()
const tick = setInterval(() => {
  for (const due = (passedMs() / 1_000) * PER_SECOND; sent < due && isOpen(); sent++) {
    gossip.publish(pulseTopic('test'), fresh()).catch(() => {})
  }
  if (!isOpen() || passedMs() > LONGEST_MS) cut.resolve()
}, TICK_MS)
await cut.promise
clearInterval(tick)
const cutAfterMs = Math.round(passedMs())
console.log('cut')
const isLetInAgain = await peer.greet().then(
  () => true,
  () => false,
)
console.log(JSON.stringify({ sent, cutAfterMs, isLetInAgain }))
await stopHostilePeers()
