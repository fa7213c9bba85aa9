/**
 * The cordon of this node: nothing new is taken while it stands, and in a drain what is here is waited for, or ended at
 * the deadline and tried on other nodes. It is stored before anybody is told of it, and outlives restarts.
 */
import { describeCordon, viewOfCordon } from '../../model/cordon-words.ts'
import type { Cordon } from '../../model/cordon.ts'
import type { Operation } from '../../model/operation.ts'
import { note, noted } from '../notes.ts'
import type { Context, NegotiationState, NodeId } from '../types.ts'
import { runningCount } from './bids.ts'
import { announceCapacity } from './holds.ts'
import { stopHere } from './policy.ts'

/** Who asks: `peer` where it is a member, from elsewhere. `own`: see `Cordon`. */
export interface Asker {
  readonly by: string
  readonly peer?: NodeId
  readonly own: boolean
}

/** Does what was asked by somebody who may. Asked twice it is done once. */
export function operate(state: NegotiationState, ctx: Context, operation: Operation, asker: Asker): void {
  switch (operation.name) {
    case 'cordon':
      return cordon(state, ctx, operation, asker)
    case 'drain':
      return drain(state, ctx, operation, asker)
    case 'uncordon':
      return uncordon(state, ctx, asker)
  }
}

function cordon(state: NegotiationState, ctx: Context, { reason }: Operation & { name: 'cordon' }, asker: Asker): void {
  const before = state.cordon
  // Who asked first stays named, unless somebody says more, or has more of a say.
  const saysMore = reason !== undefined && reason !== before?.reason
  if (before !== undefined && !saysMore && !(asker.own && !before.own)) return
  setCordon(state, ctx, { ...saidBy(asker, reason), ...(before?.drain && { drain: before.drain }) })
  note(ctx, { type: 'node.cordoned', ...notedOf(asker, reason) })
}

function drain(
  state: NegotiationState,
  ctx: Context,
  { reason, deadlineMs: withinMs }: Operation & { name: 'drain' },
  asker: Asker,
): void {
  const said = saidBy(asker, reason ?? state.cordon?.reason)
  const until = withinMs !== undefined && { deadlineMs: ctx.nowMs + withinMs }
  setCordon(state, ctx, { ...said, drain: { ...until } })
  note(ctx, { type: 'drain.begun', ...notedOf(asker, said.reason), ...(withinMs !== undefined && { withinMs }) })
  takeUpDrain(state, ctx)
}

function uncordon(state: NegotiationState, ctx: Context, asker: Asker): void {
  if (state.cordon === undefined) return
  setCordon(state, ctx, undefined)
  state.deadlines.cancel('drain')
  note(ctx, { type: 'node.uncordoned', ...notedOf(asker) })
  announceCapacity(state, ctx)
}

function saidBy({ by, peer, own }: Asker, reason?: string) {
  return { by, own, ...(peer !== undefined && { peer }), ...(reason !== undefined && { reason }) }
}

/** As far as an event holds it. */
function notedOf(asker: Asker, reason?: string) {
  const { own: _own, ...said } = saidBy(asker, reason && noted(reason))
  return said
}

function setCordon(state: NegotiationState, ctx: Context, next: Cordon | undefined): void {
  state.cordon = next
  ctx.out.push({ type: 'persist', collection: 'cordon', key: 'self', doc: next ?? null })
  const what = next === undefined ? 'uncordoned' : viewOfCordon(next).state
  ctx.out.push({ type: 'emit', event: { type: 'cordon', what } })
}

/** A drain begins, or goes on after a restart: waits for its deadline, if anything is left to wait for. */
export function takeUpDrain(state: NegotiationState, ctx: Context): void {
  const under = state.cordon?.drain
  if (under === undefined || under.endedMs !== undefined) return
  if (under.deadlineMs === undefined) state.deadlines.cancel('drain')
  else state.deadlines.set('drain', Math.max(ctx.nowMs, under.deadlineMs))
  endDrainIfEmpty(state, ctx)
}

/** Nothing runs here any more: a drain that waited for that has ended. */
export function endDrainIfEmpty(state: NegotiationState, ctx: Context): void {
  const { cordon: held } = state
  if (held?.drain === undefined || held.drain.endedMs !== undefined || runningCount(state) > 0) return
  state.deadlines.cancel('drain')
  setCordon(state, ctx, { ...held, drain: { ...held.drain, endedMs: ctx.nowMs } })
  note(ctx, { type: 'drain.ended', ...notedOf(held, held.reason) })
}

/** The time of a drain is up: whatever is still here is ended, and its submitters try other nodes. */
export function endWhatRuns(state: NegotiationState, ctx: Context): void {
  if (state.cordon === undefined) return
  const why = describeCordon({ ...viewOfCordon(state.cordon), state: 'drained' })
  for (const contract of state.contracts.values())
    if (contract.phase !== 'ended' && contract.stopWhy === undefined) stopHere(ctx, contract, why, 'drain.stopped')
}
