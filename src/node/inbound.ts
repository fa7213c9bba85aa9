/**
 * What comes in from the network, checked before the mesh sees it. Whatever is refused is counted by
 * name and costs the sender, never this daemon.
 */
import type { MeshEffect, MeshInput, RecordFate } from '../mesh/types.ts'
import type { GovernanceMessage } from '../governance/types.ts'
import type { ControlMessage, Hello } from '../model/control.ts'
import type { Examine, Examined } from '../model/examine.ts'
import type { Operated } from '../model/operation.ts'
import type { SyncRecords } from '../model/sync.ts'
import type { WardTold } from '../model/ward.ts'
import type { PeerIdText, Topic, Verdict } from '../peer/peer.ts'
import { statedAgeMs } from '../registry/registry.ts'
import type { Clock } from '../util/clock.ts'
import { AlthingError } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { claimedAuthor, openRecord, type VerifiedRecord } from '../wire/envelope.ts'
import { GOSSIP_KINDS, MAX_AHEAD_MS, PULSE_KINDS, RECORD_MAX_BYTES, WARD_KINDS } from '../wire/limits.ts'
import { FloodGuard } from './flood-guard.ts'
import { fromFrame, type Received } from './messages.ts'

/** What the checks need, and where what passes them goes. */
export interface InboundOptions {
  readonly cluster: string
  readonly clock: Clock
  readonly log: Logger
  /** Runs an input now: gossip must know what became of a record, and a hello must be the first frame of a link. */
  readonly input: (input: MeshInput) => readonly MeshEffect[] | undefined
  /** Runs an input at the end of this turn, in order. */
  readonly post: (input: MeshInput) => void
  /** A peer did what it should not: it floods, or sent what is provably bad. */
  readonly penalise: (peer: PeerIdText) => void
  /** A peer of this cluster said hello. */
  readonly onHello: (peer: PeerIdText, hello: Hello) => void
  /** A peer's link is gone. */
  readonly onBye: (peer: PeerIdText) => void
  /** Whether what somebody signed counts: in a cluster with a roster, members alone. */
  readonly mayPublish: (author: PeerIdText) => boolean
  /** About who belongs: no matter of the mesh either. */
  readonly onGovernance: (from: PeerIdText, message: GovernanceMessage) => void
  /** A peer of this cluster asks how it is seen from here, or answers that question. */
  readonly onExamine: (peer: PeerIdText, message: ExamineMessage) => void
  /** What another node made of what was asked of it. */
  readonly onOperated: (peer: PeerIdText, answer: Operated) => void
  /** Whether this node has asked other wards something under this number, and waits for the answer. */
  readonly isAsked: (nonce: number) => boolean
  /** A peer has more links than it should, and does not need the one to this node. */
  readonly onSpareLink: (peer: PeerIdText) => void
}

/** The two messages of an examination: they are about the link, and no matter of the mesh. */
export type ExamineMessage =
  | { readonly t: 'examine'; readonly body: Examine }
  | { readonly t: 'examined'; readonly body: Examined }

function isGovernance(message: ControlMessage): message is GovernanceMessage {
  return message.t.startsWith('gov-')
}

/** What a peer said of itself on its present link. */
export interface Greeting {
  readonly cluster: string
  readonly version: string
  /** By how much its clock is ahead of ours, milliseconds, the time on the way included. */
  readonly skewMs: number
}

/** Which kinds of record belong to which topic, and the largest of them. */
const TOPICS: Readonly<Record<Topic, { readonly kinds: ReadonlySet<string> | string; readonly maxBytes: number }>> = {
  records: { kinds: 'passport', maxBytes: RECORD_MAX_BYTES.passport },
  pulse: { kinds: PULSE_KINDS, maxBytes: RECORD_MAX_BYTES.heartbeat },
  digests: { kinds: 'digest', maxBytes: RECORD_MAX_BYTES.digest },
}

/** Refusals that are no fault of the sender: a skewed clock is to be told, not punished; a bug of ours is ours. */
const INNOCENT = new Set(['future-dated', 'unexpected'])

/** Refusals of a control frame that no honest peer of any version causes. */
const PROVEN = new Set(['bad-signature', 'foreign-author', 'not-canonical'])

/** A record of another, with its age as whoever passed it on tells it, and by the clock of its author. */
function recordInput(record: VerifiedRecord, ageMs: number, wallNowMs: number): MeshInput & { type: 'record' } {
  return { type: 'record', record, ageMs, statedAgeMs: statedAgeMs(record.hlc, wallNowMs) }
}

export class Inbound {
  readonly #options: InboundOptions
  /** Refusals by code. */
  readonly refused = new Map<string, number>()
  /** Peers of another cluster that reached us by address; nothing of theirs is taken. */
  readonly #foreign = new Set<PeerIdText>()
  /** What peers said in their hello, on their present link. */
  readonly #greetings = new Map<PeerIdText, Greeting>()
  readonly #guard: FloodGuard

  constructor(options: InboundOptions) {
    this.#options = options
    this.#guard = new FloodGuard(options)
  }

  /** What a linked peer said in its hello, be it of this cluster or of another; undefined before that. */
  greetingOf(peer: PeerIdText): Greeting | undefined {
    return this.#greetings.get(peer)
  }

  /** Connected peers of another cluster. */
  foreignPeers(): { peer: PeerIdText; cluster: string }[] {
    return [...this.#foreign].map((peer) => ({ peer, cluster: this.#greetings.get(peer)?.cluster ?? '' }))
  }

  onPeerUp(peer: PeerIdText): void {
    this.#options.input({ type: 'peer-up', peer, wallMs: this.#options.clock.wallMs() })
  }

  onPeerDown(peer: PeerIdText): void {
    this.#greetings.delete(peer)
    this.#foreign.delete(peer)
    this.#options.onBye(peer)
    this.#options.input({ type: 'peer-down', peer })
  }

  /** A gossip message that `from` brings: verified, merged, and only then forwarded. */
  onGossip(topic: Topic, data: Uint8Array, from: PeerIdText, ward?: string): Verdict {
    if (!this.#guard.mayHear(from)) return this.#drop('gossip-rate-limited')
    const claimed = claimedAuthor(data)
    if (claimed !== undefined && this.#guard.isSpent(claimed, from)) return this.#drop('author-rate-limited')
    try {
      const wallNowMs = this.#options.clock.wallMs()
      const record = openRecord(data, { ...TOPICS[topic], wallNowMs })
      if (!this.#isOfMember(record)) return 'ignore'
      const fate = this.#fate(this.#options.input({ ...recordInput(record, 0, wallNowMs), ward }))
      // What was known takes nothing from its author: anybody can say it again.
      if (fate === 'accept') this.#guard.notePublished(record.author)
      return fate
    } catch (error) {
      const code = this.#refuse(error)
      return INNOCENT.has(code) ? 'ignore' : 'reject'
    }
  }

  #drop(code: string): Verdict {
    this.#count(code)
    return 'ignore'
  }

  #fate(effects: readonly MeshEffect[] | undefined): RecordFate {
    // Behind another step the fate is not known yet; anti-entropy carries the record if it was new.
    const fate = effects?.find((effect) => effect.type === 'fate')
    if (!fate) return 'ignore'
    if (fate.fate === 'reject' || fate.outcome === 'quarantined' || fate.outcome === 'full') this.#count(fate.outcome)
    return fate.fate
  }

  onFrame(peer: PeerIdText, frame: Uint8Array): void {
    // Before anything is decoded, let alone verified: that is what a flood would cost.
    if (!this.#guard.mayTakeFrame(peer)) return this.#count('rate-limited')
    try {
      this.#take(peer, fromFrame(frame, peer, this.#options.clock.wallMs()))
    } catch (error) {
      if (PROVEN.has(this.#refuse(error))) this.#guard.blame(peer)
    }
  }

  #take(peer: PeerIdText, { message, proof }: Received): void {
    if (message.t === 'hello') return this.#greet(peer, message.body)
    if (this.#foreign.has(peer)) return this.#count('foreign-cluster')
    if (!this.#greetings.has(peer)) return this.#count('no-hello')
    if (message.t === 'examine' || message.t === 'examined') return this.#options.onExamine(peer, message)
    if (message.t === 'operated') return this.#options.onOperated(peer, message.body)
    if (message.t === 'spare-link') return this.#options.onSpareLink(peer)
    if (isGovernance(message)) return this.#options.onGovernance(peer, message)
    if (message.t === 'ward-told') {
      // Before anything of it is verified.
      if (!this.#options.isAsked(message.body.nonce)) return this.#count('not-asked')
      return this.#options.post(this.#told(peer, message.body))
    }
    if (message.t === 'sync-records') this.#takeRecords(peer, message.body)
    this.#options.post({ type: 'message', from: peer, message, ...(proof === undefined ? {} : { proof }) })
  }

  #greet(peer: PeerIdText, hello: Hello): void {
    const { cluster, clock, log } = this.#options
    const skewMs = hello.wallMs - clock.wallMs()
    this.#greetings.set(peer, { cluster: hello.cluster, version: hello.version, skewMs })
    if (Math.abs(skewMs) > MAX_AHEAD_MS) {
      log.warn(
        { peer, skewMs },
        'the clock of this peer and ours differ too much; its records are refused or count as old. Set both by NTP',
      )
    }
    if (hello.cluster === cluster) {
      log.debug({ peer, version: hello.version }, 'hello taken')
      return this.#options.onHello(peer, hello)
    }
    this.#foreign.add(peer)
    log.warn(
      { peer, theirs: hello.cluster, ours: cluster },
      'a peer of another cluster is connected; nothing is exchanged with it',
    )
  }

  /** What a peer tells of other wards: its records go with it, since only an answer to a question counts. */
  #told(from: PeerIdText, { nonce, left, moved, records }: WardTold): MeshInput {
    const wallNowMs = this.#options.clock.wallMs()
    const verified = records.flatMap(({ bytes, ageMs }) => {
      try {
        const record = openRecord(bytes, { kinds: WARD_KINDS, maxBytes: RECORD_MAX_BYTES.passport, wallNowMs })
        if (!this.#isOfMember(record)) return []
        return [{ record, ageMs, statedAgeMs: statedAgeMs(record.hlc, wallNowMs) }]
      } catch (error) {
        this.#refuse(error)
        return []
      }
    })
    return { type: 'ward-told', from, nonce, records: verified, left, moved }
  }

  #takeRecords(from: PeerIdText, body: SyncRecords): void {
    const wallNowMs = this.#options.clock.wallMs()
    for (const { bytes, ageMs } of body.records) {
      if (!this.#guard.mayTellOf(from)) return this.#count('sync-rate-limited')
      try {
        const record = openRecord(bytes, { kinds: GOSSIP_KINDS, maxBytes: RECORD_MAX_BYTES.passport, wallNowMs })
        if (this.#isOfMember(record)) this.#options.post({ ...recordInput(record, ageMs, wallNowMs), from })
      } catch (error) {
        this.#refuse(error)
      }
    }
  }

  /** What others signed may come by way of any member: whether they belong is asked for each. */
  #isOfMember({ author }: VerifiedRecord): boolean {
    const counts = this.#options.mayPublish(author)
    if (!counts) this.#count('no-member')
    return counts
  }

  #refuse(error: unknown): string {
    const code = error instanceof AlthingError ? error.code : 'unexpected'
    if (code === 'unexpected') this.#options.log.error({ error }, 'a message could not be handled')
    this.#count(code)
    return code
  }

  #count(code: string): void {
    // The codes are a closed set of ours, so this map is as small as that.
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
  }
}
