/** A bare libp2p node under the test's control: a plain peer, or a malicious one. */
import { gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { SILENT_COMPONENTS } from '../../src/peer/component-logger.ts'
import { privateKeyFromSeed } from '../../src/peer/identity.ts'

/** @param options.gossip gossipsub beside it, for messages without a signature of its own */
export async function rawLibp2p(options: { seed?: Uint8Array; gossip?: boolean } = {}): Promise<Libp2p> {
  const pubsub = gossipsub({ globalSignaturePolicy: StrictNoSign, allowPublishToZeroTopicPeers: true })
  return createLibp2p({
    ...(options.seed === undefined ? {} : { privateKey: privateKeyFromSeed(options.seed) }),
    logger: SILENT_COMPONENTS,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify(), ...(options.gossip === true && { pubsub }) },
  })
}
