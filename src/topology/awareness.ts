/**
 * This node's own slowness: when it is late itself, others are not to blame (Lifeguard's local health).
 */
import { isSet } from '../util/timer-heap.ts'
import { WORST_HEALTH } from './config.ts'
import { nextWakeMs, type Context } from './state.ts'
import type { TopologyTimer } from './timers.ts'

const RECOVERY_ROUNDS = 4

/** This node was late, or was suspected: one point worse. */
export function worsen({ state, nowMs }: Context): void {
  state.health = Math.min(state.health + 1, WORST_HEALTH)
  state.healthMs = nowMs
}

/** An answer came in time: one point better, once a round. */
export function improve({ state, nowMs }: Context): void {
  if (state.health === 0 || nowMs - state.healthMs < state.config.probeMs) return
  state.health--
  state.healthMs = nowMs
}

/** A probe goes out when it should: with nobody left to answer, that must be enough to get well, if more slowly. */
export function recover({ state, nowMs }: Context): void {
  if (state.health === 0 || nowMs - state.healthMs < RECOVERY_ROUNDS * state.config.probeMs) return
  state.health--
  state.healthMs = nowMs
}

/**
 * Sees whether this step comes later than was asked for, and gives everybody that time again: answers, withdrawals and
 * refutations may have come while this node could not read them. To be called before anything is due.
 */
export function forgiveLateness(ctx: Context): void {
  const { state, nowMs } = ctx
  const wantedMs = nextWakeMs(state)
  const lateMs = wantedMs === undefined ? 0 : nowMs - wantedMs
  if (lateMs <= state.config.lateMs) return
  worsen(ctx)
  // What was due at the very moment of waking must still wait until what has come meanwhile is read.
  const soonestMs = nowMs + state.config.minTimeoutMs
  for (const watch of state.watches.values()) {
    for (const probe of watch.outstanding) if (!probe.missed) probe.dueMs = Math.max(probe.dueMs + lateMs, soonestMs)
    postpone(ctx, watch.timers.due, lateMs, soonestMs)
    postpone(ctx, watch.timers.ask, lateMs, soonestMs)
  }
  for (const id of state.accused) {
    const member = state.members.get(id)
    if (member?.accusedMs === undefined) continue
    // A little more than the lateness, so that what is counted from these is not due before `soonestMs` either.
    const byMs = lateMs + state.config.minTimeoutMs
    member.accusedMs += byMs
    if (member.suspectMs !== undefined) member.suspectMs += byMs
    postpone(ctx, member.timers.suspect, byMs, soonestMs)
  }
}

function postpone({ state }: Context, timer: TopologyTimer, byMs: number, soonestMs: number): void {
  if (isSet(timer)) state.deadlines.set(timer, Math.max(timer.atMs + byMs, soonestMs))
}
