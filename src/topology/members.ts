/** The roster: who is there, under which pair, and for how long it is remembered. */
import type { Point } from './coordinates/point.ts'
import { reconsider } from './coordinates/vivaldi.ts'
import { restartWatch, startWatch, stopWatch } from './probing.ts'
import { isBelievedAlive, isHigher, moveHost, rosterChanged, type Context } from './state.ts'
import { tellSoon } from './tell.ts'
import { memberTimers } from './timers.ts'
import type { Member, MemberId, Pair, TopologyInput } from './types.ts'
import { setVerdict, weigh } from './verdicts.ts'
import { hashOf, subjectsOf } from './watchers.ts'

/** Testimony of one epoch is numbered from here: 2^20 numbers each, and seconds since 1970 still fit. */
const SEQ_PER_EPOCH = 2 ** 20

/** This node's own epoch and host. */
function takeSelf(ctx: Context, pair: Pair, host: string): void {
  const { state } = ctx
  if (isHigher(pair, state.own)) state.own = { epoch: pair.epoch, incarnation: pair.incarnation }
  state.lastSeq = Math.max(state.lastSeq, state.own.epoch * SEQ_PER_EPOCH)
  if (host === state.host) return
  moveHost(state, state.host, host)
  state.host = host
  rosterChanged(ctx)
}

/** A heartbeat of a member came, or this node itself is told what it is. */
export function takeMember(ctx: Context, { id, pair, host, point }: TopologyInput & { type: 'member' }): void {
  const { state } = ctx
  const member = state.members.get(id)
  if (member === undefined) return id === state.self ? takeSelf(ctx, pair, host) : addMember(ctx, id, pair, host, point)
  if (point !== undefined) {
    member.point = point
    reconsider(state.placement, id, point, ctx.nowMs, ctx.rng)
  }
  if (host !== '' && host !== member.host) {
    if (member.verdict !== 'left') moveHost(state, member.host, host)
    member.host = host
    rosterChanged(ctx)
  }
  if (isHigher(pair, member.pair)) raisePair(ctx, member, pair)
  else if (member.lapsed) setVerdict(ctx, member, 'alive', 'its heartbeats come again')
  else tellSoon(ctx, member)
}

function addMember(
  ctx: Context,
  id: MemberId,
  { epoch, incarnation }: Pair,
  host: string,
  point: Point | undefined,
): void {
  const { state, nowMs, out } = ctx
  const member: Member = {
    id,
    pair: { epoch, incarnation },
    verdict: 'alive',
    lapsed: false,
    sinceMs: nowMs,
    testimony: new Map(),
    accusedMs: undefined,
    suspectMs: undefined,
    isLone: false,
    toldMs: -Infinity,
    host,
    point,
    hash: hashOf(id),
    ranking: undefined,
    timers: memberTimers(id),
  }
  if (!state.members.set(id, member)) return
  moveHost(state, undefined, host)
  rosterChanged(ctx)
  out.push({ type: 'verdict', id, verdict: 'alive', why: 'its heartbeat came' })
}

/** It has signed a higher pair: what was said of the former one is void, and it is back if it was gone. */
function raisePair(ctx: Context, member: Member, pair: Pair): void {
  const { state } = ctx
  const isNewLife = pair.epoch > member.pair.epoch
  member.pair = { epoch: pair.epoch, incarnation: pair.incarnation }
  for (const [watcher, testimony] of member.testimony) {
    if (isHigher(pair, testimony)) member.testimony.delete(watcher)
  }
  member.accusedMs = undefined
  member.suspectMs = undefined
  member.isLone = false
  restartWatch(ctx, member, isNewLife)
  if (member.verdict === 'left') moveHost(state, undefined, member.host)
  setVerdict(ctx, member, 'alive', isNewLife ? 'it has started anew' : 'it has refuted what was said')
  if (member.testimony.size > 0) state.accused.add(member.id)
  weigh(ctx, member.id)
}

/** It said goodbye. Words of a former life are old. */
export function takeGoodbye(ctx: Context, id: MemberId, pair: Pair): void {
  const { state } = ctx
  const member = state.members.get(id)
  if (member === undefined || isHigher(member.pair, pair)) return
  // Also when it had left before: a late heartbeat of the life in between must not bring it back.
  member.pair = { epoch: pair.epoch, incarnation: pair.incarnation }
  if (member.verdict === 'left') return
  member.testimony.clear()
  moveHost(state, member.host, undefined)
  setVerdict(ctx, member, 'left', 'it said goodbye')
}

/** Its heartbeats ran out. */
export function takeLapse(ctx: Context, id: MemberId): void {
  const member = ctx.state.members.get(id)
  if (member === undefined || !isBelievedAlive(member)) return
  setVerdict(ctx, member, 'offline', 'its heartbeats ran out')
  member.lapsed = true
}

/** Off the roster: it was gone for long. */
export function forget(ctx: Context, id: MemberId): void {
  const { state } = ctx
  const member = state.members.get(id)
  if (member === undefined || isBelievedAlive(member)) return
  state.members.delete(id)
  if (member.verdict !== 'left') moveHost(state, member.host, undefined)
  state.deadlines.cancel(member.timers.tell)
  rosterChanged(ctx)
}

/** Off the roster, whatever its verdict: it is not for this node to judge any more. */
export function dismiss(ctx: Context, id: MemberId): void {
  const { state } = ctx
  const member = state.members.get(id)
  if (member === undefined) return
  const watch = state.watches.get(id)
  if (watch !== undefined) stopWatch(ctx, watch)
  state.members.delete(id)
  state.accused.delete(id)
  if (member.verdict !== 'left') moveHost(state, member.host, undefined)
  for (const timer of [member.timers.tell, member.timers.forget, member.timers.suspect]) state.deadlines.cancel(timer)
  rosterChanged(ctx)
}

/** Makes the watch list anew. */
export function remakeWatches(ctx: Context): void {
  const { state, out } = ctx
  const subjects = new Set(subjectsOf(state))
  let changed = false
  for (const watch of state.watches.values()) {
    if (subjects.has(watch.subject)) continue
    stopWatch(ctx, watch)
    changed = true
  }
  for (const subject of subjects) {
    if (state.watches.has(subject)) continue
    startWatch(ctx, subject)
    changed = true
  }
  if (changed) out.push({ type: 'keep-links', ids: [...subjects] })
}
