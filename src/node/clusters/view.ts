/** One of the clusters of a daemon, as `althing clusters` shows it. */
import { ownCordon, shownState } from '../../mesh/heartbeat.ts'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import { runningCount } from '../../negotiation/executor/bids.ts'
import { sha256Hex } from '../../util/sha256.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { nodeViews } from '../views.ts'

/** @param name how it is called here */
export function viewOf(name: string, first: boolean, parts: DaemonParts): ClusterPlaceView {
  const { mesh, governor, clock } = parts
  const id = governor.state?.log.cluster
  const cordon = ownCordon(mesh)
  return {
    name,
    first,
    ...(id !== undefined && { id }),
    peerId: mesh.self,
    state: shownState(mesh),
    ...(cordon && { cordon }),
    nodes: nodeViews(mesh, clock.nowMs(), {}).filter(({ state }) => state === 'ready' || state === 'busy').length,
    running: runningCount(mesh.negotiation),
    reserved: mesh.negotiation.reserved,
    ...networkPolicyOf(parts),
  }
}

function networkPolicyOf({ policies, governor }: DaemonParts): Pick<ClusterPlaceView, 'networkPolicy'> {
  const inForce = policies.decidedAt('network')
  const text = governor.state?.log.authority.policies.network?.text
  if (inForce === undefined || text === undefined) return {}
  return { networkPolicy: { name: inForce.name, sha256: sha256Hex(new TextEncoder().encode(text)) } }
}
