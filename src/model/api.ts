/**
 * The bodies of the local API (`/v1/…`), as schemas: the server validates and documents with them,
 * the CLI and the status page take their types from them. Times are Unix milliseconds.
 */
import * as z from 'zod'
import { AuditAlarmView } from './audit-alarm.ts'
import { MembershipView } from './cluster.ts'
import { CordonView } from './cordon.ts'
import { Id } from './negotiation.ts'
import { PolicyVersion } from './policy-api.ts'
import { QuarantinedView } from './quarantine-view.ts'
import { Resources } from './resources.ts'
import { TaskExit, TaskState } from './task.ts'

/** What `/openapi.json` and the page call a node's state. `offline`: its lease lapsed, or it left. */
export const NodeState = z.enum(['joining', 'ready', 'busy', 'offline'])
export type NodeState = z.infer<typeof NodeState>

const Enforcement = z.strictObject({ cpu: z.string(), memory: z.string() })

const IsolationView = z.strictObject({
  works: z.boolean(),
  /** By what, and its version; where it works. */
  by: z.string().optional(),
  version: z.string().optional(),
  /** Isolated tasks may use the network of this host. */
  network: z.boolean(),
  /** Where it does not work, or nobody has looked yet. */
  examined: z.boolean(),
  why: z.string().optional(),
  fix: z.string().optional(),
})

/** How this daemon is reached from outside. */
const NetworkView = z.strictObject({
  /** Whether neighbours on other machines can dial it: all that are known, some, none, or nobody has tried. */
  dialable: z.enum(['yes', 'partly', 'no', 'unknown']),
  /** Hosts by which neighbours see it; others than its own where addresses are translated. */
  seenAs: z.array(z.string()),
  /** Peers that relay for it, because it cannot be dialled. */
  relays: z.array(z.string()),
  /** Peers it holds itself ready to relay for. */
  relaysFor: z.int(),
  /** Addresses to join by at which nobody was reached when they were last tried, and why. */
  missing: z.array(z.strictObject({ address: z.string(), why: z.string() })),
  /** Connected peers of another cluster, with which nothing is exchanged. */
  foreign: z.array(z.strictObject({ peer: z.string(), cluster: z.string() })),
})

/** A standing link to a neighbour. */
const LinkView = z.strictObject({
  peer: z.string(),
  /** Multiaddr of the other end. */
  address: z.string(),
  /** `outbound`: this daemon dialled; `both`: each of the two, at one time, through their doors. */
  direction: z.enum(['inbound', 'outbound', 'both']),
  /** The peer that relays it; absent for a direct link. */
  relay: z.string().optional(),
})

/** `GET /v1/status`: this daemon. */
export const StatusView = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  version: z.string(),
  cluster: z.string(),
  /** Its place in a cluster with a genesis; absent in one without, where anybody links who knows an address. */
  governance: MembershipView.optional(),
  state: NodeState,
  /** It takes no new tasks, and why; absent where it does. */
  cordon: CordonView.optional(),
  /** Runs tasks of anyone who connects. Shown in red. */
  open: z.boolean(),
  /**
   * So many nodes vanished at once that it may be this one that is cut off: no work is given up meanwhile. Shown in
   * red.
   */
  cutOff: z.boolean(),
  /** In force on this node; absent when there is none. */
  policy: PolicyVersion.optional(),
  /** Full multiaddrs others can join by. */
  addresses: z.array(z.string()),
  network: NetworkView,
  links: z.array(LinkView),
  /** The clusters that the daemon is in, as they are called on this machine; the first is its first. */
  clusters: z.array(z.string()),
  dataDir: z.string(),
  socketPath: z.string(),
  /** Absent when the page is switched off. */
  pageUrl: z.string().optional(),
  /** Where the API listens for others, by TLS; absent when it does not. */
  apiUrl: z.string().optional(),
  /** Why it does not, though it was told to: it is opened once that is mended. */
  apiShut: z.strictObject({ why: z.string(), fix: z.string() }).optional(),
  pid: z.int(),
  uptimeMs: z.int(),
  capacity: Resources,
  reserved: Resources,
  enforcement: Enforcement,
  /** Whether tasks can be run isolated, those of other owners above all. */
  isolation: IsolationView,
  peers: z.array(z.string()),
  nodes: z.record(NodeState, z.int()),
  tasks: z.record(TaskState, z.int()),
  /** Runs on this machine now, whoever submitted them. */
  running: z.int(),
  /** Who signed two records under one number, and is cut off for it. Shown in red. */
  quarantined: z.array(QuarantinedView),
  /** Its audit log, and the logs of others that contradict themselves; the latter are shown in red. */
  audit: z.strictObject({ size: z.int(), alarms: z.array(AuditAlarmView) }),
})
export type StatusView = z.infer<typeof StatusView>

/** One machine of the mesh, as this daemon knows it. */
export const NodeView = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** This daemon itself. */
  self: z.boolean(),
  state: NodeState,
  /** It takes no new tasks, and why; absent where it does. */
  cordon: CordonView.optional(),
  /** Its watchers miss it, and it has a moment to answer. */
  suspect: z.boolean(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  capacity: Resources.optional(),
  free: Resources.optional(),
  /** Share of the CPU in use, 0 to 1. */
  cpuRatio: z.number().optional(),
  memoryAvailableBytes: z.int().optional(),
  tasks: z.int().optional(),
  heartbeatAgeMs: z.int().optional(),
  /** Between its heartbeats, as it has promised: longer in a large mesh. */
  heartbeatIntervalMs: z.int().optional(),
  uptimeMs: z.int().optional(),
  addresses: z.array(z.string()),
  drivers: z.array(z.string()),
  version: z.string().optional(),
  enforcement: Enforcement.optional(),
  /** What tasks can be isolated by there. */
  isolation: z.string().optional(),
  /** The hardware summary of its passport (`HardwareSummary`). */
  hardware: z.unknown().optional(),
  /** Capabilities of all its passports. */
  capabilities: z.array(z.string()),
  /** Names of the passports it publishes, its own first. */
  passports: z.array(z.string()),
  /** A control stream to it stands. */
  connected: z.boolean(),
  /** Its audit log contradicts itself: it was rewritten, or was lost and begun anew. */
  auditAlarm: AuditAlarmView.shape.what.optional(),
})
export type NodeView = z.infer<typeof NodeView>

/** `GET /v1/capabilities/{name}`: who offers a capability, least loaded first. */
export const FoundView = z.strictObject({
  capability: z.string(),
  matches: z.array(
    z.strictObject({
      peerId: z.string(),
      node: z.string(),
      state: NodeState,
      cpuRatio: z.number().optional(),
      /** The passport that names it, as published. */
      passport: z.unknown(),
    }),
  ),
  /** When there is no match: why each that names it does not count. */
  reasons: z.array(z.string()),
})
export type FoundView = z.infer<typeof FoundView>

/** Answer to `POST /v1/jobs`: the ids to ask after. */
export const JobAccepted = z.strictObject({
  jobId: Id,
  taskIds: z.array(Id),
  /** Where several clusters were asked: the one it is in. */
  cluster: z.string().optional(),
})
export type JobAccepted = z.infer<typeof JobAccepted>

/** `POST /v1/bundles` (body: a tar): the content hash to name as a spec's `input`. */
export const BundleAccepted = z.strictObject({ sha256: z.string(), sizeBytes: z.int() })
export type BundleAccepted = z.infer<typeof BundleAccepted>

/** A task in lists. `role`: submitted here, run here for another, or both. */
export const TaskView = z.strictObject({
  taskId: Id,
  jobId: Id,
  name: z.string(),
  command: z.array(z.string()),
  state: TaskState,
  role: z.enum(['submitter', 'executor', 'both']),
  submitter: z.string(),
  /** Whose it is, of those who share this daemon's API; absent: the host's own, or submitted elsewhere. */
  tenant: z.string().optional(),
  attempt: z.int(),
  /** Where the current attempt is; absent while queued. */
  node: z.string().optional(),
  nodeName: z.string().optional(),
  submittedAtMs: z.int().optional(),
  startedAtMs: z.int().optional(),
  endedAtMs: z.int().optional(),
  exit: TaskExit.optional(),
  output: z.enum(['fetching', 'here', 'failed']).optional(),
  resources: Resources,
  /** Why it still waits, in a sentence; while queued, and once awarded while its input is on the way. */
  waiting: z.string().optional(),
})
export type TaskView = z.infer<typeof TaskView>

/** One line of `GET /v1/tasks/{id}/logs` (NDJSON). `data` is base64: logs are bytes. */
export const LogLine = z.strictObject({
  attempt: z.int(),
  stream: z.enum(['stdout', 'stderr']),
  offset: z.int(),
  data: z.string(),
})
export type LogLine = z.infer<typeof LogLine>

/**
 * In place of further log lines, and the last line then: the rest cannot be had, since its executor is gone
 * or keeps it no longer. It says nothing about how the task ended.
 */
export const LogEnd = z.strictObject({
  error: z.strictObject({ code: z.literal('log-unavailable'), detail: z.string() }),
})
export type LogEnd = z.infer<typeof LogEnd>

/** `GET|POST|DELETE /v1/trust`: peers whose tasks run here. */
export const TrustView = z.strictObject({ open: z.boolean(), peers: z.array(z.string()) })
export type TrustView = z.infer<typeof TrustView>

/** `POST /v1/passports` (body: YAML): what was published. */
export const PassportsAccepted = z.strictObject({ published: z.array(z.string()) })
export type PassportsAccepted = z.infer<typeof PassportsAccepted>

/**
 * One event of `GET /v1/events` (SSE). The SSE id is `id`, its event name is `type`. After a gap
 * (`Last-Event-ID` too old) the stream begins with `reset`: read everything again.
 */
export const MeshEvent = z.strictObject({
  id: z.int(),
  atMs: z.int(),
  type: z.enum(['node', 'task', 'contract', 'job', 'trust', 'policy', 'governance', 'reset']),
  /** node: peer id · task: task id · contract: run id · job: job id · policy: its name ·
   * governance: peer id or entry */
  subject: z.string(),
  /** The new state, or what happened. */
  what: z.string(),
  node: z.string().optional(),
})
export type MeshEvent = z.infer<typeof MeshEvent>

/** RFC 9457 problem details; `code`, `fix`, `errors` and `reasons` are Althing's extension members. */
export const Problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  fix: z.string().optional(),
  /** Which fields of the request do not fit, and why. */
  errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  /** `no-capable-nodes`: why each node that names the capability does not count. */
  reasons: z.array(z.string()).optional(),
})
export type Problem = z.infer<typeof Problem>
