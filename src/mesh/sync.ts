/** Anti-entropy's place in the mesh: when a round starts, and which message answers which. */
import type { ControlMessage } from '../model/control.ts'
import type { NodeId } from '../negotiation/types.ts'
import { answerBuckets, answerDigest, digest, supply } from '../registry/registry.ts'
import type { Rng } from '../util/rng.ts'
import type { MeshConfig, MeshEffect, MeshState } from './types.ts'

const NOTHING = { records: [], wants: [], more: false }

/** A link stands: say who this is, and compare what both know. */
export function greet(state: MeshState, config: MeshConfig, peer: NodeId, wallMs: number, out: MeshEffect[]): void {
  const { cluster, version } = config
  out.push({ type: 'send', to: peer, message: { t: 'hello', body: { cluster, version, epoch: state.epoch, wallMs } } })
  out.push({ type: 'send', to: peer, message: digest(state.registry) })
}

/** One round with one neighbour chosen by chance (design section 3). */
export function syncWithSomeone(state: MeshState, rng: Rng, out: MeshEffect[]): void {
  if (state.peers.size === 0) return
  out.push({ type: 'send', to: rng.pick([...state.peers]), message: digest(state.registry) })
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
  const answer = (reply: ControlMessage) => void out.push({ type: 'send', to: from, message: reply })
  switch (message.t) {
    case 'hello':
      return true
    case 'sync-buckets': {
      const list = answerBuckets(state.registry, message.body, rng)
      // Agreement is answered too: a joining node waits for it.
      answer(list ? { t: 'sync-digest', body: list } : { t: 'sync-records', body: NOTHING })
      return true
    }
    case 'sync-digest':
      answer({ t: 'sync-records', body: answerDigest(state.registry, message.body, nowMs, rng) })
      return true
    case 'sync-records': {
      const { wants, more } = message.body
      if (wants.length > 0) answer({ t: 'sync-records', body: supply(state.registry, wants, nowMs, rng) })
      // Another round only after progress, or two peers that refuse each other's records would go on for ever.
      if (more && state.news > 0) answer(digest(state.registry))
      state.news = 0
      return true
    }
    default:
      return false
  }
}
