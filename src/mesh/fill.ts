/**
 * Fetching much: what a newcomer to a large mesh lacks is hundreds of messages long.
 *
 * It is fetched from one neighbour, whoever said first that there is more, a few of the registry's buckets at a time:
 * for each part this node lists what it has there and gets what it lacks, until that part has no more. All neighbours
 * at once, and sums of everything for each message, took three times the bytes of the records themselves. Neighbours
 * who are linked meanwhile are compared with by the usual rounds, later.
 */
import type { ControlMessage } from '../model/control.ts'
import { SYNC_LIMITS } from '../model/sync.ts'
import type { NodeId } from '../negotiation/types.ts'
import { digestOf } from '../registry/registry.ts'
import type { Rng } from '../util/rng.ts'
import type { MeshState } from './types.ts'

/** Buckets of the first part. It is halved when it takes more than a message, and doubled when it does not. */
const FIRST_WIDTH = 16
const MOST_WIDTH = 64
/** A neighbour that has not answered for so long is not waited for. */
const PATIENCE_MS = 10_000

/** Whether much is being fetched now. */
export function isFilling({ fill }: MeshState, nowMs: number): boolean {
  return fill !== undefined && nowMs - fill.askedMs <= PATIENCE_MS
}

/** Whether a message of this neighbour is the answer that is waited for. */
export function isAnswer({ fill }: MeshState, peer: NodeId, part: number | undefined): boolean {
  return fill !== undefined && fill.peer === peer && fill.part === part
}

/** Begins to fetch all that a neighbour has, from a bucket chosen by chance. @returns what to ask it */
export function beginFill(state: MeshState, peer: NodeId, nowMs: number, rng: Rng): ControlMessage {
  const { buckets } = SYNC_LIMITS
  // From a number on that no earlier fetching has used.
  const part = Math.floor(nowMs)
  state.fill = { peer, bucket: rng.int(buckets), width: FIRST_WIDTH, left: buckets, part, askedMs: nowMs }
  return ask(state)!
}

/**
 * The neighbour has answered. @param hasMore there is more of this part, and what came was of use
 * @returns what to ask it next; undefined when all is here
 */
export function goOn(state: MeshState, hasMore: boolean, nowMs: number): ControlMessage | undefined {
  const { fill } = state
  if (fill === undefined) return undefined
  fill.askedMs = nowMs
  fill.part++
  if (hasMore) fill.width = Math.max(1, fill.width >> 1)
  else {
    fill.left -= fill.width
    fill.bucket = (fill.bucket + fill.width) % SYNC_LIMITS.buckets
    fill.width = Math.min(MOST_WIDTH, 2 * fill.width)
  }
  return ask(state)
}

function ask(state: MeshState): ControlMessage | undefined {
  const { fill, registry } = state
  if (fill === undefined || fill.left <= 0) {
    state.fill = undefined
    return undefined
  }
  fill.width = Math.min(fill.width, fill.left)
  const scope = Array.from({ length: fill.width }, (_, i) => (fill.bucket + i) % SYNC_LIMITS.buckets)
  const body = digestOf(registry, scope)
  // Where this node has much itself, the part is as small as its list has to be.
  fill.width = body.scope.length
  return { t: 'sync-digest', body: { ...body, part: fill.part } }
}

/** The link to a neighbour is gone. */
export function forgetFill(state: MeshState, peer: NodeId): void {
  if (state.fill?.peer === peer) state.fill = undefined
}
