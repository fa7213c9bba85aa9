/**
 * The state of bargaining, on both sides of the table, and what it asks of the world.
 *
 * Submitter, per job: `queued tasks → offer round → bids → awards → contracts → reports → settled`.
 * Executor side, per bid: `hold → contracts → reports`, per contract: see `CONTRACT_TRANSITIONS`.
 * Nothing here reads a clock, sends or stores: effects are data.
 */
import type { AuditDraft } from '../model/audit.ts'
import type { ControlMessage } from '../model/control.ts'
import type { Cordon, CordonView } from '../model/cordon.ts'
import type { Bid, NodeId, Report } from '../model/negotiation.ts'
import type { IsolationKind } from '../model/isolation.ts'
import type { Resources } from '../model/resources.ts'
import type { TaskExit, TaskSpec, TaskState } from '../model/task.ts'
import type { ElsewhereStory } from '../model/why-view.ts'
import type { CompiledPolicy, Usage } from '../policy/types.ts'
import type { BoundedMap } from '../util/bounded-map.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { Rng } from '../util/rng.ts'
import type { NegotiationConfig } from './config.ts'
import type { OfferRecord, UsageRecord } from './records.ts'
import type { Candidate, LocalNode } from './nodes.ts'
import type { StoryEntry } from './story.ts'

export type { NodeId }

/** One attempt as the submitter sees it. `outcome` is absent while it is open. */
export interface Attempt {
  readonly attempt: number
  readonly node: NodeId
  readonly offerId: string
  readonly bidId: string
  readonly awardedAtMs: number
  contractedAtMs?: number
  /** Until it starts: bytes of its input that its executor has, as far as it told. */
  fetchedBytes?: number
  startedAtMs?: number
  /** When this node knew that it was over; its `exit` says when that was. */
  endedAtMs?: number
  exit?: TaskExit
  outcome?: 'ended' | 'refused' | 'lost'
  reason?: string
}

/** A task as its submitter keeps it. */
export interface Task {
  readonly taskId: string
  readonly jobId: string
  state: TaskState
  /** While queued: from when on it waits for a place; later than now when a retry has to wait. */
  queuedAtMs: number
  readonly attempts: Attempt[]
  cancelRequested: boolean
  /** When a cancel was first asked for. */
  cancelledAtMs?: number
  /** Retries already spent on non-zero exits. */
  retries: number
  exit?: TaskExit
  /** Where the output bundle is, when the spec asks for one. */
  output?: 'fetching' | 'here' | 'failed'
  endedAtMs?: number
}

/** An offer round under way: who was asked and what they said. */
export interface Round {
  readonly offerId: string
  readonly slots: number
  readonly waiting: Set<NodeId>
  readonly bids: Map<NodeId, { readonly bid: Bid; readonly expiresAtMs: number }>
}

/** Slots a bidder holds for this job. `free` of them are not granted at present. */
export interface Grantable {
  readonly bidId: string
  readonly offerId: string
  readonly node: NodeId
  free: number
  /** When the bidder gives the free ones up. */
  expiresAtMs: number
}

/** Identical tasks submitted together, and the bargaining over them. */
export interface Job {
  readonly jobId: string
  readonly spec: TaskSpec
  /** Whose work it is, of those who share this node's API; known here alone. Absent: the node's own. */
  readonly tenant?: string
  /** Nothing is to run: who bids is asked, in one round, and every bid is given back. See `submitter/quote.ts`. */
  readonly quote?: true
  /** What was said in other clusters of this machine before this one was chosen; see `model/why-view.ts`. */
  readonly elsewhere?: readonly ElsewhereStory[]
  readonly taskIds: readonly string[]
  readonly submittedAtMs: number
  /** Queued tasks fail after this; every state has a timeout. */
  readonly placeByMs: number
  /** Task ids waiting for a slot, first come first served. */
  readonly queue: string[]
  round?: Round
  /** By bid id. */
  readonly grantable: Map<string, Grantable>
  /** Wait before the next round, doubling. */
  reofferMs: number
  /** When the last round began. */
  offeredMs: number
  /** Nodes that had no room, or too little, when asked: their news of capacity is worth a round. */
  readonly hopes: Set<NodeId>
  /** Nodes that declined it for a reason that does not pass with time: they are asked after all others. */
  readonly unwilling: Set<NodeId>
  readonly story: StoryEntry[]
  /** Entries cut from the middle of a story that grew past its caps. */
  storyDropped: number
}

export const CONTRACT_TRANSITIONS = {
  accepted: ['running', 'ended'],
  running: ['ended'],
  ended: ['settled'],
  settled: [],
} as const satisfies Record<string, readonly string[]>
/** Where a contract stands; see `CONTRACT_TRANSITIONS`. */
export type ContractPhase = keyof typeof CONTRACT_TRANSITIONS

/** Why an executor ends a run before its time. `policy`: it lets it run no longer, by a rule or by whose it is now. */
export type StopWhy = 'cancelled' | 'lost' | 'policy'

/** An attempt as its executor keeps it; stored before it is acknowledged. */
export interface ContractState {
  readonly runId: string
  readonly taskId: string
  readonly attempt: number
  readonly submitter: NodeId
  readonly bidId: string
  readonly spec: TaskSpec
  /** It runs isolated, and not otherwise. Decided at the award; at the start it may come, and never goes. */
  isolation?: IsolationKind
  phase: ContractPhase
  readonly acceptedAtMs: number
  leaseUntilMs: number
  /** Until it starts: bytes of its input that are here. */
  fetchedBytes?: number
  startedAtMs?: number
  endedAtMs?: number
  exit?: TaskExit
  /** Its end was asked for: by the submitter, or by the policy of this node. */
  stopWhy?: StopWhy
  /** Of a `policy` one: the rule, and the values it saw. */
  stopNote?: string
}

/** Capacity set aside for a submitter that was sent a bid. */
export interface Hold {
  readonly bidId: string
  readonly offerId: string
  readonly submitter: NodeId
  readonly spec: TaskSpec
  readonly bid: Bid
  /** Slots set aside and not granted. */
  slots: number
  /** Contracts that run under it; their slots come back here when they end, unless others wait. */
  active: number
}

/** Both sides of the table of one node. */
export interface NegotiationState {
  readonly jobs: Map<string, Job>
  readonly tasks: Map<string, Task>
  /** Open attempts by executor: run ids that are awarded or running there. */
  readonly byExecutor: Map<NodeId, Set<string>>
  /** When each executor last gave a sign of life. */
  readonly heardMs: Map<NodeId, number>
  /** Executors with attempts here that their watchers find gone. */
  readonly missed: Map<NodeId, { readonly sinceMs: number; readonly why: string }>
  /** Unanswered grants by bid id: what an award repeats. */
  readonly inDoubt: Map<string, { node: NodeId; jobId: string; offerId: string; runs: Set<string>; waitMs: number }>
  readonly holds: Map<string, Hold>
  /** Bid ids by `<submitter>/<offer id>`: a repeated offer gets the same answer. */
  readonly holdByOffer: Map<string, string>
  readonly contracts: Map<string, ContractState>
  readonly tombstones: BoundedMap<string, string>
  /** Jobs that were offered here, by `<submitter>/<job id>`, the one last offered last; see `executor/offers.ts`. */
  readonly offers: Map<string, OfferRecord>
  /** What quotas count, by submitter, and of all together; see `executor/usage.ts`. */
  readonly usage: BoundedMap<NodeId, UsageRecord>
  /** Submitters to tell when capacity frees, and what one slot of theirs takes. */
  readonly waiters: Map<NodeId, Resources>
  /** Those who were told, and until when room for a slot of theirs is kept from others with more; see `shares.ts`. */
  readonly turns: Map<NodeId, { readonly each: Resources; readonly untilMs: number }>
  /** When each submitter was last given a hold, and any node of each owner; see `executor/owners.ts`. */
  readonly servedMs: BoundedMap<string, number>
  /** Sum of all holds and of all contracts that have not ended. */
  reserved: Resources
  /** What the other clusters of this machine have reserved of it: true for as long as the present step takes. */
  takenElsewhere: Resources
  /** From award to process, milliseconds: a running mean of what starts took here. */
  startMs: number
  /** Reports waiting for the next flush, by submitter and run id. */
  readonly reports: Map<NodeId, Map<string, PendingReport>>
  readonly reportedMs: Map<NodeId, number>
  /** Ended attempts whose submitter has not settled, and the wait before they are reported again. */
  readonly unsettled: Map<NodeId, { runs: Set<string>; waitMs: number }>
  /** While it is there nothing new is taken; see `executor/cordon.ts`. */
  cordon: Cordon | undefined
  /** No result is given up before this; see `restore`. */
  keepUntilMs: number
  readonly deadlines: Deadlines<string>
  /** Jobs whose story changed since it was last stored. */
  readonly dirtyJobs: Set<string>
  /** Tasks and runs that are to be stored again soon; see `touchTask`. */
  readonly dirtyTasks: Set<string>
  readonly dirtyContracts: Set<string>
}

/** News of a contract that waits for the next report to its submitter. */
export interface PendingReport {
  readonly phase: Report['reports'][number]['phase']
  readonly slotKept: boolean
}

/** What happened, for the event stream. */
export type WorkEvent =
  | { readonly type: 'task'; readonly taskId: string; readonly state: TaskState; readonly node?: NodeId }
  /** More of the input of an awarded task came to its executor. */
  | { readonly type: 'fetching'; readonly taskId: string; readonly node: NodeId }
  | { readonly type: 'job'; readonly jobId: string; readonly what: StoryEntry['kind'] }
  | { readonly type: 'cordon'; readonly what: CordonView['state'] | 'uncordoned' }
  | {
      readonly type: 'contract'
      readonly runId: string
      readonly phase: ContractPhase | 'lease-lapsed'
      readonly submitter: NodeId
    }

/** What the core asks for. All `persist` effects of a step are carried out before any other of that step. */
export type NegotiationEffect =
  | {
      readonly type: 'persist'
      readonly collection: 'job' | 'task' | 'contract' | 'usage' | 'cordon'
      readonly key: string
      readonly doc: unknown
    }
  | { readonly type: 'send'; readonly to: NodeId; readonly message: ControlMessage }
  /** What was said when a quote was asked for. `slots`: how many of its tasks would have a place. */
  | {
      readonly type: 'quoted'
      readonly jobId: string
      readonly slots: number
      readonly bestScore: number
      readonly story: readonly StoryEntry[]
    }
  | { readonly type: 'start'; readonly contract: ContractState }
  | { readonly type: 'stop'; readonly runId: string; readonly why: StopWhy; readonly graceMs: number }
  | { readonly type: 'forget'; readonly contract: ContractState }
  | {
      readonly type: 'fetch-output'
      readonly taskId: string
      readonly node: NodeId
      readonly runId: string
      readonly sha256: string
      readonly sizeBytes: number
    }
  /** As `persist`, but it may be stored a little later, in bulk. */
  | { readonly type: 'cache'; readonly collection: 'offer'; readonly key: string; readonly doc: unknown }
  | { readonly type: 'emit'; readonly event: WorkEvent }
  /** To be written into the audit log, with what the step persists where it persists something. */
  | { readonly type: 'audit'; readonly event: AuditDraft }

/** What every function of the core is given beside its state: the moment, chance, and where effects go. */
export interface Context {
  readonly nowMs: number
  readonly rng: Rng
  readonly self: NodeId
  readonly config: NegotiationConfig
  readonly out: NegotiationEffect[]
  /** Nodes in the registry, this one included. */
  readonly candidates: () => readonly Candidate[]
  /** Parts of the mesh whose nodes are not known here and are not asked for this task, each named, and why. */
  readonly elsewhere?: (spec: TaskSpec) => readonly { readonly node: string; readonly reason: string }[]
  /** Round trip to a node, milliseconds, measured or estimated; undefined while nothing is known. */
  readonly distanceMs: (node: NodeId) => number | undefined
  /** The host, zone or region a node is in; undefined while that is not known. */
  readonly domainOf: (node: NodeId, over: NonNullable<TaskSpec['spread']>['over']) => string | undefined
  readonly local: LocalNode
  readonly cluster: string
  /** What may run here; all of them must allow. */
  readonly policies: readonly CompiledPolicy[]
  /** What this machine does in its other clusters now; absent where there are none. */
  readonly usageElsewhere?: (() => Usage | undefined) | undefined
  /** This node may be the one that is cut off: nobody is given up meanwhile. */
  readonly cutOff: boolean
}
