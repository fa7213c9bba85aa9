/** What bargaining writes into the audit log: once where a thing is decided or learned, never where it is repeated. */
import { AUDIT_REASONS, AUDIT_TEXT, type AuditDraft } from '../model/audit.ts'
import type { DeclineReason, NodeId, Offer } from '../model/negotiation.ts'
import type { Context, ContractState } from './types.ts'

/** Writes one event. */
export function note(ctx: Context, event: AuditDraft): void {
  ctx.out.push({ type: 'audit', event })
}

/** Writes an event of a contract of this node. */
export function noteContract(
  ctx: Context,
  type: 'run.started' | 'settlement.received',
  { taskId, attempt, submitter }: Pick<ContractState, 'taskId' | 'attempt' | 'submitter'>,
): void {
  note(ctx, { type, taskId, attempt, peer: submitter })
}

/** Writes an event for each that is asked. */
export function noteOffer(
  ctx: Context,
  { jobId, offerId, slots }: Omit<Offer, 'spec'>,
  asked: readonly NodeId[],
): void {
  for (const peer of asked) note(ctx, { type: 'offer.sent', jobId, offerId, slots, peer })
}

/** A text as far as an event holds it. */
export function noted(text: string): string {
  return text.slice(0, AUDIT_TEXT)
}

/** The reasons of a decline as far as an event holds them. */
export function notedReasons(
  reasons: readonly DeclineReason[],
): Pick<DeclineReason, 'constraint' | 'wanted' | 'measured'>[] {
  return reasons
    .slice(0, AUDIT_REASONS)
    .map(({ constraint, wanted, measured }) => ({ constraint, wanted: noted(wanted), measured: noted(measured) }))
}
