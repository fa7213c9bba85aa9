/**
 * The last jobs that were offered here, with what was known when they were and what became of them: what a new policy
 * is tried on before it is applied. One entry a job, since a job that finds no place is offered again and again. Only
 * of those whose tasks may run here, so that strangers cannot fill it.
 */
import type { DeclineReason, Offer } from '../../model/negotiation.ts'
import type { Facts } from '../../policy/types.ts'
import { NEGOTIATION_LIMITS } from '../config.ts'
import type { OfferRecord } from '../records.ts'
import type { Context, NegotiationState, NodeId } from '../types.ts'

/** Notes an offer and its answer. */
export function recordOffer(
  state: NegotiationState,
  ctx: Context,
  from: NodeId,
  { jobId }: Offer,
  facts: Facts,
  reasons: readonly DeclineReason[],
): void {
  const key = `${from}/${jobId}`
  const before = state.offers.get(key)
  const record: OfferRecord = { jobId, atMs: ctx.nowMs, facts, reasons, bytes: sizeOf(facts) }
  state.offers.delete(key)
  state.offers.set(key, record)
  let bytes = 0
  for (const known of state.offers.values()) bytes += known.bytes
  for (const [oldest, known] of state.offers) {
    const isOver = bytes > NEGOTIATION_LIMITS.offerBytes || state.offers.size > NEGOTIATION_LIMITS.offers
    if (!isOver || oldest === key) break
    bytes -= known.bytes
    drop(state, ctx, oldest)
  }
  // Offered again with the same answer it need not be written again.
  if (before?.reasons.length === reasons.length && before.reasons[0]?.constraint === reasons[0]?.constraint) return
  ctx.out.push({ type: 'cache', collection: 'offer', key, doc: record })
}

function drop(state: NegotiationState, ctx: Context, key: string): void {
  state.offers.delete(key)
  ctx.out.push({ type: 'cache', collection: 'offer', key, doc: null })
}

/** In memory and on disk, about. */
function sizeOf({ task: { command, env } }: Facts): number {
  const words = [...command, ...Object.entries(env).flat()]
  return words.reduce((sum, word) => sum + word.length, 1_000)
}
