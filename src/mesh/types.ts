/**
 * The mesh: registry and negotiation composed into one pure state machine. The daemon's loop and the
 * simulator drive this very code; neither has any of their own.
 */
import type { WitnessState } from '../audit/witness.ts'
import type { AuditAsk, AuditHead, AuditTold } from '../model/audit-exchange.ts'
import type { ControlMessage } from '../model/control.ts'
import type { Cordon } from '../model/cordon.ts'
import type { NodeState } from '../model/heartbeat.ts'
import type { LoadSample } from '../model/hardware.ts'
import type { Passport } from '../model/passport.ts'
import type { WardQuestion } from '../model/ward.ts'
import type { NegotiationConfig } from '../negotiation/config.ts'
import type { NegotiationInput } from '../negotiation/step.ts'
import type { LocalNode } from '../negotiation/nodes.ts'
import type { Context, NegotiationEffect, NegotiationState, NodeId } from '../negotiation/types.ts'
import type { CompiledPolicy } from '../policy/types.ts'
import type { Persisted, RegistryState } from '../registry/registry.ts'
import type { BoundedMap } from '../util/bounded-map.ts'
import type { Deadlines } from '../util/deadlines.ts'
import type { TopologyConfig, TopologyState } from '../topology/types.ts'
import type { Clusters } from '../topology/zones.ts'
import type { Rng } from '../util/rng.ts'
import type { TokenBuckets } from '../util/token-buckets.ts'
import type { VerifiedRecord } from '../wire/envelope.ts'
import type { WardConfig, WardState, WardTimer } from './wards/state.ts'

/** Knobs of the mesh. Times in milliseconds. */
export interface MeshConfig {
  readonly cluster: string
  readonly version: string
  /**
   * Between two heartbeats, jittered by a tenth; longer in a mesh of more than 40 (`pace.ts`). Must match mesh-wide
   * within a factor of two. @default 10000
   */
  readonly beatMs: number
  /** Silence after which a node is offline: three beats, or three of those that it names. @default 30000 */
  readonly leaseMs: number
  /** Silence after which a node is no longer listed: six beats, likewise. @default 60000 */
  readonly deadMs: number
  /** Between two rounds of anti-entropy, each with one random neighbour. @default 30000 */
  readonly syncMs: number
  /** How long a daemon with addresses to join waits for its first neighbour before it is ready alone. @default 3000 */
  readonly joinMs: number
  /** Lifetime of a passport, renewed at a third of it; longer in a mesh of more than 120. @default 3600000 */
  readonly passportTtlMs: number
  readonly negotiation: NegotiationConfig
  /** What differs from the defaults of `topology/config.ts`. */
  readonly topology: Partial<TopologyConfig>
  /** How a large mesh is cut into wards; absent: it never is. */
  readonly wards?: WardConfig | undefined
}

/** `joining`: not synchronised yet · `ready`: takes part (shown as busy when full) · `leaving`: said goodbye. */
export type MeshPhase = 'joining' | 'ready' | 'leaving'

export const PHASE_TRANSITIONS: Readonly<Record<MeshPhase, readonly MeshPhase[]>> = {
  joining: ['ready', 'leaving'],
  ready: ['leaving'],
  leaving: [],
}

/** What this node knows of itself; the driver of the loop keeps it true by `local` inputs. */
export type LocalFacts = Omit<
  LocalNode,
  'accepting' | 'stateName' | 'cpuRatio' | 'memoryAvailableBytes' | 'warmBundles'
>

/** A zone or a region. `inferred`: by distance. The name of one that no label names begins with `~`. */
export interface Domain {
  readonly name: string
  readonly inferred: boolean
}

/** Where one node stands, as far as it is known. */
export interface Whereabouts {
  readonly zone?: Domain
  readonly region?: Domain
}

/** What was found last, and when. Kept so that trembling distances do not move anybody. */
export interface ZoneState {
  atMs: number
  zones: Clusters
  regions: Clusters
  whereabouts: ReadonlyMap<NodeId, Whereabouts>
}

/** Fetching all that a neighbour has, a few of the registry's buckets at a time, from one neighbour at a time. */
export interface Fill {
  readonly peer: NodeId
  /** Where the present part begins, and how many buckets it has. */
  bucket: number
  width: number
  /** Buckets that are still to come, those of this part included. */
  left: number
  /** Number of what was asked for last: what answers anything else moves nothing on. */
  part: number
  /** When that was. */
  askedMs: number
}

/** What the mesh keeps for its audit. */
export interface AuditState {
  readonly witness: WitnessState
  /** What strangers may still have written. */
  readonly allowance: TokenBuckets
  /** Events of strangers that were not written, and not yet told. */
  readonly omitted: BoundedMap<NodeId, number>
}

/** Everything a node knows and is in the middle of. Changed only by `meshStep`. */
export interface MeshState {
  readonly self: NodeId
  readonly registry: RegistryState
  readonly negotiation: NegotiationState
  /** Who is alive. */
  readonly topology: TopologyState
  /** Which zones were last inferred. */
  readonly zones: ZoneState
  /** Which part of a large mesh this node is in. */
  readonly wards: WardState
  /** What others' audit logs looked like. */
  readonly audit: AuditState
  readonly peers: Set<NodeId>
  readonly warmBundles: Set<string>
  readonly deadlines: Deadlines<'beat' | 'sync' | 'join' | 'renew-passports' | 'expire' | 'audit' | WardTimer>
  phase: MeshPhase
  /** Boot epoch of this daemon's records; see design section 3. */
  epoch: number
  /** Last sequence number by kind. */
  readonly seqs: Map<string, number>
  /** (epoch, seq) of the newest own passport, told in every heartbeat. */
  newestPassport: { epoch: number; seq: number }
  startedAtMs: number
  local: LocalFacts
  /** What may run here; see `Context.policies`. */
  policies: readonly CompiledPolicy[]
  sample: LoadSample
  /** Own passports by record name; the machine's own among them. */
  readonly passports: Map<string, Passport>
  /** What the last heartbeat said, to beat early when it changes. */
  toldState: NodeState | undefined
  /** The cordon that the last passport of this machine told of, likewise. */
  toldCordon: Cordon | undefined
  lastBeatMs: number
  /** What the last heartbeat promised. */
  toldIntervalMs: number
  /** Records taken since the last sync message: whether another round is worth while. */
  news: number
  /** From whom much is being fetched, and how far that has come. */
  fill: Fill | undefined
}

/** What can happen to a node; everything else follows from these. */
export type MeshInput =
  | NegotiationInput
  /** First input. `alone`: there is nobody to join, so the node is ready at once. */
  | { readonly type: 'start'; readonly epoch: number; readonly alone: boolean }
  /** The epoch was raised (and stored): everything is published again under it. */
  | { readonly type: 'epoch'; readonly epoch: number }
  /** Before `start`: what the store holds of the registry, its records verified again. */
  | { readonly type: 'restore-registry'; readonly persisted: Persisted }
  /** Before `start`: what the store holds of others' audit logs. */
  | {
      readonly type: 'restore-audit'
      readonly heads: ReadonlyMap<string, unknown>
      readonly alarms: ReadonlyMap<string, unknown>
    }
  /** Somebody knows why the audit log of a peer contradicts itself. */
  | { readonly type: 'accept-log'; readonly peer: NodeId }
  | { readonly type: 'local'; readonly facts: LocalFacts }
  /** The knobs are others from now on: what each step is given with `config`. */
  | { readonly type: 'configured' }
  /** Every policy that is in force from now on: what it forbids of what is here is stopped or drained. */
  | { readonly type: 'policies'; readonly policies: readonly CompiledPolicy[] }
  /** The whole set of own passports; what is not in it any more is withdrawn by letting it expire. */
  | { readonly type: 'passports'; readonly passports: readonly Passport[] }
  | { readonly type: 'sample'; readonly sample: LoadSample }
  | { readonly type: 'bundle'; readonly sha256: string; readonly here: boolean }
  /**
   * A verified record, by gossip, by sync (then `ageMs` > 0 perhaps) or our own coming back from the signer.
   * `statedAgeMs`: its age by its author's own clock; absent for our own.
   */
  | {
      readonly type: 'record'
      readonly record: VerifiedRecord
      readonly ageMs: number
      readonly statedAgeMs?: number
      /** On whose topic it came by gossip, */
      readonly ward?: string | undefined
      /** or who passed it on by sync. */
      readonly from?: NodeId
    }
  /** Asks another ward for nodes, which are known here for a while then: comes back as `ward-answered`. */
  | { readonly type: 'ward-query'; readonly ticket: string; readonly question: WardQuestion }
  /** What a peer has told of other wards, its records verified. */
  | {
      readonly type: 'ward-told'
      readonly from: NodeId
      readonly nonce: number
      readonly records: readonly {
        readonly record: VerifiedRecord
        readonly ageMs: number
        readonly statedAgeMs: number
      }[]
      readonly left: number
      readonly moved: boolean
    }
  /** It is no member of the cluster any more: nothing it said counts. */
  | { readonly type: 'expel'; readonly peer: NodeId }
  | { readonly type: 'peer-up'; readonly peer: NodeId; readonly wallMs: number }
  | { readonly type: 'peer-down'; readonly peer: NodeId }
  /** No dial reaches this peer. `refused`: at each of its addresses somebody said that nothing listens there. */
  | { readonly type: 'dial-failed'; readonly peer: NodeId; readonly refused: boolean }
  /** Says goodbye; nothing is accepted afterwards. */
  | { readonly type: 'leave' }

/** Are you there, and the answers to it. */
export type ProbeMessage = Extract<ControlMessage, { t: 'ping' | 'pong' | 'ask' | 'asked' }>

/** One step under way. */
export interface StepContext {
  readonly nowMs: number
  readonly config: MeshConfig
  readonly rng: Rng
  /** This node's own audit log as far as it is safe on disk; undefined where none is kept. */
  readonly auditHead?: (() => AuditHead | undefined) | undefined
  /** What the other clusters of this machine do now; see `negotiation/types.ts`. */
  readonly usageElsewhere?: Context['usageElsewhere']
  readonly out: MeshEffect[]
}

/** What became of a record, for the validator that decides whether gossip forwards it. */
export type RecordFate = 'accept' | 'ignore' | 'reject'

/** What a step asks of the world. `persist` comes first, whatever its place in the list. */
export type MeshEffect =
  | NegotiationEffect
  /** Seal this and publish it; the sealed record comes back as a `record` input first. */
  | {
      readonly type: 'publish'
      readonly topic: 'records' | 'pulse' | 'digests'
      readonly kind: 'passport' | 'heartbeat' | 'testimony' | 'digest'
      /** On whose topics; absent: on that of the whole mesh. Digests have one topic only. */
      readonly wards?: readonly string[]
      readonly name: string
      readonly epoch: number
      readonly seq: number
      readonly ttlMs: number
      readonly body: unknown
    }
  /** Records and marks are a cache of the mesh: they may be stored a little later, in bulk. */
  | {
      readonly type: 'cache'
      readonly collection: 'record' | 'mark' | 'audit-head'
      readonly key: string
      readonly doc: unknown
    }
  /** As negotiation's own: stored before anything else of the step happens. */
  | {
      readonly type: 'persist'
      readonly collection: 'audit-alarm' | 'proof'
      readonly key: string
      readonly doc: unknown
    }
  /** Answer this from the audit log, and send it to whoever asked. */
  | { readonly type: 'audit-answer'; readonly to: NodeId; readonly ask: AuditAsk }
  /** An answer came in; whoever asked for it may wait. */
  | { readonly type: 'audit-told'; readonly from: NodeId; readonly told: AuditTold }
  /** Whose topics are heard from now on, and whether the digests' is. */
  | { readonly type: 'listen'; readonly wards: readonly string[]; readonly digests: boolean }
  /** What has become of a question to another ward. `left`: nodes that were not told of, `last`: the last that was. */
  | {
      readonly type: 'ward-answered'
      readonly ticket: string
      readonly ward: string
      readonly outcome: 'told' | 'silent'
      readonly left: number
      readonly last: NodeId
    }
  | { readonly type: 'fate'; readonly fate: RecordFate; readonly outcome: string }
  /** Somebody has records of ours from a later boot than this: raise the stored epoch above `atLeast`. */
  | { readonly type: 'raise-epoch'; readonly atLeast: number }
  /** Where a peer can be dialled, from its signed passport. */
  | { readonly type: 'learn-addresses'; readonly peer: NodeId; readonly addresses: readonly string[] }
  /** A probe or its answer: by the quickest way there is, and nothing is lost by its loss. */
  | { readonly type: 'probe'; readonly to: NodeId; readonly message: ProbeMessage }
  /** See whether anybody listens at its address: comes back as `peer-up` or `dial-failed`. */
  | { readonly type: 'dial'; readonly peer: NodeId }
  /** The peers to keep links to, all of them; those of an earlier list are free to go. */
  | { readonly type: 'keep-links'; readonly peers: readonly NodeId[] }
  | { readonly type: 'node-event'; readonly peer: NodeId; readonly what: string }
