/** The names by which Althing's protocols and topics are known on the network (design section 3). */
import { WHOLE } from '../model/ward.ts'

/** One standing stream per neighbour: framed messages in both directions. */
export const CONTROL_PROTOCOL = '/althing/control/1'
/** Logs of a task. */
export const TASK_PROTOCOL = '/althing/task/1'
/** Input and output bundles. */
export const BUNDLE_PROTOCOL = '/althing/bundle/1'

const CLUSTER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** True for what a cluster can be called: 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit. */
export function isClusterName(text: string): boolean {
  return CLUSTER_NAME.test(text)
}

function topic(cluster: string, name: string): string {
  if (!isClusterName(cluster)) {
    throw new RangeError(
      `cluster name ${JSON.stringify(cluster)}: expected 1 to 64 of A-Z a-z 0-9 . _ -, no leading sign`,
    )
  }
  return `/althing/${cluster}/${name}/1`
}

/**
 * Gossip of passports, on change: of the whole mesh, or of a ward of it.
 * @throws RangeError when the cluster's name cannot be in a topic
 */
export function recordsTopic(cluster: string, ward = WHOLE): string {
  return inWard(topic(cluster, 'records'), ward)
}

/** Gossip of heartbeats. @throws RangeError as above */
export function pulseTopic(cluster: string, ward = WHOLE): string {
  return inWard(topic(cluster, 'pulse'), ward)
}

function inWard(name: string, ward: string): string {
  return ward === WHOLE ? name : `${name}/${ward}`
}

/** Gossip of what wards say of themselves, to all. @throws RangeError as above */
export function digestsTopic(cluster: string): string {
  return topic(cluster, 'wards')
}

/** The cluster's distributed hash table. @throws RangeError as above */
export function kadProtocol(cluster: string): string {
  return topic(cluster, 'kad')
}

/** What a record's signature is bound to, so that it means nothing anywhere else. */
export function recordDomain(kind: string): string {
  return `althing/${kind}/1`
}

/** The payload type of a record's envelope, as text. */
export function recordPayloadType(kind: string): string {
  return PAYLOAD_TYPE_PREFIX + kind
}

export const PAYLOAD_TYPE_PREFIX = '/althing/'

/** Redeeming a ticket: the only thing that is spoken with whoever is no member, and at a door of its own. */
export const JOIN_PROTOCOL = '/althing/join/1'
