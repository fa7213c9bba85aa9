/**
 * What a member keeps of the heads of others' logs, and what it finds out by them. A log may only grow: each newer head
 * must be a continuation of the one before, which its author proves when it is asked. Pure: whoever drives it sends the
 * questions.
 */
import { MAX_PROVEN_SIZES, MIN_KEPT_EVENTS } from '../model/audit-exchange.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import { isSameHash } from './hashing.ts'
import { verifyConsistency, type TreeHead } from './verify.ts'

/** Members whose heads are kept; of more the one heard of first goes. */
const MAX_HEADS = 4_096
/** Members with an alarm; further ones are not kept, since whoever has so many has seen enough. */
const MAX_ALARMS = 256
/** Heads of one log that wait for their proof; more are thinned out. */
const MAX_UNPROVEN = MAX_PROVEN_SIZES - 1
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
  /** Heads heard since, in rising order of size: each has to continue the one before. */
  readonly unproven: readonly HeardHead[]
  /** When its author was last asked; it is not asked again before others were. */
  readonly askedMs: number
  /** The question that is not answered yet: the heads that were to be proven. */
  readonly asked?: { readonly nonce: number; readonly heads: readonly HeardHead[] }
}

/** The last head of a log that was heard. */
export function newestOf({ anchor, unproven }: Witnessed): HeardHead {
  return unproven.at(-1) ?? anchor
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

/** Takes the head of a newer heartbeat of `peer`. The first one that has events is believed. */
export function hearHead(state: WitnessState, peer: string, head: HeardHead, nowMs: number): Found {
  if (state.alarms.has(peer)) return {}
  const known = state.heads.get(peer)
  if (known === undefined) {
    const forgotten = state.heads.size < MAX_HEADS ? undefined : state.heads.keys().next().value
    state.heads.set(peer, { anchor: head, unproven: [], askedMs: -Infinity })
    return { anchor: head, ...(forgotten !== undefined && { forgotten }) }
  }
  const newest = newestOf(known)
  if (head.epoch < newest.epoch || (head.epoch === newest.epoch && head.seq <= newest.seq)) return {}
  const what = contradiction(newest, head)
  if (what !== undefined) return raise(state, peer, { what, atMs: nowMs, first: newest, second: head, path: [] })
  if (head.size === newest.size) return {}
  if (newest.size === 0) {
    // Any log continues the empty one: nothing has to be proven.
    state.heads.set(peer, { ...known, anchor: head, unproven: [] })
    return { anchor: head }
  }
  state.heads.set(peer, { ...known, unproven: thinned([...known.unproven, head]) })
  return {}
}

/**
 * At most `MAX_UNPROVEN`, the newest among them. A history is rewritten between two boots: the last head of each boot
 * says most, so that one goes that others of its boot follow.
 */
function thinned(heads: readonly HeardHead[]): readonly HeardHead[] {
  if (heads.length <= MAX_UNPROVEN) return heads
  const followed = heads.findIndex(({ epoch }, at) => epoch === heads[at + 1]?.epoch)
  return heads.toSpliced(Math.max(0, followed), 1)
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

/** Who is to prove what: that its log had these sizes, each the beginning of the next. */
export interface Question {
  readonly peer: string
  readonly sizes: readonly number[]
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
    if (known === undefined || state.alarms.has(peer) || known.unproven.length === 0) continue
    if (known.asked !== undefined && nowMs - known.askedMs < ANSWER_MS) continue
    if (chosen === undefined || known.askedMs < chosen.known.askedMs) chosen = { peer, known }
  }
  if (chosen === undefined) return undefined
  const { peer, known } = chosen
  const heads = [known.anchor, ...known.unproven]
  state.heads.set(peer, { ...known, askedMs: nowMs, asked: { nonce, heads } })
  return { peer, sizes: heads.map(({ size }) => size) }
}

/** What somebody says to prove that each of some heads continues the one before; undefined where that was dropped. */
export type Paths = readonly (readonly Uint8Array[] | null)[]

/** The first step that is not proven, with the proof that was given for it; undefined when all are. */
export function firstFault(
  heads: readonly TreeHead[],
  paths: Paths,
): { readonly at: number; readonly path: readonly Uint8Array[] } | undefined {
  for (const [at, second] of heads.slice(1).entries()) {
    const [first, path] = [heads[at]!, paths[at]]
    // That old events are gone is an excuse where so many followed that they may be.
    const isExcused = path === null && newestSize(heads) - first.size >= MIN_KEPT_EVENTS
    if (isExcused || (path && verifyConsistency(first, second, path))) continue
    return { at, path: path ?? [] }
  }
  return undefined
}

function newestSize(heads: readonly TreeHead[]): number {
  return heads.at(-1)?.size ?? 0
}

/** Takes an answer to a question. One that does not prove what was asked is an alarm, with the proof. */
export function hearProof(
  state: WitnessState,
  peer: string,
  { nonce, paths }: { readonly nonce: number; readonly paths: Paths },
  nowMs: number,
): Found {
  const known = state.heads.get(peer)
  if (known?.asked?.nonce !== nonce || state.alarms.has(peer)) return {}
  const { heads } = known.asked
  const fault = firstFault(heads, paths)
  if (fault !== undefined) {
    const [first, second] = [heads[fault.at]!, heads[fault.at + 1]!]
    return raise(state, peer, { what: 'inconsistent', atMs: nowMs, first, second, path: fault.path })
  }
  const anchor = heads.at(-1)!
  const unproven = known.unproven.filter(({ size }) => size > anchor.size)
  state.heads.set(peer, { anchor, unproven, askedMs: known.askedMs })
  return { anchor }
}

/** What a restart knows again. */
export function restoreHead(state: WitnessState, peer: string, anchor: HeardHead): void {
  state.heads.set(peer, { anchor, unproven: [], askedMs: -Infinity })
}

/** Somebody knows why: from its next head on the log is believed again. @returns whether there was an alarm */
export function acceptLog(state: WitnessState, peer: string): boolean {
  state.heads.delete(peer)
  return state.alarms.delete(peer)
}
