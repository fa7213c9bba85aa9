/**
 * What single values of `DaemonOptions` look like. Each function names what was expected, with an example, or
 * returns undefined for a value that is right: whoever reads a flag, a variable or a file says where it stood.
 *
 * Checked before anything starts, without libp2p: whoever starts a daemon does not have it in memory.
 */
import { isIPv4, isIPv6 } from 'node:net'
import {
  isLabelKey,
  isLabelValue,
  isSubdomain,
  KEY_EXPECTED,
  SUBDOMAIN_EXPECTED,
  VALUE_EXPECTED,
} from '../model/label-grammar.ts'
import { isPeerId } from '../model/peer-id.ts'
import { isClusterName } from '../wire/protocols.ts'

/** Labels a user adds; a machine has some dozens of its own, and a passport takes 256 in all. */
export const MAX_LABELS = 100
/** Of any list of options, such as addresses or networks: more are a mistake. */
export const MAX_ENTRIES = 256

/** A node's name. */
export function faultOfName(text: string): string | undefined {
  return isSubdomain(text) ? undefined : `expected ${SUBDOMAIN_EXPECTED}, such as attic or attic-2.lan`
}

/** A label to select by. */
export function faultOfLabel(key: string, value: string): string | undefined {
  if (!isLabelKey(key)) return `expected ${KEY_EXPECTED}, such as zone=attic`
  return isLabelValue(value) ? undefined : `expected ${VALUE_EXPECTED}, such as zone=attic`
}

/** A cluster's name. */
export function faultOfCluster(text: string): string | undefined {
  if (isClusterName(text)) return undefined
  return 'expected up to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, such as home'
}

/** A peer whose tasks run here. */
export function faultOfPeer(text: string): string | undefined {
  if (isPeerId(text)) return undefined
  return 'expected a peer id: 12D3KooW and 44 more characters, as `althing status` prints it there'
}

/** An address to join by: where somebody listens, and who that is. */
export function faultOfJoin(text: string): string | undefined {
  const [relay = '', ...ways] = text.split('/p2p-circuit')
  const target = ways.join('/p2p-circuit')
  // By way of a relay: that one's address, and then who is meant.
  if (target.startsWith('/p2p/')) return faultOfJoin(relay) ?? faultOfPeerPart(target.slice('/p2p/'.length))
  const at = text.lastIndexOf('/p2p/')
  const fault = faultOfPlace(at < 0 ? text : text.slice(0, at), 'join')
  if (fault !== undefined) return fault
  if (at < 0) return `/p2p/ and a peer id are missing at its end; ${EXPECTED_PLACE.join}`
  return faultOfPeerPart(text.slice(at + '/p2p/'.length))
}

function faultOfPeerPart(peer: string): string | undefined {
  return isPeerId(peer) ? undefined : `what follows /p2p/ is no peer id; ${EXPECTED_PLACE.join}`
}

/** An address of this machine to listen on. */
export function faultOfListen(text: string): string | undefined {
  return faultOfPlace(text, 'listen')
}

const EXPECTED_PLACE = {
  join: 'expected an address as `althing status` prints it there, such as /ip4/10.0.0.5/tcp/4100/p2p/12D3KooW…',
  listen: 'expected a TCP address of this machine, such as /ip4/10.0.0.5/tcp/4100 or /ip6/::1/tcp/0',
} as const

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/
const byName = { is: (text: string) => HOST_NAME.test(text), what: 'host name' }
/** The kinds of hosts in an address, as libp2p names them. */
const HOSTS = {
  ip4: { is: isIPv4, what: 'IPv4 address' },
  ip6: { is: isIPv6, what: 'IPv6 address' },
  dns: byName,
  dns4: byName,
  dns6: byName,
}

/** `/ip4/…/tcp/…` and its like: what `peer/` can dial, or listen on. */
function faultOfPlace(text: string, use: keyof typeof EXPECTED_PLACE): string | undefined {
  const expected = EXPECTED_PLACE[use]
  const [start, family = '', host = '', tcp, port = '', ...more] = text
    .replace(/^\/ip6zone\/[^/]+(?=\/)/, '')
    .split('/')
  if (start !== '' || tcp !== 'tcp' || more.length > 0 || !Object.hasOwn(HOSTS, family)) return expected
  // A machine listens on its addresses; a name may lead to those of others.
  if (use === 'listen' && family.startsWith('dns')) return `${host} is a name; ${expected}`
  const { is, what } = HOSTS[family as keyof typeof HOSTS]
  if (!is(host)) return `${host || 'nothing'} is no ${what}; ${expected}`
  const least = use === 'join' ? 1 : 0
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= least && Number(port) <= 65_535
  return isPort ? undefined : `${port || 'nothing'} is no port from ${least} to 65535; ${expected}`
}
