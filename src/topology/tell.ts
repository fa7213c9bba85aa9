/** Telling a member that it is held to be offline though it shows signs of life: only its own word brings it back. */
import { isSet } from '../util/timer-heap.ts'
import { TELL_MS, TELL_SPREAD_MS } from './config.ts'
import type { Context } from './state.ts'
import type { Member } from './types.ts'

/** Arranges that an offline member is told soon, unless it was lately. */
export function tellSoon({ state, nowMs, rng }: Context, member: Member): void {
  const timer = member.timers.tell
  if (member.verdict !== 'offline' || isSet(timer)) return
  // Everybody hears the sign of life at once; by chance a few speak first, and the refutation silences the rest.
  const soonMs = nowMs + rng.next() * TELL_SPREAD_MS
  state.deadlines.set(timer, Math.max(soonMs, member.toldMs + TELL_MS))
}

/** Tells it, by a probe that names the pair it is held offline under. */
export function tell({ state, nowMs, out }: Context, id: string): void {
  const member = state.members.get(id)
  if (member?.verdict !== 'offline') return
  member.toldMs = nowMs
  out.push({ type: 'ping', to: id, nonce: ++state.lastNonce, suspects: member.pair })
}
