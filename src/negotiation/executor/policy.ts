/**
 * The policies of the node that would run a task, asked when it is offered, again when it is awarded, and again right
 * before its process is made; and of everything that is here when they change. The facts are what this node knows
 * itself: nothing of them comes from the submitter but the task.
 */
import { DECLINE_TEXT, type DeclineReason } from '../../model/negotiation.ts'
import type { TaskSpec } from '../../model/task.ts'
import { evaluate } from '../../policy/evaluate.ts'
import { clip } from '../../policy/show.ts'
import type { Facts, Refusal, Verdict } from '../../policy/types.ts'
import { note, noted } from '../notes.ts'
import { persistContract } from '../state.ts'
import type { LocalNode } from '../nodes.ts'
import type { Context, ContractState, NegotiationState, NodeId } from '../types.ts'
import { ofOwner } from './owners.ts'
import { usageOf } from './usage.ts'

const ALLOWED: Verdict = { allowed: true, by: [], atMost: Infinity }

/** Characters of what a stopped run says was its reason. */
const STOP_NOTE = 512

/** What a task is, when the policies are asked of it. */
export interface Asked {
  readonly submitter: NodeId
  readonly spec: TaskSpec
  /**
   * `offered`: what is promised to others counts as if it were here. `awarded`: only what is here does. A contract:
   * it is here itself, and counts no more for itself.
   */
  readonly as: 'offered' | 'awarded' | ContractState
}

/** What facts are made of beside the state. */
export type FactsContext = Pick<Context, 'self' | 'cluster' | 'nowMs' | 'usageElsewhere'> & {
  readonly local: Pick<LocalNode, 'trusted' | 'labels' | 'capacity' | 'roster'>
}

/** May it run here? Without a policy it may. */
export function askPolicies(state: NegotiationState, ctx: Context, asked: Asked): Verdict {
  return ctx.policies.length === 0 ? ALLOWED : evaluate(ctx.policies, factsOf(state, ctx, asked))
}

/** What is known of a task here, now. */
export function factsOf(state: NegotiationState, ctx: FactsContext, { submitter, spec, as }: Asked): Facts {
  const held = { own: 0, owners: 0, all: 0 }
  if (as === 'offered') {
    const isOwners = ofOwner(ctx.local, submitter)
    for (const hold of state.holds.values()) {
      held.all += hold.slots
      if (hold.submitter === submitter) held.own += hold.slots
      if (isOwners(hold.submitter)) held.owners += hold.slots
    }
  }
  const itself = typeof as === 'string' ? 0 : 1
  const usage = usageOf(state, ctx, submitter, held)
  const owner = ctx.local.roster?.owners.get(submitter)
  const elsewhere = ctx.usageElsewhere?.()
  return {
    task: spec,
    submitter: {
      id: submitter,
      self: submitter === ctx.self,
      trusted: ctx.local.trusted.has(submitter),
      ...(owner !== undefined && { owner }),
      running: usage.submitter.atOnce - itself,
    },
    node: {
      id: ctx.self,
      labels: ctx.local.labels,
      capacity: ctx.local.capacity,
      running: usage.everyone.atOnce - itself,
    },
    cluster: { name: ctx.cluster },
    ...(elsewhere && { elsewhere }),
    usage: itself === 1 ? undefined : usage,
  }
}

/** The reasons of a decline. */
export function policyReasons(verdict: Verdict): DeclineReason[] {
  if (verdict.allowed) return []
  return verdict.refusals.map((refusal) => ({
    constraint: 'policy',
    wanted: clip(`${nameOf(refusal)}: ${refusal.wanted}`, DECLINE_TEXT),
    measured: clip(refusal.saw, DECLINE_TEXT),
    temporary: refusal.temporary,
  }))
}

/** A refusal in a line, the rule first: it may be cut. */
export function describeRefusals(verdict: Verdict & { allowed: false }): string {
  return verdict.refusals.map((refusal) => `policy: ${nameOf(refusal)}: ${refusal.saw}`).join('; ')
}

/** Which rule of which policy it is that refuses. */
export function nameOf({ domain, policy, rule }: Pick<Refusal, 'domain' | 'policy' | 'rule'>): string {
  return rule === undefined ? `${domain} policy ${policy}` : `rule ${rule} of ${domain} policy ${policy}`
}

/**
 * The policies have changed, or what an earlier daemon took is here again: what is forbidden now and has not started
 * never does; what runs is ended or may end by itself, as the rule that forbids it says.
 */
export function enforcePolicies(state: NegotiationState, ctx: Context): void {
  if (ctx.policies.length === 0) return
  for (const contract of state.contracts.values()) enforceOn(state, ctx, contract)
}

/** As `enforcePolicies`, on one of them. */
export function enforceOn(state: NegotiationState, ctx: Context, contract: ContractState): void {
  const { submitter, spec, phase, stopWhy } = contract
  if (phase === 'ended' || phase === 'settled' || stopWhy !== undefined) return
  const verdict = askPolicies(state, ctx, { submitter, spec, as: contract })
  if (verdict.allowed) return
  const why = describeRefusals(verdict)
  if (phase === 'running' && verdict.refusals.every(({ whenForbidden }) => whenForbidden === 'drain')) {
    note(ctx, { type: 'policy.draining', ...noteOf(contract), reason: noted(why) })
    return
  }
  stopHere(ctx, contract, why)
}

/** Ends what this node lets run no longer, or not at all. Its submitter is told why, and asks others. */
export function stopHere(
  ctx: Context,
  contract: ContractState,
  why: string,
  type: 'policy.stopped' | 'drain.stopped' = 'policy.stopped',
): void {
  note(ctx, { type, ...noteOf(contract), reason: noted(why) })
  contract.stopWhy = 'policy'
  contract.stopNote = clip(why, STOP_NOTE)
  persistContract(ctx, contract)
  ctx.out.push({ type: 'stop', runId: contract.runId, why: 'policy', graceMs: contract.spec.graceMs })
}

function noteOf({ taskId, attempt, submitter }: ContractState) {
  return { taskId, attempt, peer: submitter }
}
