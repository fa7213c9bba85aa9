/** What the daemon finds of itself and its neighbours. What needs no daemon is measured by the command. */
import { bestOffset, judgeOwnClock } from '../../diagnosis/clock.ts'
import {
  judgeAddresses,
  judgeLimits,
  judgeNeighbours,
  judgeProbePort,
  judgeStore,
  type NeighbourFacts,
} from '../../diagnosis/host.ts'
import { judgeIsolation } from '../../diagnosis/isolation.ts'
import { judgeOwnMulticast } from '../../diagnosis/multicast.ts'
import type { DoctorStep } from '../../model/doctor.ts'
import { isLoopbackAddress } from '../../peer/addresses.ts'
import { mdnsServiceTag } from '../../peer/protocols.ts'
import { surveyMulticast } from '../../reach/multicast.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { namesOf } from '../views.ts'
import type { Examination } from './examiner.ts'

/** Neighbours that are examined; a node has some twenty. */
const MAX_EXAMINED = 32
const CHECK_MS = 10_000

/** Yields one step after the other. Throws nothing. */
export async function* examineHost(parts: DaemonParts, signal: AbortSignal): AsyncGenerator<DoctorStep> {
  const { loop, peer, driver, options, cluster, probes } = parts
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)])
  const isMulticastOn = options.mdns !== false
  const multicast = isMulticastOn ? surveyMulticast(mdnsServiceTag(cluster), inTime) : undefined
  const neighbours = Promise.all(
    peer
      .peers()
      .slice(0, MAX_EXAMINED)
      .map((id) => examineNeighbour(parts, id, inTime)),
  )
  // Anew: what was missing may have been installed since.
  const isolation = driver.examineIsolation()
  yield judgeStore(loop.blockedBy)
  yield judgeAddresses(
    peer.addresses().map((text) => ({ text, isLoopback: isLoopbackAddress(text) })),
    peer.network(),
  )
  yield judgeLimits(driver.enforcement())
  yield judgeIsolation(await isolation, parts.mesh.local.roster?.guests.size ?? 0, process.getuid?.() === 0)
  parts.refresh()
  const examined = await neighbours
  const facts = examined.map((one) => one.facts)
  yield judgeNeighbours(facts, cluster, { wanted: notLinked(parts), lost: lostMembers(parts) })
  const members = facts.filter((one) => one.cluster === cluster && !one.isRelayed)
  yield judgeProbePort(probes.port, members)
  yield judgeOwnClock(
    examined.flatMap(({ facts: { name }, examination }) => {
      const offset = examination && bestOffset([examination.exchange])
      return offset === undefined ? [] : [{ name, offset }]
    }),
  )
  yield judgeOwnMulticast((await multicast) ?? { interfaces: [], answers: [] }, isMulticastOn)
}

async function examineNeighbour(
  parts: DaemonParts,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly facts: NeighbourFacts; readonly examination: Examination | undefined }> {
  const { peer, inbound, examiner, probes } = parts
  const cluster = inbound.greetingOf(id)?.cluster
  const isOurs = cluster === parts.cluster
  const examination = isOurs ? await examiner.ask(id, false, signal) : undefined
  const trip = isOurs ? await probes.examine(id, signal) : undefined
  const facts: NeighbourFacts = {
    name: namesOf(parts.mesh, parts.clock.nowMs())(id),
    cluster,
    isRelayed: peer.link(id)?.relay !== undefined,
    rttMs: trip?.rttMs ?? examination?.rttMs,
    byDatagram: trip?.rttMs !== undefined,
  }
  return { facts, examination }
}

/** Addresses given with `--join` that lead to nobody who is linked. */
function notLinked({ options, peer, mesh }: DaemonParts): string[] {
  return (options.join ?? []).filter((address) => {
    const id = /\/p2p\/([^/]+)$/.exec(address)?.[1]
    return id !== undefined && id !== mesh.self && peer.link(id) === undefined
  })
}

function lostMembers({ mesh, clock }: DaemonParts): string[] {
  const nameOf = namesOf(mesh, clock.nowMs())
  const lost = [...mesh.topology.members.values()].filter(({ verdict }) => verdict === 'offline')
  return lost.map(({ id }) => nameOf(id))
}
