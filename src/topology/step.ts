/**
 * The one door: `topologyStep` takes one input at one moment, changes the state, and returns what is to be done.
 * No clock, no chance but the generator it is handed, and no input that makes it throw.
 */
import type { Rng } from '../util/rng.ts'
import { forgiveLateness } from './awareness.ts'
import { settleBrake } from './brake.ts'
import { answerErrand, dropErrands, takeAsked, takeErrand } from './errands.ts'
import { measureSomeone, measureSoon, takeRoundTrip } from './measuring.ts'
import { dismiss, forget, remakeWatches, takeGoodbye, takeLapse, takeMember } from './members.ts'
import { countAsked, countMisses, hear, hurry, postpone, probe, takePong } from './probing.ts'
import { refute, takeAccusation } from './refute.ts'
import { countRoster, isBelievedAlive, type Context } from './state.ts'
import { tell, tellSoon } from './tell.ts'
import { say } from './testimony.ts'
import type { TopologyTimer } from './timers.ts'
import {
  TOPOLOGY_LIMITS,
  type Member,
  type MemberId,
  type TopologyEffect,
  type TopologyInput,
  type TopologyState,
} from './types.ts'
import { takeTestimony, weigh, weighAll } from './verdicts.ts'

/**
 * Takes one input, and whatever has become due.
 * @param nowMs monotonic milliseconds; a step later than `nextWakeMs` asked for is taken for this node's slowness
 */
export function topologyStep(state: TopologyState, input: TopologyInput, nowMs: number, rng: Rng): TopologyEffect[] {
  const ctx: Context = { state, nowMs, rng, out: [] }
  forgiveLateness(ctx)
  take(ctx, input)
  weighAll(ctx)
  for (let due = state.deadlines.takeDue(nowMs); due !== undefined; due = state.deadlines.takeDue(nowMs)) {
    runDue(ctx, due)
    weighAll(ctx)
  }
  return ctx.out
}

function take(ctx: Context, input: TopologyInput): void {
  const { state } = ctx
  switch (input.type) {
    case 'member':
      return takeMember(ctx, input)
    case 'member-left':
      if (input.id === state.self) state.isLeaving = true
      else takeGoodbye(ctx, input.id, input.pair)
      return
    case 'member-lapsed':
      return takeLapse(ctx, input.id)
    case 'member-dismissed':
      return dismiss(ctx, input.id)
    case 'link-up':
      return linkUp(ctx, input.id)
    case 'link-down':
      return linkDown(ctx, input.id)
    case 'dial-failed':
      return dialFailed(ctx, input.id, input.refused)
    case 'ping':
    case 'pong':
    case 'ask':
    case 'asked': {
      // A stranger's word would cost this node its health, and everybody a heartbeat.
      const from = state.members.get(input.from)
      if (from !== undefined) takeProbe(ctx, input, from)
      return
    }
    case 'testimony':
      if (input.testimony.subject !== state.self) return takeTestimony(ctx, input.testimony)
      if (input.testimony.says !== 'cleared') takeAccusation(ctx, input.testimony.watcher, input.testimony)
      return
    case 'wake':
  }
}

type Probing = Extract<TopologyInput, { readonly from: MemberId }>

/** A datagram from a member: whatever else it says, it is a sign of life. */
function takeProbe(ctx: Context, input: Probing, from: Member): void {
  const watch = ctx.state.watches.get(from.id)
  switch (input.type) {
    case 'ping':
      if (input.suspects !== undefined) takeAccusation(ctx, from.id, input.suspects)
      if (watch !== undefined) postpone(ctx, watch, from)
      return hear(ctx, from, watch)
    case 'pong':
      answerErrand(ctx, from, watch, input.nonce)
      takeRoundTrip(ctx, input, from, watch)
      if (watch !== undefined) takePong(ctx, watch, from, input.nonce)
      return
    case 'ask':
      hear(ctx, from, watch)
      return takeErrand(ctx, from, input.subject, input.nonce)
    case 'asked':
      hear(ctx, from, watch)
      return takeAsked(ctx, from, input.subject, input.nonce)
  }
}

function linkUp(ctx: Context, id: MemberId): void {
  const { state } = ctx
  // Its heartbeat may come later than the link; the cap is the mesh's own number of links many times over.
  if (state.linked.size < TOPOLOGY_LIMITS.members) state.linked.add(id)
  measureSoon(ctx)
  const member = state.members.get(id)
  if (member !== undefined) tellSoon(ctx, member)
}

/** The stream ended: seen at once when its process was killed, and for other reasons too. Dialling tells which. */
function linkDown(ctx: Context, id: MemberId): void {
  const { state, out } = ctx
  state.linked.delete(id)
  const member = state.members.get(id)
  if (member === undefined || !isBelievedAlive(member) || !state.watches.has(id)) return
  out.push({ type: 'dial', id })
  hurry(ctx, id)
}

function dialFailed(ctx: Context, id: MemberId, refused: boolean): void {
  const { state } = ctx
  const watch = state.watches.get(id)
  const member = state.members.get(id)
  if (watch === undefined || member === undefined || !isBelievedAlive(member) || state.linked.has(id)) return
  const isNews = watch.said?.says !== 'refused'
  if (refused && isNews) say(ctx, watch, member, 'refused')
  else hurry(ctx, id)
}

/** Some time after the roster changed: newcomers, and those forgotten, change what a majority is, too. */
function rosterSettled(ctx: Context): void {
  remakeWatches(ctx)
  settleBrake(ctx, countRoster(ctx.state))
}

function runDue(ctx: Context, { what, id }: TopologyTimer): void {
  switch (what) {
    case 'probe':
      return probe(ctx, id)
    case 'due':
      return countMisses(ctx, id)
    case 'ask':
      return countAsked(ctx, id)
    case 'suspect':
      return weigh(ctx, id)
    case 'tell':
      return tell(ctx, id)
    case 'forget':
      return forget(ctx, id)
    case 'watches':
      return rosterSettled(ctx)
    case 'errands':
      return dropErrands(ctx)
    case 'measure':
      return measureSomeone(ctx)
    case 'refute':
      return refute(ctx)
    case 'brake':
      return settleBrake(ctx, countRoster(ctx.state))
  }
}
