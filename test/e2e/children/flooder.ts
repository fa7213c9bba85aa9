/**
 * A process of its own, a member by its key, that publishes a thousand signed heartbeats a second, each of them new, to
 * one daemon until that cuts its link, and then to the next. `node flooder.ts JSON`; prints a line when a flood begins
 * and a line of JSON when it is over.
 */
import type { GossipSub } from '@libp2p/gossipsub'
import { pulseTopic } from '../../../src/wire/protocols.ts'
import { hostilePeer, type Victim } from '../../support/hostile-peer.ts'
import { HEARTBEAT } from '../../support/hostile-words.ts'

const PER_SECOND = 1_000
const TICK_MS = 20
const LONGEST_MS = 60_000

/** What it is told. */
export interface FloodOrder {
  readonly seed: string
  readonly cluster: string
  readonly targets: readonly Victim[]
}

/** What came of one flood. */
export interface Flooded {
  readonly sent: number
  readonly cutAfterMs: number
  readonly isLetInAgain: boolean
}

const { seed, cluster, targets } = JSON.parse(process.argv[2]!) as FloodOrder
for (const [at, target] of targets.entries()) {
  const flooded = await flood(target, at + 1)
  console.log(JSON.stringify(flooded))
}

/** @param epoch another for each: no two records have one number, which would be another crime */
async function flood(target: Victim, epoch: number): Promise<Flooded> {
  const peer = await hostilePeer(target, { seed: Buffer.from(seed, 'hex'), cluster })
  const fresh = () => peer.seal({ ...HEARTBEAT, epoch, hlc: Date.now() })
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
      gossip.publish(pulseTopic(cluster), fresh()).catch(() => {})
    }
    if (!isOpen() || passedMs() > LONGEST_MS) cut.resolve()
  }, TICK_MS)
  await cut.promise
  clearInterval(tick)
  const cutAfterMs = Math.round(passedMs())
  const isLetInAgain = await peer.greet().then(
    () => true,
    () => false,
  )
  await peer.stop()
  return { sent, cutAfterMs, isLetInAgain }
}
