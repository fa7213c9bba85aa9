/**
 * What a submitter does when the watchers of an executor find it gone. A dead daemon is not a dead task: its tasks
 * run on below their shims, and a restarted daemon adopts them; so it has `adoptGraceMs` to come back. And where many
 * nodes vanish at once it may be this one that is cut off: then nobody is given up until that is settled.
 */
import { attemptRefOf } from '../state.ts'
import type { Context, NegotiationState, NodeId } from '../types.ts'
import { onAttemptOver, openTask } from './attempt.ts'

/** Its watchers find an executor gone. */
export function onNodeLost(state: NegotiationState, ctx: Context, node: NodeId, why: string): void {
  if (!state.byExecutor.has(node)) return
  state.missed.set(node, { sinceMs: ctx.nowMs, why })
  state.deadlines.set(`lost:${node}`, ctx.nowMs + ctx.config.adoptGraceMs)
}

/** It is heard again, or has started anew: what became of its tasks it will say itself. */
export function onNodeBack(state: NegotiationState, node: NodeId): void {
  state.missed.delete(node)
  state.deadlines.cancel(`lost:${node}`)
}

/**
 * Between two executors that are given up once this node is no longer cut off: their work does not fall upon the rest
 * of the mesh all at once, and whoever comes back meanwhile keeps its own.
 */
const RESUME_EVERY_MS = 1_000

/** This node is not cut off, after all. Whoever is still missing, its time having passed, is given up, one by one. */
export function onReconnected(state: NegotiationState, ctx: Context): void {
  let resumeMs = ctx.nowMs
  for (const [node, { sinceMs }] of state.missed) {
    state.deadlines.set(`lost:${node}`, Math.max(resumeMs, sinceMs + ctx.config.adoptGraceMs))
    resumeMs += RESUME_EVERY_MS
  }
}

/** The time of a missing executor is over. */
export function giveUp(state: NegotiationState, ctx: Context, node: NodeId): void {
  const missed = state.missed.get(node)
  if (missed === undefined || ctx.cutOff) return
  state.missed.delete(node)
  loseExecutor(state, ctx, node, `its node is gone (${missed.why})`)
}

/** Gives up every attempt that an executor has. */
export function loseExecutor(state: NegotiationState, ctx: Context, node: NodeId, why: string): void {
  for (const runId of [...(state.byExecutor.get(node) ?? [])]) {
    const { taskId, attempt } = attemptRefOf(runId)
    const task = openTask(state, node, taskId, attempt)
    if (task) onAttemptOver(state, ctx, task, 'lost', why)
  }
}
