/**
 * What can be asked of a running daemon: the one surface between `node/` and those who serve people
 * (`status/`, later `facades/`). Everything the CLI and the page do goes through here.
 */
import type { Readable } from 'node:stream'
import type {
  BundleAccepted,
  FoundView,
  JobAccepted,
  LogLine,
  MeshEvent,
  NodeView,
  StatusView,
  TaskView,
  TrustView,
} from '../model/api.ts'
import type { Principal } from '../model/access.ts'
import type { TokenRequest } from '../model/access-api.ts'
import type { TokenCreated, TokenView } from '../model/access-view.ts'
import type { JobRequest } from '../model/job-request.ts'
import type { ElsewhereStory, JobWhyView, QuoteView, WhyView } from '../model/why-view.ts'
import type { ClusterView, HistoryView, MemberView, MovedView, OutcomesView, TicketView } from '../model/cluster.ts'
import type { ConfigurationHistory, ConfigurationView } from '../model/configuration-api.ts'
import type { ClusterPlaceView } from '../model/cluster-place.ts'
import type { FoundRequest, JoinRequest, TicketRequest } from '../model/cluster-requests.ts'
import type { DoctorStep, ReachabilityView } from '../model/doctor.ts'
import type { OperationRequest, OperationView } from '../model/operation.ts'
import type { PolicyExplanation, PolicyHistory, PolicyTrial, PolicyView } from '../model/policy-api.ts'
import type { PolicyLevel } from '../model/policy-levels.ts'
import type { AuditPage, AuditProofView, AuditStory, AuditVerdict } from '../model/audit-view.ts'
import type { ProposalView, ProposedView } from '../model/proposal-view.ts'
import type { QuarantineProofView } from '../model/quarantine-view.ts'
import type { WardNodesView, WardsView } from '../model/ward-view.ts'
import type { TopologyView } from '../model/topology-view.ts'
import { AlthingError } from '../util/errors.ts'

/** Which events of the audit log are asked for, and where a page begins: below `before`. */
export interface AuditPageQuery {
  readonly before?: number
  readonly sinceMs?: number
  /** Types that begin so: `run.` for all of runs. */
  readonly type?: string
  readonly limit: number
}

/** The status of each is in `status/problem.ts`. */
export class OperationError extends AlthingError<
  'not-found' | 'conflict' | 'invalid' | 'full' | 'busy' | 'gone' | 'not-allowed'
> {}

/** What a text that should be a token turns out to be. What is wrong is only told to who knows the secret. */
export type TokenCheck =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly code: 'wrong-token' | 'revoked-token' | 'expired-token' }

/** Tokens by which others than this host's own user ask. */
export interface TokenOperations {
  /** @throws OperationError `invalid`, `conflict` for a name in use, `busy` when there are too many */
  create(request: TokenRequest): TokenCreated
  list(): TokenView[]
  /** By id, or the name of a live one. @throws OperationError `not-found`, `conflict`; StoreError: not stored */
  revoke(idOrName: string): TokenView
  check(text: string): TokenCheck
  /** How many can be used. */
  live(): number
  /** Told the ids of those that are revoked from now on. @returns what ends it */
  onRevoked(listener: (id: string) => void): () => void
}

/** About the cluster of this daemon. All but `found`, `join` and `configuration` throw `not-found` without one. */
export interface ClusterOperations {
  view(): ClusterView
  /** The daemon starts anew after this, as after `join`, `leave` and `rotate`. @throws OperationError */
  found(request: FoundRequest): Promise<MovedView>
  /** @throws OperationError `invalid` for what is no ticket, `conflict` when it is not taken */
  join(request: JoinRequest): Promise<MovedView>
  leave(): MovedView
  invite(request: TicketRequest): Promise<TicketView>
  members(): MemberView[]
  /** @throws OperationError `conflict` when this node has not the right to */
  revoke(peer: string, reason: string): MemberView[]
  rotate(): MovedView
  /** The settings this node goes by; without a cluster too. */
  configuration(): ConfigurationView
  configurationHistory(): ConfigurationHistory
  history(): HistoryView
  /** @throws OperationError `invalid` for what does not verify */
  take(statements: readonly string[]): OutcomesView
  /** What waits for the signatures of other admins, the oldest first. */
  proposals(): ProposalView[]
  /** Passes a proposal on among members. @throws OperationError `invalid` for what does not verify */
  propose(entry: string, refusals: readonly string[]): ProposedView
}

export interface Operations {
  readonly cluster: ClusterOperations
  readonly tokens: TokenOperations
  /** The same surface as one tenant sees it: of all work its own alone; what is about the whole host is refused. */
  ofTenant(tenant: string): Operations
  status(): StatusView
  /** @throws OperationError `invalid` when the selector does not parse */
  nodes(query: { selector?: string; all?: boolean }): NodeView[]
  /** By peer id, unique peer id prefix, or name. @throws OperationError `not-found` */
  node(idOrName: string): NodeView | Promise<NodeView>
  /** The parts of a large mesh. */
  wards(): WardsView
  /** @throws OperationError `not-found`; `invalid` when the selector does not parse */
  wardNodes(ward: string, query: { selector?: string }): Promise<WardNodesView>
  /** Where everybody is, as far as it is known here. */
  topology(): TopologyView
  /** Who signed two records under one number, with the proof. */
  quarantined(): QuarantineProofView[]
  /** In a mesh that is cut into wards others are asked, 3 s at most. */
  find(capability: string, query: { selector?: string }): FoundView | Promise<FoundView>
  /** Stores a bundle while hashing it. @throws OperationError `full` when the disk is or it exceeds the cap */
  addBundle(body: Readable): Promise<BundleAccepted>
  /**
   * With several `clusters` it goes to the one with the best bid.
   * @param tenant whose it is; absent: the host's own
   * @param elsewhere what was said in other clusters of this daemon
   */
  submit(
    request: JobRequest,
    tenant?: string,
    elsewhere?: readonly ElsewhereStory[],
  ): JobAccepted | Promise<JobAccepted>
  /** Who would take it: asks as for a job that is to run, and gives every bid back. */
  quote(request: JobRequest): Promise<QuoteView>
  tasks(query: { all?: boolean }): TaskView[]
  /** By id or unique prefix. @throws OperationError `not-found` */
  task(id: string): TaskView
  /** Resolves when the task has ended (and its output is here, when it has one) or the signal aborts. */
  waitTask(id: string, signal: AbortSignal): Promise<TaskView>
  why(id: string): WhyView
  /** By the whole id of a job that was submitted here. @throws OperationError `not-found` */
  whyJob(jobId: string): JobWhyView
  cancel(id: string): TaskView
  /** Follows from attempt to attempt; waits for a queued task to start when `follow` is set. */
  logs(
    id: string,
    query: { follow: boolean; stream: 'stdout' | 'stderr' | 'both'; signal: AbortSignal },
  ): AsyncIterable<LogLine>
  /** The output bundle (a tar). @throws OperationError `not-found`, `gone` */
  output(id: string): Promise<Readable>
  /**
   * Cordons, drains or uncordons this node or another, which decides by its policies whether it may be asked; or tells
   * what is on it. @throws OperationError `not-found`, `not-allowed`, `conflict`, `busy`, `full`
   */
  operate(request: OperationRequest): Promise<OperationView>
  trust(): TrustView
  addTrust(peer: string): TrustView
  removeTrust(peer: string): TrustView
  /** The policy in force on this node, or that of its cluster, if there is one. @throws OperationError `not-found` */
  policy(level: PolicyLevel): Promise<PolicyView>
  /** Puts a policy in force. `by`: who says so. @throws YamlFileError */
  applyPolicy(text: string, fileName: string, by: string): Promise<PolicyView>
  /** @throws OperationError `not-found` when there is none */
  removePolicy(by: string): Promise<PolicyView>
  /** What another policy of a level would change of what was said to offers made to this node. @throws YamlFileError */
  tryPolicy(text: string, fileName: string, level: PolicyLevel): Promise<PolicyTrial>
  policyHistory(level: PolicyLevel): Promise<PolicyHistory>
  /** What the policy in force says of a task. @throws OperationError `not-found`, `conflict` */
  explainPolicy(id: string): PolicyExplanation
  /** Loads, checks and publishes passports. @returns their names. @throws YamlFileError */
  applyPassports(yaml: string, fileName: string): Promise<string[]>
  /**
   * Events after `sinceId` (0: from now on), then live ones. `listener` must not throw.
   * @returns what ends the subscription
   */
  subscribe(sinceId: number | undefined, listener: (event: MeshEvent) => void): () => void
  /** True once records were first synchronised with a neighbour, or there is none to wait for. */
  ready(): boolean
  /** Named checks for `/healthz`: name → undefined when well, else what is wrong. */
  health(): Record<string, string | undefined>
  /** Prometheus samples: metric name (without the `althing_` prefix) → value. Counters end in `_total`. */
  metrics(): Record<string, number>
  /**
   * Examines this host, or the way to another: a node's name or id, or an address as `diagnosis/target.ts` reads it.
   * Steps come as they are found; none throws. Takes 15 s at most, and ends early when the signal fires.
   */
  examine(target: string | undefined, signal: AbortSignal): AsyncIterable<DoctorStep>
  /** Asks each neighbour whom it sees. Takes some 2 s at most. */
  reachability(signal: AbortSignal): Promise<ReachabilityView>
  /** Events of this node's audit log, the newest first. */
  auditPage(query: AuditPageQuery): Promise<AuditPage>
  /** One event and its proof. @throws OperationError `not-found`, `gone` */
  auditEvent(position: number): Promise<AuditProofView>
  /** The story of a task by all nodes involved; asks them for 3 s at most. @throws OperationError `not-found` */
  auditStory(taskId: string, signal: AbortSignal): Promise<AuditStory>
  /** Reads the whole log and holds it, and those of neighbours, against all heads that are known. */
  verifyAudit(signal: AbortSignal): Promise<AuditVerdict>
  /** The log from a moment on, as lines of JSON that verify elsewhere. */
  exportAudit(sinceMs: number | undefined): Promise<Readable>
  /** Believes the log of a peer again, from its next head on. @throws OperationError `not-found` without an alarm */
  acceptAudit(peer: string): void
  /** The same surface in another cluster that this daemon is in. @throws OperationError `not-found`, `conflict` */
  within(name: string): Operations
  /** All clusters that this daemon is in, the first first. */
  clusters(): ClusterPlaceView[]
  /** Only their names, those of clusters that it cannot take part in too: for whoever asks often. */
  clusterNames(): string[]
  /** Gives up one that this daemon cannot take part in. @returns the others. @throws OperationError */
  forgetCluster(name: string): Promise<ClusterPlaceView[]>
  /** Ends the daemon. Tasks run on. */
  shutdown(): void
}
