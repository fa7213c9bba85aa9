/** Which of the network's names belongs to which part of this folder. */
import { createHash } from 'node:crypto'
import { isWardName } from '../model/ward.ts'
import { BUNDLE_PROTOCOL, digestsTopic, pulseTopic, recordsTopic, TASK_PROTOCOL } from '../wire/protocols.ts'
import type { StreamKind, Topic } from './peer.ts'

export const STREAM_PROTOCOLS: Readonly<Record<StreamKind, string>> = { task: TASK_PROTOCOL, bundle: BUNDLE_PROTOCOL }

/**
 * The gossip topic's full name in a cluster, or in a ward of it; of digests there is one.
 * @throws RangeError when the cluster's name cannot be in a topic
 */
export function topicName(cluster: string, topic: Topic, ward?: string): string {
  if (topic === 'digests') return digestsTopic(cluster)
  return topic === 'records' ? recordsTopic(cluster, ward) : pulseTopic(cluster, ward)
}

/** Whether a name is that of a topic of the cluster, of whichever ward. */
export function isTopicOf(cluster: string, name: string): boolean {
  if (name === digestsTopic(cluster)) return true
  return [recordsTopic(cluster), pulseTopic(cluster)].some(
    (topic) => name === topic || (name.startsWith(`${topic}/`) && isWardName(name.slice(topic.length + 1))),
  )
}

/** The mDNS service of a cluster: hashed, because a DNS label is short and the name nobody's business. */
export function mdnsServiceTag(cluster: string): string {
  return `_althing-${createHash('sha256').update(cluster).digest('hex').slice(0, 8)}._udp.local`
}

/** The asker wants to know whether it can be dialled from here. */
export const REACH_PROTOCOL = '/althing/reach/1'

/** Two peers behind doors agree to dial each other at one time. */
export const PUNCH_PROTOCOL = '/althing/punch/1'

/** Circuit relay v2: places on a relay, and connections by way of it (libp2p specifications, relay/circuit-v2). */
export const RELAY_HOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/hop'
/** The same, from a relay to who holds a place on it. */
export const RELAY_STOP_PROTOCOL = '/libp2p/circuit/relay/0.2.0/stop'
