/** Which of the network's names belongs to which part of this folder. */
import { createHash } from 'node:crypto'
import { BUNDLE_PROTOCOL, pulseTopic, recordsTopic, TASK_PROTOCOL } from '../wire/protocols.ts'
import type { StreamKind, Topic } from './peer.ts'

export const STREAM_PROTOCOLS: Readonly<Record<StreamKind, string>> = { task: TASK_PROTOCOL, bundle: BUNDLE_PROTOCOL }

/** The gossip topic's full name in a cluster. @throws RangeError when the cluster's name cannot be in a topic */
export function topicName(cluster: string, topic: Topic): string {
  return topic === 'records' ? recordsTopic(cluster) : pulseTopic(cluster)
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
