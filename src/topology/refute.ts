/** This node's own word against what is said of it. */
import { worsen } from './awareness.ts'
import type { Context } from './state.ts'
import type { Pair } from './types.ts'

/** Nobody can have heard of a later incarnation than this node has signed; a little more is forgiven, no more. */
const MOST_AHEAD = 1_000

/**
 * Evidence against this node. What is said of a former life does not concern it; what is said of its present pair is
 * refuted, at once or soon. Once it has said goodbye it refutes nothing: that would take the goodbye back.
 */
export function takeAccusation(ctx: Context, { epoch, incarnation }: Pair): void {
  const { state, nowMs } = ctx
  const { own, config } = state
  if (epoch !== own.epoch || incarnation < own.incarnation || incarnation > own.incarnation + MOST_AHEAD) return
  state.toRefute = Math.max(state.toRefute ?? 0, incarnation)
  const soonestMs = state.refutedMs + config.refuteMs
  if (nowMs >= soonestMs) refute(ctx)
  else state.deadlines.setEarlier(state.timers.refute, soonestMs)
}

/** Signs a higher incarnation than any that evidence names. */
export function refute(ctx: Context): void {
  const { state, nowMs, out } = ctx
  const accused = state.toRefute
  state.toRefute = undefined
  if (accused === undefined || state.isLeaving || accused < state.own.incarnation) return
  state.own = { epoch: state.own.epoch, incarnation: accused + 1 }
  state.refutedMs = nowMs
  worsen(ctx)
  out.push({ type: 'refute', own: state.own })
}
