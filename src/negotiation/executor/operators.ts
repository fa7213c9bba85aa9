/**
 * What members ask of this node from elsewhere. This node alone decides, by its policies and by whose it is. Whoever
 * uses its own API is its operator by the role that they have there, and no rule is asked.
 */
import { CORDON_LIMITS } from '../../model/defaults.ts'
import { describeCordon, viewOfCordon } from '../../model/cordon-words.ts'
import { DECLINE_TEXT } from '../../model/negotiation.ts'
import type { Operate, Operation, OperationRefused } from '../../model/operation.ts'
import { refusalsOfOperation } from '../../policy/operations.ts'
import { clip, showValue } from '../../policy/show.ts'
import { note, noted } from '../notes.ts'
import { send } from '../state.ts'
import type { Context, NegotiationState, NodeId } from '../types.ts'
import { runningCount } from './bids.ts'
import { mayWorkFor } from './contracts.ts'
import { operate } from './cordon.ts'
import { nameOf } from './policy.ts'
import { tasksHere } from './told.ts'

/** A member asks: it is done, or refused with the rule and the values that it saw. */
export function onOperate(state: NegotiationState, ctx: Context, from: NodeId, asked: Operate): void {
  const { nonce, operation, dryRun } = asked
  const refusals = refusalsTo(state, ctx, from, operation)
  if (refusals.length === 0) refusals.push(...heldByItsOwn(state, ctx, from))
  if (refusals.length > 0) {
    const reason = refusals.map(({ wanted, saw }) => `${wanted}: ${saw}`).join('; ')
    note(ctx, { type: 'operation.refused', peer: from, operation: operation.name, reason: noted(reason) })
    return send(ctx, from, { t: 'operated', body: { nonce, refusals, tasks: [], leftOut: 0 } })
  }
  if (!dryRun) operate(state, ctx, operation, { by: called(ctx, from), peer: from, own: isOfOwner(ctx, from) })
  const cordon = state.cordon && viewOfCordon(state.cordon)
  send(ctx, from, { t: 'operated', body: { nonce, refusals, ...(cordon && { cordon }), ...tasksHere(state) } })
}

function refusalsTo(state: NegotiationState, ctx: Context, from: NodeId, operation: Operation): OperationRefused[] {
  const { local, self, cluster } = ctx
  const owner = local.roster?.owners.get(from)
  // A stranger learns nothing of the policy.
  if (owner === undefined && !mayWorkFor(ctx, from))
    return [{ wanted: 'a member whom this node knows', saw: 'a stranger' }]
  const facts = {
    operator: { id: from, trusted: local.trusted.has(from), ...(owner !== undefined && { owner }) },
    operation,
    node: { id: self, labels: local.labels, capacity: local.capacity, running: runningCount(state) },
    cluster: { name: cluster },
  }
  return refusalsOfOperation(ctx.policies, facts, refusedByDefault(ctx, from)).map((refusal) => ({
    wanted: clip(describe(refusal), DECLINE_TEXT),
    saw: clip(refusal.saw, DECLINE_TEXT),
  }))
}

/**
 * Who may by a rule alone changes nothing that the node itself asked for, or a machine of its owner: else whoever
 * may cordon could lift, or end in a drain, what they did not do.
 */
function heldByItsOwn({ cordon }: NegotiationState, ctx: Context, from: NodeId): OperationRefused[] {
  if (cordon?.own !== true || isOfOwner(ctx, from)) return []
  const wanted = 'a node that was not cordoned by its own owner'
  return [{ wanted, saw: clip(describeCordon(viewOfCordon(cordon)), DECLINE_TEXT) }]
}

function describe({ policy, wanted, ...more }: ReturnType<typeof refusalsOfOperation>[number]): string {
  return policy === undefined ? wanted : `${nameOf({ ...more, policy })}: ${wanted}`
}

/** Machines of one owner serve each other, as with tasks. */
function isOfOwner({ local: { roster, trusted } }: Context, from: NodeId): boolean {
  const owner = roster?.owners.get(from)
  return roster?.fresh === true && owner !== undefined && owner === roster.owner && trusted.has(from)
}

/** Where no rule of the node says more. */
function refusedByDefault(ctx: Context, from: NodeId): { wanted: string; saw: string } | undefined {
  const { roster } = ctx.local
  const owner = roster?.owners.get(from)
  if (isOfOwner(ctx, from)) return undefined
  return {
    wanted: 'a member of the owner of this node, or a rule of the node policy that allows it',
    saw: `operator.owner = ${showValue(owner ?? '')}, of this node ${showValue(roster?.owner ?? '')}`,
  }
}

/** Whose node it is that asks, and its name: as the roster and its passport have them. */
function called(ctx: Context, from: NodeId): string {
  const name = ctx.candidates().find(({ id }) => id === from)?.name ?? from
  const owner = ctx.local.roster?.owners.get(from)
  return (owner === undefined ? name : `${owner}'s ${name}`).slice(0, CORDON_LIMITS.by)
}
