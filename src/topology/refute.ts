/**
 * This node's own word against what is said of it.
 *
 * The first accusations of a witness are refuted at once. Whoever accuses each new incarnation again gains nothing by
 * it but a heartbeat to everybody each time, so it is answered ever less often; what another witness says meanwhile is
 * not made to wait for it. Even the longest wait is over before a witness that stands alone makes a suspect: no liar
 * can use up the refutations that an honest mistake needs. An honest witness that does not hear its subject grows more
 * patient by itself (`restartWatch`), and is not delayed.
 *
 * To be missed by others is a sign of ill health (Lifeguard, arXiv 1707.00788, section IV-A), once for each accuser.
 * What one goes on saying is not, or a single liar would make everybody nine times as slow to judge.
 */
import { worsen } from './awareness.ts'
import { ACCUSER_FORGOTTEN_MS, MOST_REFUTE_WAIT } from './config.ts'
import type { Context } from './state.ts'
import type { MemberId, Pair } from './types.ts'

/** Nobody can have heard of a later incarnation than this node has signed; a little more is forgiven, no more. */
const MOST_AHEAD = 1_000

/**
 * Evidence against this node. What is said of a former life does not concern it; what is said of its present pair is
 * refuted, at once or soon. Once it has said goodbye it refutes nothing: that would take the goodbye back.
 */
export function takeAccusation(ctx: Context, accuser: MemberId, { epoch, incarnation }: Pair): void {
  const { state, nowMs } = ctx
  const { own } = state
  if (epoch !== own.epoch || incarnation < own.incarnation || incarnation > own.incarnation + MOST_AHEAD) return
  const times = countAccusations(ctx, accuser)
  state.toRefute = {
    incarnation: Math.max(state.toRefute?.incarnation ?? 0, incarnation),
    isNews: times === 1 || state.toRefute?.isNews === true,
  }
  const soonestMs = state.refutedMs + waitMs(ctx, times)
  if (nowMs >= soonestMs) refute(ctx)
  else state.deadlines.setEarlier(state.timers.refute, soonestMs)
}

/**
 * How many of this node's incarnations in a row the accuser has accused, with this one. It begins anew when it has let
 * this node alone for a while; its own word that all is well is no reason to, for a liar can say that, too.
 */
function countAccusations({ state, nowMs }: Context, id: MemberId): number {
  const { incarnation } = state.own
  const before = state.accusers.get(id)
  const goesOn = before !== undefined && nowMs - before.atMs < ACCUSER_FORGOTTEN_MS
  const times = goesOn ? before.times + (incarnation > before.incarnation ? 1 : 0) : 1
  state.accusers.delete(id)
  state.accusers.set(id, { times, incarnation, atMs: nowMs })
  return times
}

/** How long after the last refutation it is answered: `refuteMs`, from the third time on twice as long each time. */
function waitMs({ state }: Context, times: number): number {
  return state.config.refuteMs * Math.min(2 ** Math.max(0, times - 2), MOST_REFUTE_WAIT)
}

/** Signs a higher incarnation than any that evidence names. */
export function refute(ctx: Context): void {
  const { state, nowMs, out } = ctx
  const accused = state.toRefute
  state.toRefute = undefined
  if (accused === undefined || state.isLeaving || accused.incarnation < state.own.incarnation) return
  state.own = { epoch: state.own.epoch, incarnation: accused.incarnation + 1 }
  state.refutedMs = nowMs
  if (accused.isNews) worsen(ctx)
  out.push({ type: 'refute', own: state.own })
}
