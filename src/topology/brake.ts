/**
 * The mass-loss brake: when many members go at once, it is as likely this node that is cut off. Verdicts change as
 * ever; the mesh is told not to start their work again elsewhere until it is clear on which side the majority is.
 */
import type { Context } from './state.ts'

/** More than this many, and more than this share of the roster, within the window. */
const LEAST_LOST = 2
const LOST_SHARE = 1 / 3

/** A member was lost just now. */
export function takeLoss(ctx: Context): void {
  const { state, nowMs, out } = ctx
  let [lost, roster] = [0, 1]
  for (const { verdict, sinceMs } of state.members.values()) {
    if (verdict === 'left') continue
    roster++
    if (verdict === 'offline' && nowMs - sinceMs < state.config.brakeWindowMs) lost++
  }
  if (lost <= Math.max(LEAST_LOST, roster * LOST_SHARE)) return
  const untilMs = nowMs + state.config.brakeMs
  state.deadlines.set(state.timers.brake, untilMs)
  if (state.brake !== undefined) {
    state.brake.untilMs = untilMs
    return
  }
  state.brake = { sinceMs: nowMs, untilMs }
  out.push({ type: 'brake', on: true, lost, members: roster })
}

/** Lets go once the time is up and a majority of the roster is believed alive: until then it stays on. */
export function settleBrake(
  { state, nowMs, out }: Context,
  { roster, alive }: { readonly roster: number; readonly alive: number },
): void {
  if (state.brake === undefined || nowMs < state.brake.untilMs || alive <= roster / 2) return
  state.brake = undefined
  out.push({ type: 'brake', on: false, lost: roster - alive, members: roster })
}
