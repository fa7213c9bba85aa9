/**
 * This node's own word against what is said of it.
 *
 * The first accusations of a witness are refuted at once. Whoever accuses each new incarnation again gains nothing by
 * it but a heartbeat to everybody each time, so it is answered ever less often; what another witness says meanwhile is
 * not made to wait for it. Even the longest wait is over before a witness that stands alone makes a suspect: no liar
 * can use up the refutations that an honest mistake needs. An honest witness that does not hear its subject grows more
 * patient by itself (`restartWatch`), and is not delayed.
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
  state.toRefute = Math.max(state.toRefute ?? 0, incarnation)
  const soonestMs = state.refutedMs + waitMs(ctx, accuser)
  if (nowMs >= soonestMs) refute(ctx)
  else state.deadlines.setEarlier(state.timers.refute, soonestMs)
}

/**
 * How long after the last refutation this accuser is answered: `refuteMs`, and from the third incarnation in a row that
 * it accuses twice as long each time. It begins anew when it has let this node alone for a while; its own word that all
 * is well is no reason to, for a liar can say that, too.
 */
function waitMs({ state, nowMs }: Context, id: MemberId): number {
  const { incarnation } = state.own
  const before = state.accusers.get(id)
  const goesOn = before !== undefined && nowMs - before.atMs < ACCUSER_FORGOTTEN_MS
  const times = goesOn ? before.times + (incarnation > before.incarnation ? 1 : 0) : 1
  state.accusers.delete(id)
  state.accusers.set(id, { times, incarnation, atMs: nowMs })
  return state.config.refuteMs * Math.min(2 ** Math.max(0, times - 2), MOST_REFUTE_WAIT)
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
