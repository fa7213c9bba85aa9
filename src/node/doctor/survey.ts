/** Asks every neighbour whom it sees, and puts the answers together. */
import { matrixOf, MAX_ROWS, type Told } from '../../diagnosis/reachability.ts'
import type { ReachabilityView } from '../../model/doctor.ts'
import { MAX_TOLD_LINKS } from '../../model/examine.ts'
import { nodes } from '../../registry/registry.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { namesOf } from '../views.ts'

/** The matrix, from this node and those linked to it; others are named, without a view. */
export async function surveyMesh(parts: DaemonParts, signal: AbortSignal): Promise<ReachabilityView> {
  const { mesh, clock, examiner, peer, inbound, cluster } = parts
  const self = mesh.self
  const known = nodes(mesh.registry, clock.nowMs(), { includeDead: false })
  const nameOf = namesOf(mesh, clock.nowMs())
  const linked = peer.peers().filter((id) => inbound.greetingOf(id)?.cluster === cluster)
  const ids = [...new Set([self, ...linked, ...known.map(({ peerId }) => peerId)])]
  const told = new Map<string, Told>()
  const rttUs = new Map<string, number>()
  await Promise.all(
    linked.slice(0, MAX_ROWS - 1).map(async (id) => {
      const examination = await examiner.ask(id, true, signal)
      const answer = examination?.answer
      if (examination !== undefined) rttUs.set(id, Math.round(examination.rttMs * 1_000))
      told.set(
        id,
        answer?.links === undefined
          ? { whyNot: 'did not answer: it is slow, or of an older version' }
          : { links: answer.links, leftOut: answer.linksLeftOut },
      )
    }),
  )
  // Not all neighbours are probed by this node; of those that answered the round trip is known now.
  const own = examiner
    .links()
    .map((link) => ({ ...link, ...(rttUs.has(link.peer) && { rttUs: rttUs.get(link.peer)! }) }))
  told.set(self, { links: own.slice(0, MAX_TOLD_LINKS), leftOut: Math.max(0, own.length - MAX_TOLD_LINKS) })
  return matrixOf({ self, members: ids.map((peerId) => ({ peerId, name: nameOf(peerId) })), told })
}
