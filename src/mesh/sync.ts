/** Anti-entropy's place in the mesh: when a round starts, and which message answers which. */
import type { ControlMessage } from '../model/control.ts'
import { SYNC_LIMITS } from '../model/sync.ts'
import type { NodeId } from '../negotiation/types.ts'
import { answerBuckets, answerDigest, digest, supply } from '../registry/registry.ts'
import type { Rng } from '../util/rng.ts'
import { beginFill, goOn, isAnswer, isFilling } from './fill.ts'
import type { MeshConfig, MeshEffect, MeshState } from './types.ts'
import { holdsTheSame } from './wards/held.ts'

const NOTHING = { records: [], wants: [], more: false }

/** A link stands: say who this is, and compare what both know. */
export function greet(
  state: MeshState,
  config: MeshConfig,
  peer: NodeId,
  wallMs: number,
  nowMs: number,
  out: MeshEffect[],
): void {
  const { cluster, version } = config
  out.push({ type: 'send', to: peer, message: { t: 'hello', body: { cluster, version, epoch: state.epoch, wallMs } } })
  if (holdsTheSame(state, peer)) syncWith(state, peer, nowMs, out)
}

/** Begins to compare with a neighbour, unless what it has is on its way from another. */
export function syncWith(state: MeshState, peer: NodeId, nowMs: number, out: MeshEffect[]): void {
  if (!isFilling(state, nowMs)) out.push({ type: 'send', to: peer, message: digest(state.registry) })
}

/** One round with one neighbour chosen by chance (design section 3). */
export function syncWithSomeone(state: MeshState, nowMs: number, rng: Rng, out: MeshEffect[]): void {
  const peers = [...state.peers].filter((peer) => holdsTheSame(state, peer))
  if (peers.length > 0) syncWith(state, rng.pick(peers), nowMs, out)
}

/**
 * Answers hello and sync messages.
 * @returns false when the message is not one of these
 */
export function onSyncMessage(
  state: MeshState,
  from: NodeId,
  message: ControlMessage,
  nowMs: number,
  rng: Rng,
  out: MeshEffect[],
): boolean {
  // Who holds another ward lacks everything, and is to lack it.
  if (message.t.startsWith('sync-') && !holdsTheSame(state, from)) return true
  const answer = (reply: ControlMessage) => void out.push({ type: 'send', to: from, message: reply })
  switch (message.t) {
    case 'hello':
      return true
    case 'sync-buckets': {
      // A newcomer has asked for everything already, by a list of the little it has, and is getting it.
      const isNew = state.phase === 'joining' && state.registry.records.size <= SYNC_LIMITS.listAll
      const isComing = isNew || isFilling(state, nowMs)
      const list = isComing ? undefined : answerBuckets(state.registry, message.body, rng)
      // Agreement is answered too: a joining node waits for it.
      answer(list ? { t: 'sync-digest', body: list } : { t: 'sync-records', body: NOTHING })
      return true
    }
    case 'sync-digest':
      answer({ t: 'sync-records', body: answerDigest(state.registry, message.body, nowMs, rng) })
      return true
    case 'sync-records': {
      const { wants, more, part } = message.body
      if (wants.length > 0) answer({ t: 'sync-records', body: supply(state.registry, wants, nowMs, rng) })
      // Another round only after progress, or two peers that refuse each other's records would go on for ever.
      const next = isAnswer(state, from, part)
        ? goOn(state, more && state.news > 0, nowMs)
        : nextRound(state, from, more && state.news > 0, nowMs, rng)
      if (next !== undefined) answer(next)
      state.news = 0
      return true
    }
    default:
      return false
  }
}

function nextRound(
  state: MeshState,
  from: NodeId,
  hasMore: boolean,
  nowMs: number,
  rng: Rng,
): ControlMessage | undefined {
  if (!hasMore || isFilling(state, nowMs)) return undefined
  return state.registry.records.size > SYNC_LIMITS.listAll ? beginFill(state, from, nowMs, rng) : digest(state.registry)
}
