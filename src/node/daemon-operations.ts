/** `Operations` over a running daemon: each method one question or one order, no state of its own. */
import { quarantinedViews, quarantineProofs } from './quarantine.ts'
import type { Readable } from 'node:stream'
import type { StatusView, TrustView } from '../model/api.ts'
import type { MembershipView } from '../model/cluster.ts'
import { NODE_STATES } from '../model/heartbeat.ts'
import { passportName } from '../model/passport.ts'
import { DECIDED_LEVELS } from '../model/policy-levels.ts'
import { isPeerId } from '../model/peer-id.ts'
import { TASK_STATES } from '../model/task.ts'
import { ownCordon, shownState } from '../mesh/heartbeat.ts'
import type { MeshState } from '../mesh/types.ts'
import { runningCount } from '../negotiation/executor/bids.ts'
import type { Peer, PeerIdText } from '../peer/peer.ts'
import { tenantOperations } from './access/tenancy.ts'
import { Tokens } from './access/tokens.ts'
import { alarmViews } from './audit/alarms.ts'
import { auditOperations } from './audit/operations.ts'
import { BundleError } from './bundle-store.ts'
import { submitWhere } from './clusters/choose.ts'
import type { DaemonParts } from './daemon-state.ts'
import { configurationOn, type HeldConfiguration } from '../governance/configuration.ts'
import { decidedPolicyHistory, decidedPolicyOf } from './governance/decided-policy.ts'
import { clusterOperations } from './governance/operations.ts'
import { examineHost } from './doctor/host.ts'
import { examinePair } from './doctor/pair.ts'
import { surveyMesh } from './doctor/survey.ts'
import { operate } from './operate.ts'
import { OperationError, type Operations } from './operations.ts'
import { applyPolicy, explainTask, policyOf, removePolicy, tryPolicy } from './policy-operations.ts'
import { assertPublishable } from './publishable.ts'
import { checkSelector } from './selectors.ts'
import { findTask, listTasks } from './task-list.ts'
import { cancelTask, logsOf, quoteJob, taskOutput, waitTask, whyJob, whyTask } from './task-operations.ts'
import { daemonMetrics } from './metrics.ts'
import { topologyView } from './topology-view.ts'
import { namesOf, nodeViews } from './views.ts'
import { findEverywhere, nodeAnywhere, nodesOfWard, wardsOf } from './ward-operations.ts'

/** Builds the daemon's surface. */
export function createOperations(parts: DaemonParts): Operations {
  const operations: Operations = {
    tokens: tokensOf(parts),
    ofTenant: (tenant) => tenantOperations(parts, operations, tenant),
    cluster: clusterOperations(parts),
    status: () => statusOf(parts),
    quarantined: () => quarantineProofs(parts.mesh),
    nodes: (query) => {
      checkSelector(query.selector)
      return nodeViews(parts.mesh, parts.clock.nowMs(), query)
    },
    node: (idOrName) => nodeAnywhere(parts, idOrName),
    wards: () => wardsOf(parts),
    wardNodes: async (ward, query) => {
      checkSelector(query.selector)
      return nodesOfWard(parts, ward, query)
    },
    topology: () => topologyView(parts.mesh, parts.speeds, parts.clock.nowMs()),
    find: (capability, { selector }) => {
      checkSelector(selector)
      return findEverywhere(parts, capability, selector)
    },
    addBundle: (body) => addBundle(parts, body),
    submit: (request, tenant, elsewhere) => submitWhere(parts, request, tenant, elsewhere),
    quote: (request) => quoteJob(parts, request),
    tasks: ({ all = false }) => listTasks(parts, all),
    task: (id) => findTask(parts, id).view,
    waitTask: (id, signal) => waitTask(parts, id, signal),
    why: (id) => whyTask(parts, id),
    whyJob: (jobId) => whyJob(parts, jobId),
    cancel: (id) => cancelTask(parts, id),
    logs: (id, query) => logsOf(parts, id, query),
    output: (id) => taskOutput(parts, id),
    operate: (request) => operate(parts, request),
    trust: () => trustOf(parts),
    addTrust: (peer) => changeTrust(parts, peer, true),
    removeTrust: (peer) => changeTrust(parts, peer, false),
    policy: async (level) => (level === 'node' ? policyOf(parts) : decidedPolicyOf(parts, level)),
    applyPolicy: (text, fileName, by) => applyPolicy(parts, text, fileName, by),
    removePolicy: (by) => removePolicy(parts, by),
    tryPolicy: (text, fileName, level) => tryPolicy(parts, text, fileName, level),
    policyHistory: async (level) =>
      level === 'node' ? { versions: parts.nodePolicy.history } : decidedPolicyHistory(parts, level),
    explainPolicy: (id) => explainTask(parts, id),
    applyPassports: (yaml, fileName) => applyPassports(parts, yaml, fileName),
    subscribe: (sinceId, listener) => parts.events.subscribe(sinceId, listener),
    ready: () => parts.mesh.phase === 'ready',
    health: () => ({
      store: parts.loop.blockedBy,
      mesh: parts.mesh.phase === 'ready' ? undefined : `the node is ${parts.mesh.phase}`,
    }),
    metrics: () => daemonMetrics(parts),
    examine: (target, signal) =>
      target === undefined ? examineHost(parts, signal) : examinePair(parts, target, signal),
    reachability: (signal) => surveyMesh(parts, signal),
    ...auditOperations(parts),
    within: (name) => parts.clusters.within(name),
    clusters: () => parts.clusters.views(),
    clusterNames: () => parts.clusters.names(),
    forgetCluster: (name) => parts.clusters.forget(name),
    shutdown: parts.machine.shutdown,
  }
  return operations
}

function tokensOf({ store, loop, clock, log }: DaemonParts): Tokens {
  return new Tokens({ store, loop, nowMs: () => clock.nowMs(), log: log.child({ component: 'tokens' }) })
}

function statusOf(parts: DaemonParts): StatusView {
  const { mesh, peer, options, clock } = parts
  const nowMs = clock.nowMs()
  const states = Object.fromEntries(NODE_STATES.map((state) => [state, 0])) as StatusView['nodes']
  for (const node of nodeViews(mesh, nowMs, { all: true })) states[node.state]++
  const tasks = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as StatusView['tasks']
  for (const task of mesh.negotiation.tasks.values()) tasks[task.state]++
  return {
    peerId: mesh.self,
    name: parts.name,
    version: parts.version,
    cluster: parts.cluster,
    ...governanceOf(parts),
    state: shownState(mesh),
    ...cordonOf(mesh),
    open: mesh.local.open,
    ...policyInForce(parts),
    cutOff: mesh.topology.brake !== undefined,
    addresses: peer.addresses(),
    network: networkOf(parts),
    links: peer.peers().flatMap((id) => linkOf(peer, id)),
    dataDir: options.paths.dataDir,
    socketPath: options.paths.socketPath,
    ...parts.machine.urls,
    clusters: parts.clusters.names(),
    pid: process.pid,
    uptimeMs: Math.round(nowMs - mesh.startedAtMs),
    capacity: mesh.local.capacity,
    reserved: mesh.negotiation.reserved,
    enforcement: parts.driver.enforcement(),
    isolation: { examined: true, ...parts.driver.isolation(), network: options.isolatedNetwork ?? false },
    peers: peer.peers(),
    nodes: states,
    tasks,
    running: runningCount(mesh.negotiation),
    quarantined: quarantinedViews(mesh),
    audit: { size: parts.audit.log.head().size, alarms: alarmViews(mesh, namesOf(mesh, nowMs)) },
  }
}

function cordonOf(mesh: MeshState): Pick<StatusView, 'cordon'> {
  const cordon = ownCordon(mesh)
  return cordon ? { cordon } : {}
}

function policyInForce(parts: DaemonParts): Pick<StatusView, 'policy'> {
  const { policy } = policyOf(parts)
  return policy === undefined ? {} : { policy }
}

function governanceOf({ governor, policies }: DaemonParts): Pick<StatusView, 'governance'> {
  const { state } = governor
  const facts = governor.rosterFacts()
  if (state === undefined || facts === undefined) return {}
  const { owner, fresh } = facts
  const held = configurationOn(state)
  const [policy, networkPolicy] = DECIDED_LEVELS.map((level) => policies.decidedAt(level))
  return {
    governance: {
      id: state.log.cluster,
      ...(owner !== undefined && { owner }),
      fresh,
      forked: state.log.fork !== undefined,
      ...(policy && { policy }),
      ...(networkPolicy && { networkPolicy }),
      ...(held && { configuration: settingsOf(held) }),
    },
  }
}

function settingsOf({ decided, stage }: HeldConfiguration): NonNullable<MembershipView['configuration']> {
  const { version, trial } = decided
  const { canaries, share } = trial ?? {}
  return { version, stage, ...(canaries && { canaries: canaries.length }), ...(share && { of: share.of }) }
}

function networkOf({ peer, inbound }: DaemonParts): StatusView['network'] {
  const { dialable, seenAs, relays, relaysFor, missing } = peer.network()
  const foreign = inbound.foreignPeers()
  return { dialable, seenAs: [...seenAs], relays: [...relays], relaysFor, missing: [...missing], foreign }
}

function linkOf(peer: Peer, id: PeerIdText): StatusView['links'] {
  const link = peer.link(id)
  if (link === undefined) return []
  const { address, direction, relay } = link
  return [{ peer: id, address, direction, ...(relay === undefined ? {} : { relay }) }]
}

async function addBundle(parts: DaemonParts, body: Readable) {
  try {
    return await parts.bundles.add(body)
  } catch (error) {
    if (!(error instanceof BundleError)) throw error
    const code = error.code === 'disk-full' || error.code === 'too-large' ? 'full' : 'invalid'
    throw new OperationError(code, error.message, {
      cause: error,
      ...(error.fix === undefined ? {} : { fix: error.fix }),
    })
  }
}

function trustOf(parts: DaemonParts): TrustView {
  return { open: parts.mesh.local.open, peers: [...parts.trusted].toSorted() }
}

function changeTrust(parts: DaemonParts, peer: string, trusted: boolean): TrustView {
  if (!isPeerId(peer)) {
    throw new OperationError('invalid', `${peer} is no peer id`, {
      fix: 'peer ids begin with 12D3KooW; `althing status` on that host prints its own',
    })
  }
  if (!trusted && !parts.trusted.has(peer)) throw new OperationError('not-found', `${peer} is not in the trust list`)
  // The event is in the log if and only if the list is changed.
  const doc = trusted ? { addedAtMs: parts.clock.wallMs() } : null
  const type = trusted ? 'trust.added' : 'trust.removed'
  parts.loop.writeDurably([{ collection: 'trust', key: peer, doc }], [{ type, peer }])
  if (trusted) parts.trusted.add(peer)
  else parts.trusted.delete(peer)
  parts.refresh()
  parts.events.emit({ atMs: parts.clock.wallMs(), type: 'trust', subject: peer, what: trusted ? 'added' : 'removed' })
  return trustOf(parts)
}

async function applyPassports(parts: DaemonParts, yaml: string, fileName: string): Promise<string[]> {
  // The YAML parser is loaded when first needed: most daemons never do.
  const { loadPassports } = await import('../model/passport-file.ts')
  const passports = loadPassports(yaml, fileName)
  for (const passport of passports) {
    if (passport.spec.node)
      throw new OperationError('invalid', `${passportName(passport)}: spec.node is written by the daemon alone`, {
        fix: 'remove spec.node',
      })
  }
  assertPublishable(passports)
  for (const passport of passports) {
    const name = passportName(passport)
    parts.extraPassports.set(name, passport)
    parts.loop.note({ type: 'passport.applied', name })
  }
  parts.refresh()
  return passports.map(passportName)
}
