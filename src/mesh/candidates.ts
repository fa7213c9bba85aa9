/** The registry's nodes in the form that negotiation ranks them in. */
import { readCordon } from '../model/cordon.ts'
import type { Candidate } from '../negotiation/nodes.ts'
import { runningCount } from '../negotiation/executor/bids.ts'
import { nodes } from '../registry/registry.ts'
import { freeNow, ownCordon } from './heartbeat.ts'
import type { MeshState } from './types.ts'

/** Every machine that may be asked, this one included: what it says of itself is never older than now. */
export function candidatesOf(state: MeshState, nowMs: number): Candidate[] {
  const candidates: Candidate[] = []
  const known = nodes(state.registry, nowMs)
  for (const node of known) {
    const spec = node.passport?.spec.node
    if (node.peerId === state.self || !spec) continue
    candidates.push({
      id: node.peerId,
      name: node.name,
      labels: node.labels,
      alive: node.state === 'ready' || node.state === 'busy',
      cordon: readCordon(node.annotations),
      drivers: spec.drivers,
      isolation: spec.isolation,
      capacity: spec.capacity,
      free: node.heartbeat?.free ?? spec.capacity,
      cpuRatio: node.heartbeat?.cpuRatio ?? 0,
      running: node.heartbeat?.tasks ?? 0,
    })
  }
  const { local } = state
  candidates.push({
    id: state.self,
    // As its passport has it: the host name is only the default.
    name: known.find(({ peerId }) => peerId === state.self)?.name ?? state.self,
    labels: local.labels,
    alive: state.phase === 'ready',
    cordon: ownCordon(state),
    drivers: local.drivers,
    isolation: local.isolation?.works === true ? local.isolation.by : undefined,
    capacity: local.capacity,
    free: freeNow(state),
    cpuRatio: state.sample.cpuRatio,
    running: runningCount(state.negotiation),
  })
  return candidates
}
