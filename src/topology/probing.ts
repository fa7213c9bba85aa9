/**
 * Probing the members that this node watches.
 *
 * A subject that answers is probed every `probeMs`, phases at random. After a miss, probes follow in bursts; from the
 * second miss on its other watchers are asked to probe it as well. Any sign of life ends the run.
 */
import { ASK_AT_MISS, ASK_EVERY, ASKED_AT_ONCE, VOUCHED_MS } from './config.ts'
import { improve, recover } from './awareness.ts'
import { learnRtt, timeoutMs } from './rtt.ts'
import { expectedLoss, forgiveOutage, isUnsettled, learnLoss, missesNeeded, settleLost } from './silence.ts'
import { isBelievedAlive, type Context } from './state.ts'
import { tellSoon } from './tell.ts'
import { hasAccused, say, withdraw } from './testimony.ts'
import { watchTimers } from './timers.ts'
import { TOPOLOGY_LIMITS, type Member, type MemberId, type Watch } from './types.ts'
import { rankingOf } from './watchers.ts'

/** Probes sent in quick succession when somebody else has evidence. */
const HURRIED = 4
/** A link of which little is known yet is probed so many times as often: it takes some seconds. */
const UNSETTLED_FACTOR = 5
/** After so many misses the usual pace is fast enough. */
const MOST_IN_BURST = 32
/** A subject's own probes stand for so many of this node's at most: a link is also measured from this end. */
const MOST_POSTPONED = 2
/** Silence that was refuted makes the next one twice as long before it is evidence, from and up to these. */
const LEAST_PATIENCE_MS = 2_000
const MOST_PATIENCE_MS = 30_000

/** Begins to watch a member. */
export function startWatch(ctx: Context, subject: MemberId): void {
  const { state, nowMs, rng } = ctx
  const timers = watchTimers(subject)
  state.watches.set(subject, {
    subject,
    timers,
    rttMs: undefined,
    rttVarMs: 0,
    ...expectedLoss(state),
    misses: 0,
    indirectMisses: 0,
    asked: 0,
    asks: new Map(),
    vouchers: new Set(),
    heardMs: nowMs,
    sentMs: -Infinity,
    hurried: 0,
    postponed: 0,
    patienceMs: 0,
    outstanding: [],
    said: undefined,
  })
  state.deadlines.set(timers.probe, nowMs + rng.next() * state.config.probeMs)
  if (state.accused.has(subject)) hurry(ctx, subject)
}

/** Ends the watch. What this node has said of one that is not lost is withdrawn: it will not hear it any more. */
export function stopWatch(ctx: Context, watch: Watch): void {
  const { state } = ctx
  const member = state.members.get(watch.subject)
  if (member !== undefined && isBelievedAlive(member)) withdraw(ctx, watch, member)
  state.watches.delete(watch.subject)
  const { timers } = watch
  for (const timer of [timers.probe, timers.due, timers.ask]) state.deadlines.cancel(timer)
}

/** Probes in quick succession from now on, if this node watches the member. */
export function hurry({ state, nowMs }: Context, subject: MemberId): void {
  const watch = state.watches.get(subject)
  if (watch === undefined || watch.hurried > 0) return
  watch.hurried = HURRIED
  state.deadlines.setEarlier(watch.timers.probe, Math.max(nowMs, watch.sentMs + state.config.burstMs))
}

/**
 * The subject has probed this node: that is as good as an answer, and the next probe is due an interval from now. Where
 * two watch each other, as all do in a small mesh, that halves their datagrams.
 */
export function postpone(ctx: Context, watch: Watch, member: Member): void {
  const { state, nowMs } = ctx
  if (member.verdict !== 'alive') return
  // Whatever is not as usual is to be found out by this node itself.
  if (watch.outstanding.length > 0 || watch.misses > 0 || watch.hurried > 0 || isUnsettled(watch)) return
  if (watch.postponed >= MOST_POSTPONED) return
  watch.postponed++
  state.deadlines.set(watch.timers.probe, nowMs + paceMs(ctx, watch, member))
}

/** Sends the probe that is due, and says when the next one is. */
export function probe(ctx: Context, subject: MemberId): void {
  const { state, nowMs, out } = ctx
  const watch = state.watches.get(subject)
  const member = state.members.get(subject)
  if (watch === undefined || member === undefined) return
  const nonce = ++state.lastNonce
  const dueMs = nowMs + timeoutMs(watch, state.config, state.health)
  settleLost(watch, nowMs)
  recover(ctx)
  watch.outstanding.push({ nonce, sentMs: nowMs, dueMs, missed: false })
  if (watch.outstanding.length > TOPOLOGY_LIMITS.outstanding) watch.outstanding.shift()
  const isSuspect = member.verdict !== 'alive' || hasAccused(watch, member)
  out.push({ type: 'ping', to: subject, nonce, suspects: isSuspect ? member.pair : undefined })
  watch.sentMs = nowMs
  watch.postponed = 0
  if (watch.hurried > 0) watch.hurried--
  state.deadlines.setEarlier(watch.timers.due, dueMs)
  state.deadlines.set(watch.timers.probe, nowMs + paceMs(ctx, watch, member))
}

/** Time until the next probe. */
function paceMs({ state, rng }: Context, watch: Watch, member: Member): number {
  const { burstMs, probeMs, lostProbeMs } = state.config
  const jitter = 0.9 + 0.2 * rng.next()
  if (member.verdict === 'offline') return lostProbeMs * jitter
  if (watch.hurried > 0 || isInBurst(watch)) return burstMs
  return (isUnsettled(watch) ? Math.max(burstMs, probeMs / UNSETTLED_FACTOR) : probeMs) * jitter
}

function isInBurst({ misses }: Watch): boolean {
  return misses > 0 && misses < MOST_IN_BURST
}

/** Counts probes whose time is up. */
export function countMisses(ctx: Context, subject: MemberId): void {
  const { state, nowMs } = ctx
  const watch = state.watches.get(subject)
  const member = state.members.get(subject)
  if (watch === undefined || member === undefined) return
  let nextMs = Infinity
  let asks = false
  for (const one of watch.outstanding) {
    if (one.missed) continue
    if (one.dueMs > nowMs) nextMs = Math.min(nextMs, one.dueMs)
    else {
      one.missed = true
      // What was sent before the last sign of life says nothing of what is now.
      if (one.sentMs <= watch.heardMs) continue
      watch.misses++
      asks ||= watch.misses % ASK_EVERY === ASK_AT_MISS % ASK_EVERY
    }
  }
  if (nextMs < Infinity) state.deadlines.set(watch.timers.due, nextMs)
  if (member.verdict === 'offline') return
  if (isInBurst(watch)) {
    state.deadlines.setEarlier(watch.timers.probe, Math.max(nowMs, watch.sentMs + state.config.burstMs))
  }
  if (asks) askOthers(ctx, watch)
  judge(ctx, watch, member)
}

/** Asks a few other watchers to probe the subject. */
function askOthers(ctx: Context, watch: Watch): void {
  const { state, nowMs, rng, out } = ctx
  const others = whomToAsk(ctx, watch.subject)
  for (const via of rng.shuffle(others).slice(0, ASKED_AT_ONCE)) {
    const nonce = ++state.lastNonce
    if (watch.asks.size >= TOPOLOGY_LIMITS.asks) watch.asks.delete(watch.asks.keys().next().value!)
    watch.asks.set(nonce, via)
    watch.asked++
    out.push({ type: 'ask', via, subject: watch.subject, nonce })
  }
  // Two round trips, and the one that is asked may be a little slow.
  if (watch.asked > 0) state.deadlines.setEarlier(watch.timers.ask, nowMs + askTimeoutMs(ctx, watch))
}

function askTimeoutMs({ state }: Context, watch: Watch): number {
  return 2 * timeoutMs(watch, state.config, state.health)
}

function whomToAsk({ state }: Context, subject: MemberId): MemberId[] {
  const watchers = rankingOf(state, subject)?.watchers ?? []
  return watchers.filter((id) => id !== state.self && state.members.get(id)?.verdict === 'alive')
}

/** Those who were asked had time enough. */
export function countAsked(ctx: Context, subject: MemberId): void {
  const watch = ctx.state.watches.get(subject)
  const member = ctx.state.members.get(subject)
  if (watch === undefined || member === undefined) return
  watch.indirectMisses += watch.asked
  watch.asked = 0
  judge(ctx, watch, member)
}

/** Says that the subject is silent, once that is evidence. */
function judge(ctx: Context, watch: Watch, member: Member): void {
  const { state, nowMs } = ctx
  if (!isBelievedAlive(member) || hasAccused(watch, member)) return
  if (watch.misses < missesNeeded(watch.loss, state.config.chance)) return
  if (nowMs - watch.heardMs < watch.patienceMs) return
  if (watch.indirectMisses === 0 && whomToAsk(ctx, watch.subject).length > 0) return
  if (isVouchedFor(ctx, watch)) return
  say(ctx, watch, member, 'silent')
}

/**
 * Whether the word of one that was asked still counts, when it says that the subject has answered it. It may be the
 * only one whose way is open, or it may lie: more that say nothing outweigh it, and in any case its word alone counts
 * for so long only. Then the subject is accused, and refutes it if it is there.
 */
function isVouchedFor({ nowMs }: Context, { asks, vouchers, heardMs }: Watch): boolean {
  if (vouchers.size === 0 || nowMs - heardMs >= VOUCHED_MS) return false
  return new Set(asks.values()).size - vouchers.size <= vouchers.size
}

/** The subject answered a probe. */
export function takePong(ctx: Context, watch: Watch, member: Member, nonce: number): void {
  const index = watch.outstanding.findIndex((one) => one.nonce === nonce)
  // One that nobody waits for may be old, or a copy: it is no sign of life.
  if (index === -1) return
  const [one] = watch.outstanding.splice(index, 1)
  // With nothing left to wait for there is nothing to wake for: idle daemons do this most of the time.
  if (watch.outstanding.length === 0) ctx.state.deadlines.cancel(watch.timers.due)
  learnLoss(watch, false)
  // Of late answers one a run is learnt from: after a pause they all come at once.
  if (!one!.missed || watch.misses > 0) learnRtt(watch, ctx.nowMs - one!.sentMs)
  if (!one!.missed) improve(ctx)
  hear(ctx, member, watch)
}

/** A sign of life: the run of misses ends, and what was said is withdrawn. */
export function hear(ctx: Context, member: Member, watch: Watch | undefined): void {
  tellSoon(ctx, member)
  if (watch === undefined) return
  watch.patienceMs = 0
  forgiveOutage(watch, ctx.state.config.chance)
  endRun(ctx, watch)
  watch.heardMs = ctx.nowMs
  withdraw(ctx, watch, member)
}

function endRun({ state }: Context, watch: Watch): void {
  watch.misses = 0
  watch.indirectMisses = 0
  watch.asked = 0
  // An empty map would throw away its table, too, and make another.
  if (watch.asks.size > 0) watch.asks.clear()
  if (watch.vouchers.size > 0) watch.vouchers.clear()
  watch.hurried = 0
  state.deadlines.cancel(watch.timers.ask)
}

/**
 * The subject has signed a higher pair: whatever was said is void, and silence is counted anew. Where it refuted what
 * this node said without being heard here, the way between the two is broken, and this node gets more patient.
 */
export function restartWatch(ctx: Context, member: Member, isNewLife: boolean): void {
  const watch = ctx.state.watches.get(member.id)
  if (watch === undefined) return
  if (isNewLife) watch.patienceMs = 0
  else if (watch.said !== undefined && watch.said.says !== 'cleared') {
    watch.patienceMs = Math.min(Math.max(2 * watch.patienceMs, LEAST_PATIENCE_MS), MOST_PATIENCE_MS)
  }
  watch.said = undefined
  endRun(ctx, watch)
  watch.outstanding.length = 0
  // Not a sign of life on this link, but silence is measured from here.
  watch.heardMs = ctx.nowMs
  ctx.state.deadlines.setEarlier(watch.timers.probe, ctx.nowMs + ctx.state.config.burstMs * ctx.rng.next())
}
