/** Probes made for others: a watcher whose probes fail asks whether the subject answers somebody else. */
import { ERRAND_MS, VOUCHERS_NEEDED } from './config.ts'
import { hear } from './probing.ts'
import { isBelievedAlive, type Context } from './state.ts'
import { TOPOLOGY_LIMITS, type Member, type MemberId, type Watch } from './types.ts'

/** Probes `subject` for another member. Questions about strangers are passed over. */
export function takeErrand(ctx: Context, { id: asker }: Member, subject: MemberId, askerNonce: number): void {
  const { state, nowMs, out } = ctx
  const member = state.members.get(subject)
  if (member === undefined || member.verdict === 'left') return
  let underWay = 0
  for (const errand of state.errands.values()) if (errand.asker === asker) underWay++
  // Each costs a probe to somebody who did not ask for it.
  if (underWay >= TOPOLOGY_LIMITS.errandsPerAsker) return
  const nonce = ++state.lastNonce
  state.errands.set(nonce, { asker, askerNonce, subject, atMs: nowMs })
  state.deadlines.setEarlier(state.timers.errands, nowMs + ERRAND_MS)
  out.push({ type: 'ping', to: subject, nonce, suspects: isBelievedAlive(member) ? undefined : member.pair })
}

/** An answer that somebody may be waiting for. */
export function answerErrand(ctx: Context, from: Member, watch: Watch | undefined, nonce: number): void {
  const { state, out } = ctx
  const errand = state.errands.get(nonce)
  if (errand?.subject !== from.id) return
  state.errands.delete(nonce)
  out.push({ type: 'answer-ask', to: errand.asker, subject: from.id, nonce: errand.askerNonce })
  hear(ctx, from, watch)
}

/** Forgets what was not answered in time. */
export function dropErrands({ state, nowMs }: Context): void {
  for (const [nonce, { atMs }] of state.errands) {
    if (nowMs - atMs >= ERRAND_MS) state.errands.delete(nonce)
    else {
      state.deadlines.set(state.timers.errands, atMs + ERRAND_MS)
      return
    }
  }
}

/**
 * Somebody says that the subject answered it. Only whoever was asked counts, and it takes two to be a sign of life: one
 * alone may lie, and would keep a dead member alive for everybody who asks it. What one is worth, `isVouchedFor` says.
 */
export function takeAsked(ctx: Context, from: Member, subject: MemberId, nonce: number): void {
  const watch = ctx.state.watches.get(subject)
  const member = ctx.state.members.get(subject)
  if (member === undefined || watch?.asks.get(nonce) !== from.id) return
  watch.vouchers.add(from.id)
  if (watch.vouchers.size >= VOUCHERS_NEEDED) hear(ctx, member, watch)
}
