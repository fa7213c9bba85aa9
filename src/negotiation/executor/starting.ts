/**
 * A run whose process is about to be made: the last moment to say no. Its input may have been on its way for hours, in
 * which a policy can come, trust can go, and a member of the node's own owner can become a guest.
 */
import { declineReasons, describeReason } from '../constraints.ts'
import { isolationFor } from '../isolation.ts'
import { persistContract } from '../state.ts'
import type { Context, ContractState, NegotiationState } from '../types.ts'
import { enforceOn, stopHere } from './policy.ts'

/** Asks once more whose it is, then the policies. What is to be isolated by now is; what was stays so. */
export function onRunStarting(state: NegotiationState, ctx: Context, runId: string): void {
  const contract = state.contracts.get(runId)
  if (contract?.phase !== 'accepted' || contract.stopWhy !== undefined) return
  const { spec, submitter } = contract
  const reasons = declineReasons(spec, submitter, ctx.local, spec.resources)
  // Also what is true for the moment alone: another node may not have to wait.
  const broken = reasons.find(({ constraint }) => constraint === 'trust' || constraint === 'isolation')
  if (broken !== undefined) return stopHere(ctx, contract, describeReason(broken))
  isolate(ctx, contract)
  enforceOn(state, ctx, contract)
}

function isolate(ctx: Context, contract: ContractState): void {
  const isolation = isolationFor(contract.spec, contract.submitter, ctx.local)
  if (isolation === undefined || contract.isolation !== undefined) return
  contract.isolation = isolation
  persistContract(ctx, contract)
}
