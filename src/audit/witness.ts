/**
 * What a member keeps of the heads of others' logs, and what it finds out by them. A log may only grow: each newer head
 * must be a continuation of the one before, which its author proves when it is asked. Pure: whoever drives it sends the
 * questions.
 */
import { MIN_KEPT_EVENTS } from '../model/audit-exchange.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import { isSameHash } from './hashing.ts'
import { verifyConsistency, type TreeHead } from './verify.ts'

/** Members whose heads are kept; of more the one heard of first goes. */
const MAX_HEADS = 4_096
/** Members with an alarm; further ones are not kept, since whoever has so many has seen enough. */
const MAX_ALARMS = 256
/** An answer that takes longer is not awaited. */
const ANSWER_MS = 10_000

/** A head and the record it was signed in. Pairs of an author rise: see the registry. */
export interface HeardHead extends TreeHead {
  readonly epoch: number
  readonly seq: number
  /** The signed record: with another one that contradicts it, it proves what its author did. */
  readonly record: Uint8Array
}

/**
 * `forked`: two roots for one size. `shrunk`: a newer head of fewer events. Both are proven by the two records alone.
 * `inconsistent`: asked to prove that the second continues the first, it gave what proves nothing of the kind.
 */
export type AlarmKind = 'forked' | 'shrunk' | 'inconsistent'

/** Why a log is not to be believed, with what shows it. */
export interface Alarm {
  readonly what: AlarmKind
  readonly atMs: number
  readonly first: HeardHead
  readonly second: HeardHead
  /** The proof that it gave; empty where two records say enough. */
  readonly path: readonly Uint8Array[]
}

/** What is kept of one log. */
export interface Witnessed {
  /** The newest head that is known to continue all before it. */
  readonly anchor: HeardHead
  readonly newest: HeardHead
  /** When its author was last asked; it is not asked again before others were. */
  readonly askedMs: number
  /** The question that is not answered yet. */
  readonly asked?: { readonly nonce: number; readonly second: HeardHead }
}

/** All that is kept. Changed by the functions of this file alone. */
export interface WitnessState {
  readonly heads: BoundedMap<string, Witnessed>
  readonly alarms: BoundedMap<string, Alarm>
}

/** Nobody has been heard. */
export function createWitness(): WitnessState {
  return { heads: new BoundedMap(MAX_HEADS, 'evict-oldest'), alarms: new BoundedMap(MAX_ALARMS, 'refuse') }
}

/** What became of a head or a proof. */
export interface Found {
  readonly alarm?: Alarm
  /** To be stored. */
  readonly anchor?: HeardHead
  /** Whose head was dropped for it, and need not be stored any more. */
  readonly forgotten?: string
}

/** Takes the head of a newer heartbeat of `peer`. The first one that is heard is believed. */
export function hearHead(state: WitnessState, peer: string, head: HeardHead, nowMs: number): Found {
  if (state.alarms.has(peer)) return {}
  const known = state.heads.get(peer)
  if (known === undefined) {
    const forgotten = state.heads.size < MAX_HEADS ? undefined : state.heads.keys().next().value
    state.heads.set(peer, { anchor: head, newest: head, askedMs: -Infinity })
    return { anchor: head, ...(forgotten !== undefined && { forgotten }) }
  }
  const { newest, anchor } = known
  if (head.epoch < newest.epoch || (head.epoch === newest.epoch && head.seq <= newest.seq)) return {}
  for (const before of [newest, anchor]) {
    const what = contradiction(before, head)
    if (what !== undefined) return raise(state, peer, { what, atMs: nowMs, first: before, second: head, path: [] })
  }
  state.heads.set(peer, { ...known, newest: head })
  return {}
}

/** What two heads of one author, the second later than the first, prove by themselves. */
export function contradiction(first: TreeHead, second: TreeHead): 'forked' | 'shrunk' | undefined {
  if (second.size < first.size) return 'shrunk'
  return second.size === first.size && !isSameHash(first.root, second.root) ? 'forked' : undefined
}

function raise(state: WitnessState, peer: string, alarm: Alarm): Found {
  state.alarms.set(peer, alarm)
  return { alarm }
}

/** Who is to prove what: the log of `second` events begins with that of `first`. */
export interface Question {
  readonly peer: string
  readonly first: number
  readonly second: number
}

/**
 * Whom to ask next: of `peers` the one whose log grew since it was last proven and who was not asked for longest. It
 * counts as asked with this nonce from now on.
 */
export function nextQuestion(
  state: WitnessState,
  peers: Iterable<string>,
  nonce: number,
  nowMs: number,
): Question | undefined {
  let chosen: { peer: string; known: Witnessed } | undefined
  for (const peer of peers) {
    const known = state.heads.get(peer)
    if (known === undefined || state.alarms.has(peer) || known.newest.size <= known.anchor.size) continue
    if (known.asked !== undefined && nowMs - known.askedMs < ANSWER_MS) continue
    if (chosen === undefined || known.askedMs < chosen.known.askedMs) chosen = { peer, known }
  }
  if (chosen === undefined) return undefined
  const { peer, known } = chosen
  const { anchor, newest } = known
  state.heads.set(peer, { ...known, askedMs: nowMs, asked: { nonce, second: newest } })
  // Any log begins with the empty one: one event is the least that can be asked about.
  return { peer, first: Math.max(1, anchor.size), second: newest.size }
}

/**
 * Takes an answer. One that proves nothing is an alarm, with the proof; one that says that what would prove it is gone
 * is taken only where so much was added that it may be.
 */
export function hearProof(
  state: WitnessState,
  peer: string,
  { nonce, path, pruned }: { readonly nonce: number; readonly path: readonly Uint8Array[]; readonly pruned: boolean },
  nowMs: number,
): Found {
  const known = state.heads.get(peer)
  if (known?.asked?.nonce !== nonce || state.alarms.has(peer)) return {}
  const { anchor } = known
  const { second } = known.asked
  const isExcused = pruned && second.size - anchor.size >= MIN_KEPT_EVENTS
  const isProven = anchor.size === 0 || (!pruned && verifyConsistency(anchor, second, path))
  if (!isProven && !isExcused)
    return raise(state, peer, { what: 'inconsistent', atMs: nowMs, first: anchor, second, path: [...path] })
  const { asked: _answered, ...rest } = known
  state.heads.set(peer, { ...rest, anchor: second })
  return { anchor: second }
}

/** What a restart knows again. */
export function restoreHead(state: WitnessState, peer: string, anchor: HeardHead): void {
  state.heads.set(peer, { anchor, newest: anchor, askedMs: -Infinity })
}

/** Somebody knows why: from its next head on the log is believed again. @returns whether there was an alarm */
export function acceptLog(state: WitnessState, peer: string): boolean {
  state.heads.delete(peer)
  return state.alarms.delete(peer)
}
