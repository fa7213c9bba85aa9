/**
 * Who is alive: the shapes of the membership core. It is pure; the mesh feeds it what was heard and
 * carries out what it asks for.
 *
 * The protocol is SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard's local health (Dadgar, Phillips, Currey,
 * arXiv 1707.00788), and three differences:
 *
 * - Each member is probed by the same few *watchers*, ranked by rendezvous hash, over standing links and datagrams
 *   (not by random members in turn): a broken link is evidence at once, and the watchers know their link's usual
 *   delay and loss, so silence is judged by what is usual there.
 * - Evidence is signed and counted: a member becomes suspect by two independent watchers, not by whoever spoke last.
 * - A watcher that hears the subject again withdraws its evidence, so a lossy link heals without the subject's help.
 */
import type { BoundedMap } from '../util/bounded-map.ts'
import type { TimerHeap } from '../util/timer-heap.ts'
import type { Point } from './coordinates/point.ts'
import type { Placement } from './coordinates/vivaldi.ts'
import type { MemberTimers, OwnTimers, TopologyTimer, WatchTimers } from './timers.ts'

/** Peer id in text form. */
export type MemberId = string

/** What a subject has signed of itself: only a higher one refutes evidence against it. */
export interface Pair {
  /** Boot epoch of its records. */
  readonly epoch: number
  /** Raised by the subject each time it hears evidence against itself. */
  readonly incarnation: number
}

/** `refused`: its link broke and nobody listens at its address now. `silent`: probes, direct and by others, fail. */
export type Evidence = 'refused' | 'silent'

/**
 * What a watcher says, signed, of a subject: its evidence, or `cleared` when it hears the subject again.
 * For one (watcher, subject) the highest `seq` counts.
 */
export interface Testimony extends Pair {
  readonly watcher: MemberId
  readonly subject: MemberId
  readonly seq: number
  readonly says: Evidence | 'cleared'
  /** Share of probes to this subject that went unanswered while it was well, 0 to 1. */
  readonly loss: number
}

/** `left`: it said goodbye. */
export type Verdict = 'alive' | 'suspect' | 'offline' | 'left'

/** One member as this node sees it. */
export interface Member {
  readonly id: MemberId
  /** The highest pair it has signed, as far as this node has heard. */
  pair: Pair
  verdict: Verdict
  /** It is offline because its heartbeats ran out: a fresh one is enough to bring it back. */
  lapsed: boolean
  /** Since when the verdict stands. */
  sinceMs: number
  /** Latest testimony by watcher, `cleared` ones too; only what names the present pair, or a later one, counts. */
  readonly testimony: Map<MemberId, Testimony>
  /** Since when any evidence against its present pair stands. Pushed on by this node's own pauses. */
  accusedMs: number | undefined
  /** Since when its time to refute runs. Pushed on by this node's own pauses. */
  suspectMs: number | undefined
  /** It is suspect on fewer words than a quorum, which have stood unrefuted for long. */
  isLone: boolean
  /** When it last was told that it is held to be offline. */
  toldMs: number
  /** The machine it runs on, as its passport says: witnesses on one machine count once. Empty while unknown. */
  host: string
  /** Where it says it is, by its last heartbeat; undefined while it has not measured anything. */
  point: Point | undefined
  /** Of its id, for the ranking of watchers. */
  readonly hash: number
  /** Who watches it, as long as the roster's version is this. */
  ranking: Ranking | undefined
  readonly timers: MemberTimers
}

/** Who watches one subject, best ranked first. */
export interface Ranking {
  /** The roster's version it was made from. */
  readonly version: number
  /** The first few believed alive: they probe. */
  readonly watchers: readonly MemberId[]
  /** Their words count. Holds all watchers, and the best ranked of the roster, alive or not. */
  readonly witnesses: readonly MemberId[]
}

/** A probe that was not answered yet. */
export interface Probe {
  readonly nonce: number
  readonly sentMs: number
  dueMs: number
  /** It was due and counted as a miss; a late answer is still one. */
  missed: boolean
}

/** A member that this node probes. */
export interface Watch {
  readonly subject: MemberId
  readonly timers: WatchTimers
  /** Smoothed round trip and its variation (RFC 6298), milliseconds; undefined before the first answer. */
  rttMs: number | undefined
  rttVarMs: number
  /** Share of probes unanswered while the subject was well, smoothed, 0 to 1. */
  loss: number
  /** How many probes `loss` was learnt from, as far as it matters. */
  lossSamples: number
  /** Probes in a row that went unanswered. */
  misses: number
  /** Unanswered probes by way of others since the subject was last heard. */
  indirectMisses: number
  /** Probes by way of others that are not due yet, */
  asked: number
  /** and all of this run, by nonce: late answers are taken too. */
  readonly asks: Map<number, MemberId>
  /** Those of them that say it has answered them. */
  readonly vouchers: Set<MemberId>
  /** Last sign of life: an answer, a probe of its own, or the word of two others that it answered. */
  heardMs: number
  /** When it last was probed. */
  sentMs: number
  /** Probes still to be sent in quick succession though none was missed: somebody else has evidence. */
  hurried: number
  /** Own probes in a row that one of the subject's stood for. */
  postponed: number
  /** Silence this long is no evidence: it has refuted what was said of shorter ones. 0 once it is heard again. */
  patienceMs: number
  /** Sent and not answered yet, oldest first. */
  readonly outstanding: Probe[]
  /** What this node has last said of it, and when. */
  said: { says: Evidence | 'cleared'; atMs: number; pair: Pair } | undefined
}

/** Knobs. All times are milliseconds; defaults are in `DEFAULT_TOPOLOGY`. */
export interface TopologyConfig {
  /** Between two probes of a subject that answers. Lower: faster detection, more datagrams. @default 1000 */
  readonly probeMs: number
  /** Between two probes of a subject that has just missed one. @default 150 */
  readonly burstMs: number
  /** Least and most time an answer is given, whatever the link's usual round trip. @default 100, 2000 */
  readonly minTimeoutMs: number
  readonly maxTimeoutMs: number
  /** Members that probe one subject. @default 4 */
  readonly watchers: number
  /** Ranks from which testimony counts: views differ during churn. @default 8 */
  readonly witnesses: number
  /** Independent testimonies that make a member suspect. @default 2 */
  readonly quorum: number
  /** How improbable, by chance alone, a run of misses must be before it is evidence. @default 1e-6 */
  readonly chance: number
  /** Shortest time a suspect has to refute, in a calm network. @default 1000 */
  readonly suspectMinMs: number
  /** The longest is this many times the shortest (Lifeguard's beta). @default 3 */
  readonly suspectMaxFactor: number
  /** A wake-up later than this is the node's own slowness. @default 100 */
  readonly lateMs: number
  /** Between two probes of a member that is offline. @default 5000 */
  readonly lostProbeMs: number
  /** Least time between two refutations by this node; one accuser alone soon waits longer. @default 500 */
  readonly refuteMs: number
  /** Window in which lost members are counted for the brake. @default 10000 */
  readonly brakeWindowMs: number
  /** How long rescheduling pauses at least. @default 30000 */
  readonly brakeMs: number
  /** How long an offline member stays on the roster. @default 86400000 */
  readonly forgetMs: number
}

/** Caps. */
export const TOPOLOGY_LIMITS = {
  members: 20_000,
  /** Subjects one node probes: four times the average it has by rendezvous. */
  watches: 64,
  outstanding: 64,
  /** Questions of one run of misses whose answers are still taken. */
  asks: 64,
  /** Probes this node makes for others at once. */
  errands: 256,
  /** Of them for one asker, who has so many subjects at most. */
  errandsPerAsker: 64,
  testimonyPerMember: 16,
  accusers: 64,
} as const

/** A probe made for somebody else. */
export interface Errand {
  readonly asker: MemberId
  readonly askerNonce: number
  readonly subject: MemberId
  readonly atMs: number
}

/** All of it. Changed in place by `topologyStep` only. */
export interface TopologyState {
  readonly self: MemberId
  readonly selfHash: number
  readonly config: TopologyConfig
  own: Pair
  isLeaving: boolean
  host: string
  /** Number of this node's last testimony. Begins anew, and higher, with each of its epochs. */
  lastSeq: number
  lastNonce: number
  /** Lifeguard's local health: 0 is well, each point stretches every timeout by once its length, 8 at most. */
  health: number
  /** When the health last got better: it does so once a round. */
  healthMs: number
  /** When this node last refuted, and the highest incarnation yet to be refuted: ill health, if its accuser is new. */
  refutedMs: number
  toRefute: { readonly incarnation: number; readonly isNews: boolean } | undefined
  /** Who has accused this node lately: for how many of its incarnations in a row, and of which last, and when. */
  readonly accusers: BoundedMap<
    MemberId,
    { readonly times: number; readonly incarnation: number; readonly atMs: number }
  >
  readonly members: BoundedMap<MemberId, Member>
  readonly watches: Map<MemberId, Watch>
  /** Peers with a standing link. */
  readonly linked: Set<MemberId>
  /** Where this node is, and what it has measured. */
  readonly placement: Placement
  /** The last probe that was sent for its round trip alone. */
  measuring: { readonly nonce: number; readonly to: MemberId; readonly sentMs: number } | undefined
  /** By the nonce of the probe made for them. */
  readonly errands: BoundedMap<number, Errand>
  /** Members with evidence against them, which is to be weighed again when others change. */
  readonly accused: Set<MemberId>
  /** Members by host, this node included. */
  readonly hosts: Map<string, number>
  /** Rises when who is there or believed alive changes. */
  rosterVersion: number
  /** Set while this node believes that it may be cut off, and since when. */
  brake: { readonly sinceMs: number; untilMs: number } | undefined
  /** All timers that are set: of the watches, of the members, and this node's own. */
  readonly deadlines: TimerHeap<TopologyTimer>
  readonly timers: OwnTimers
  /** What is said of the accused must be weighed again in this step. */
  reweigh: boolean
}

/** What the core is told. */
export type TopologyInput =
  /**
   * The highest pair a member has signed, by heartbeat: each one that comes, news or not. `host`: from its passport,
   * empty while unknown. `point`: where it says it is. With this node's own id: its own epoch and host, before anything
   * else.
   */
  | {
      readonly type: 'member'
      readonly id: MemberId
      readonly pair: Pair
      readonly host: string
      readonly point?: Point | undefined
    }
  /** It said goodbye; with this node's own id: it does, and refutes nothing any more. */
  | { readonly type: 'member-left'; readonly id: MemberId; readonly pair: Pair }
  /** No heartbeat for longer than its lease: the backstop, for what this node's watchers did not tell it. */
  | { readonly type: 'member-lapsed'; readonly id: MemberId }
  /** It is of another ward (`mesh/wards/`): no longer on the roster, whatever became of it. */
  | { readonly type: 'member-dismissed'; readonly id: MemberId }
  | { readonly type: 'link-up'; readonly id: MemberId }
  | { readonly type: 'link-down'; readonly id: MemberId }
  /** A dial, asked for or not, failed. `refused`: at each of its addresses the host answered that nobody listens. */
  | { readonly type: 'dial-failed'; readonly id: MemberId; readonly refused: boolean }
  /** A probe came: answered by the mesh at once; here it only counts as a sign of life. */
  | { readonly type: 'ping'; readonly from: MemberId; readonly suspects: Pair | undefined }
  /** `rttMs`: as measured where datagrams come and go; without it the steps' own times are taken. */
  | { readonly type: 'pong'; readonly from: MemberId; readonly nonce: number; readonly rttMs?: number | undefined }
  /** Somebody asks this node to probe `subject` for it. */
  | { readonly type: 'ask'; readonly from: MemberId; readonly subject: MemberId; readonly nonce: number }
  /** The subject answered the one that was asked. */
  | { readonly type: 'asked'; readonly from: MemberId; readonly subject: MemberId; readonly nonce: number }
  /** Verified: `watcher` signed it. */
  | { readonly type: 'testimony'; readonly testimony: Testimony }
  | { readonly type: 'wake' }

/** What the core asks for. */
export type TopologyEffect =
  /**
   * To any member whose address is known, linked or not. `suspects`: the pair it is suspected or held offline under,
   * so that it can refute at once.
   */
  | { readonly type: 'ping'; readonly to: MemberId; readonly nonce: number; readonly suspects: Pair | undefined }
  | { readonly type: 'ask'; readonly via: MemberId; readonly subject: MemberId; readonly nonce: number }
  | { readonly type: 'answer-ask'; readonly to: MemberId; readonly subject: MemberId; readonly nonce: number }
  /** See whether anybody listens at its address. Comes back as `link-up` or `dial-failed`. */
  | { readonly type: 'dial'; readonly id: MemberId }
  /** Sign and gossip; to the subject directly as well when it is linked. */
  | { readonly type: 'testify'; readonly testimony: Testimony }
  /** Evidence against this node itself: its own incarnation is now this; say so at once. */
  | { readonly type: 'refute'; readonly own: Pair }
  | { readonly type: 'verdict'; readonly id: MemberId; readonly verdict: Verdict; readonly why: string }
  /** Members this node wants standing links to: those it watches. */
  | { readonly type: 'keep-links'; readonly ids: readonly MemberId[] }
  | { readonly type: 'brake'; readonly on: boolean; readonly lost: number; readonly members: number }
