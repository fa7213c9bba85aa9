/**
 * How gossipsub is set, measured to cost a quarter of its defaults. Messages are whole signed records: gossipsub's
 * own signing is off, and the message id is the hash of everything, since an id made of header fields would let a
 * forged record suppress the real one.
 */
import { StrictNoSign } from '@libp2p/gossipsub'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import { hash } from 'node:crypto'
import type { Counters } from './counters.ts'
import { gossipMetrics } from './gossip-metrics.ts'
import { MAX_GOSSIP_IDS, MAX_GOSSIP_RPC_BYTES } from './limits.ts'

/**
 * An unlisted topic is not scored at all, so each is listed. What is scored is honesty, not traffic: a quiet
 * mesh must not punish its members for being quiet (mesh deliveries off), five provably bad records in a minute
 * silence their forwarder (invalid messages: 10 · count², against the graylist's −200).
 */
const TOPIC_SCORE = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1000,
  timeInMeshCap: 300,
  firstMessageDeliveriesWeight: 0.1,
  firstMessageDeliveriesDecay: 0.9,
  firstMessageDeliveriesCap: 50,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -10,
  invalidMessageDeliveriesDecay: 0.97,
}

/** @param penalty what a peer has done wrong elsewhere lately, 0 for nothing */
export function gossipSettings(
  topics: readonly string[],
  penalty: (peer: string) => number,
  counters: Counters,
): Partial<GossipsubOpts> {
  const hashOf = lastHashKept(topics)
  return {
    globalSignaturePolicy: StrictNoSign,
    allowedTopics: [...topics],
    D: 4,
    Dlo: 3,
    Dhi: 6,
    Dscore: 2,
    Dout: 1,
    doPX: false,
    floodPublish: false,
    // Encodes once for all receivers.
    batchPublish: true,
    emitSelf: false,
    runOnLimitedConnection: true,
    fallbackToFloodsub: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    tagMeshPeers: false,
    // Doubles the RPCs for records of this size (measured), so never.
    idontwantMinDataSize: Number.MAX_SAFE_INTEGER,
    maxInboundDataLength: MAX_GOSSIP_RPC_BYTES,
    maxOutboundBufferSize: 4 * MAX_GOSSIP_RPC_BYTES,
    maxTopicBytesPerPeer: 8 * 1024,
    decodeRpcLimits: {
      maxSubscriptions: 16,
      maxMessages: MAX_GOSSIP_IDS,
      maxIhaveMessageIDs: MAX_GOSSIP_IDS,
      maxIwantMessageIDs: MAX_GOSSIP_IDS,
      maxIdontwantMessageIDs: MAX_GOSSIP_IDS,
      maxControlMessages: 16,
      maxPeerInfos: 1,
    },
    msgIdFn: (message) => hashOf(message.topic, message.data),
    fastMsgIdFn: (message) => hashOf(message.topic, message.data ?? new Uint8Array()).toString('base64'),
    msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('base64'),
    metricsRegister: gossipMetrics(counters),
    metricsTopicStrToLabel: new Map(topics.map((topic) => [topic, topic])),
    scoreParams: {
      topics: Object.fromEntries(topics.map((topic) => [topic, TOPIC_SCORE])) as never,
      // Many peers of one machine or one NAT are the normal case here.
      IPColocationFactorWeight: 0,
      appSpecificScore: (peer) => -penalty(peer),
      appSpecificWeight: 20,
      behaviourPenaltyThreshold: 6,
      behaviourPenaltyDecay: 0.9,
      retainScore: 10 * 60_000,
    },
    scoreThresholds: {
      gossipThreshold: -20,
      publishThreshold: -50,
      graylistThreshold: -200,
      acceptPXThreshold: 1_000_000,
      opportunisticGraftThreshold: 0.1,
    },
  }
}

/**
 * gossipsub asks twice in turn about the same bytes, for the fast id and for the id: the last answer is kept. In a ward
 * the id is that of the topic as well: whoever is between two says the same in both, and neither is the other's copy.
 * @param topics those of which the bytes alone are the id
 */
function lastHashKept(topics: readonly string[]): (topic: string, data: Uint8Array) => Buffer {
  const isPlain = new Set(topics)
  let lastTopic: string | undefined
  let lastData: Uint8Array | undefined
  let lastHash: Buffer = Buffer.alloc(0)
  return (topic, data) => {
    if (lastData !== data || lastTopic !== topic) {
      lastHash = hash('sha256', isPlain.has(topic) ? data : Buffer.concat([Buffer.from(topic), data]), 'buffer')
      lastData = data
      lastTopic = topic
    }
    return lastHash
  }
}
