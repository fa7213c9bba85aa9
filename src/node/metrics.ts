/** The daemon's numbers for /metrics, in base units; the status server adds names' prefix and process figures. */
import { NODE_STATES } from '../model/heartbeat.ts'
import { TASK_STATES } from '../model/task.ts'
import { runningCount } from '../negotiation/executor/bids.ts'
import type { DaemonParts } from './daemon-state.ts'
import { nodeViews } from './views.ts'

/** Metric name (without the `althing_` prefix) → value. Counters end in `_total`. */
export function daemonMetrics(parts: DaemonParts): Record<string, number> {
  const { mesh, inbound, peer, loop, clock } = parts
  const { negotiation, registry } = mesh
  const metrics: Record<string, number> = {
    cpu_capacity_cores: mesh.local.capacity.cpuMilli / 1000,
    cpu_reserved_cores: negotiation.reserved.cpuMilli / 1000,
    memory_capacity_bytes: mesh.local.capacity.memoryBytes,
    memory_reserved_bytes: negotiation.reserved.memoryBytes,
    machine_cpu_used_ratio: mesh.sample.cpuRatio,
    machine_memory_available_bytes: mesh.sample.memoryAvailableBytes,
    // Runs of anyone on this node; `tasks_running` below are those submitted here, wherever they run.
    contracts: runningCount(negotiation),
    holds: negotiation.holds.size,
    awards_in_doubt: negotiation.inDoubt.size,
    registry_records: registry.records.size,
    registry_authors_quarantined: registry.quarantined.size,
    bundles: parts.bundles.list().length,
    peers_connected: peer.peers().length,
    // 1 while so many nodes vanished at once that this one may be the one cut off.
    cut_off: mesh.topology.brake === undefined ? 0 : 1,
    members_watched: mesh.topology.watches.size,
    store_blocked: loop.blockedBy === undefined ? 0 : 1,
    loop_failures_total: loop.failures,
    uptime_seconds: (clock.nowMs() - mesh.startedAtMs) / 1000,
  }
  const nodes = nodeViews(mesh, clock.nowMs(), { all: true })
  for (const state of NODE_STATES) metrics[`nodes_${state}`] = nodes.filter((node) => node.state === state).length
  for (const state of TASK_STATES) metrics[`tasks_${state.replace('-', '_')}`] = 0
  for (const task of negotiation.tasks.values()) metrics[`tasks_${task.state.replace('-', '_')}`]!++
  let refused = 0
  for (const [code, count] of inbound.refused) {
    metrics[`refused_${code.replaceAll('-', '_')}_total`] = count
    refused += count
  }
  metrics['refused_total'] = refused
  for (const [code, count] of parts.governor.refused)
    metrics[`governance_refused_${code.replaceAll('-', '_')}_total`] = count
  for (const [name, value] of Object.entries({ ...peer.stats(), ...parts.probes.stats() }))
    metrics[`peer_${name}`] = value
  return metrics
}
