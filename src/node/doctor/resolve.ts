/** Whom somebody means by a word, and where that is. */
import { ok, broken, someOf } from '../../diagnosis/step.ts'
import { readPlace, USUAL_PORT, type Place } from '../../diagnosis/target.ts'
import type { DoctorStep } from '../../model/doctor.ts'
import { isLoopbackHost, ownNetworks, resolveHost } from '../../reach/networks.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { nodeOf } from '../find-node.ts'
import { OperationError } from '../operations.ts'
import { namesOf } from '../views.ts'

/** Addresses of one host that are tried, at once. */
const MAX_PLACES = 8

/** Whom the examination is of. */
export interface Target {
  /** As it is shown: its name, or what was typed. */
  readonly name: string
  /** Undefined while it is only an address. */
  readonly peer: string | undefined
  /** Hosts are IP addresses. */
  readonly places: readonly { readonly host: string; readonly port: number }[]
  /** All IP addresses of it that are known. */
  readonly hosts: readonly string[]
  /** It runs on this very machine. */
  readonly isHere: boolean
  /** Some of its addresses lead to it through a relay. */
  readonly hasRelay: boolean
  /** That `peer` answers at `places` is what was said, not what is known: a link by another way does not show it. */
  readonly isClaimed: boolean
}

/** Finds the target, and judges that step. `target` is undefined when there is none. */
export async function resolveTarget(
  parts: DaemonParts,
  text: string,
): Promise<{ readonly step: DoctorStep; readonly target?: Target }> {
  try {
    const known = text.startsWith('/') ? undefined : knownTarget(parts, text)
    if (known === 'self') return { step: isSelf(text) }
    if (known !== undefined) {
      const where = someOf(known.places.map(({ host, port }) => `${host}:${port}`)) || 'no address known'
      return { step: ok('resolve', `${known.name} is ${known.peer}; ${where}`), target: known }
    }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    const fix = error.fix === undefined ? [] : [error.fix]
    return { step: broken('resolve', error.message, { cause: 'the name is not unique', fix }) }
  }
  const place = readPlace(text)
  if (place === undefined) return { step: unknown(parts, text, undefined) }
  return placeTarget(parts, text, place)
}

/** A node of the registry, or a linked peer that has no record here. @throws OperationError `conflict` */
function knownTarget(parts: DaemonParts, text: string): Target | 'self' | undefined {
  const linked = parts.peer.peers().find((id) => id === text)
  try {
    const node = nodeOf(parts, text)
    if (node.self) return 'self'
    return targetOf(parts, node.peerId, node.name, node.addresses)
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'not-found') throw error
    return linked === undefined ? undefined : targetOf(parts, linked, linked, [])
  }
}

function targetOf(parts: DaemonParts, peer: string, name: string, told: readonly string[]): Target {
  const networks = ownNetworks()
  const remote = parts.peer.remoteHost(peer)
  const known = [...parts.peer.addressesOf(peer), ...told]
  const places = known.flatMap((address) => readPlace(address) ?? [])
  const outside = places.map(({ host }) => host).filter((host) => !isLoopbackHost(host))
  const isHere = remote === undefined ? outside.every((host) => networks.isOwn(host)) : networks.isOwn(remote)
  // Another machine's loopback address, or that of its container bridge, leads to whoever has it here.
  const usable = places.filter(({ host }) => isHere || !networks.isOwn(host))
  const distinct = new Map(usable.map((place) => [`${place.host} ${place.port}`, place]))
  return {
    name,
    peer,
    places: [...distinct.values()].slice(0, MAX_PLACES),
    hosts: [...new Set([...usable.map(({ host }) => host), ...(remote === undefined ? [] : [remote])])],
    isHere,
    hasRelay: known.some((address) => address.includes('/p2p-circuit')),
    isClaimed: false,
  }
}

async function placeTarget(
  parts: DaemonParts,
  text: string,
  { host, port, peer }: Place,
): Promise<{ readonly step: DoctorStep; readonly target?: Target }> {
  if (peer === parts.mesh.self) return { step: isSelf(text) }
  const found = await resolveHost(host)
  if ('fault' in found) return { step: unknown(parts, text, found.fault) }
  const places = found.slice(0, MAX_PLACES).map((address) => ({ host: address, port }))
  const who = peer ?? linkedAt(parts, places)
  const step = ok('resolve', `${host === found[0] ? host : `${host} is ${someOf(found)}`}, port ${port}`)
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const isHere = found.every(ownNetworks().isOwn)
  const isClaimed = peer !== undefined
  return { step, target: { name, peer: who, places, hosts: found, isHere, hasRelay: false, isClaimed } }
}

/** A peer that is linked and known to listen there: another dial would only be turned down as its duplicate. */
function linkedAt({ peer }: DaemonParts, places: Target['places']): string | undefined {
  const isThere = (address: string) => {
    const known = readPlace(address)
    return places.some(({ host, port }) => known?.host === host && known.port === port)
  }
  const onSameHost = (id: string) => places.some(({ host }) => peer.remoteHost(id) === host)
  return peer.peers().find((id) => onSameHost(id) && peer.addressesOf(id).some(isThere))
}

function isSelf(text: string): DoctorStep {
  return broken('resolve', `${text} is this very node`, {
    cause: 'a way leads from this node to another',
    fix: ['`althing doctor` without a name examines this host'],
  })
}

function unknown(parts: DaemonParts, text: string, fault: string | undefined): DoctorStep {
  const { peer, mesh, clock } = parts
  const nameOf = namesOf(mesh, clock.nowMs())
  // Their records may be refused here, for a clock that is wrong for example, so that they have no name.
  const nameless = peer.peers().filter((id) => nameOf(id) === id)
  const found = `no node ${text} is known here, and it is no address${fault === undefined ? '' : `: ${fault}`}`
  return broken('resolve', found, {
    cause: 'it has not been heard of: it never was linked to this mesh, or its name is another',
    fix: [
      ...nameless.slice(0, 3).map((id) => `linked, but of unknown name: \`althing doctor ${id}\``),
      '`althing nodes --all` lists the nodes that are known',
      `give its address, as \`althing status\` prints it there, or HOST:PORT (the port is ${USUAL_PORT} unless said)`,
    ],
  })
}
