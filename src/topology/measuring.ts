/**
 * Round trips, for this node's place in the network. Most come with the probes of its watch. A few subjects are not
 * enough to find a place by, and some nodes happen to watch nobody; so other members are probed too, those to whom a
 * link stands anyway: that costs no more than two datagrams.
 */
import { FIRST_SAMPLES, MEASURE_FIRST_MS, MEASURE_MS } from './config.ts'
import { measuredOf, observe } from './coordinates/vivaldi.ts'
import type { Context } from './state.ts'
import type { Member, MemberId, TopologyInput, TopologyState, Watch } from './types.ts'

/** Sees to it that the next measurement comes soon: there is a new link. */
export function measureSoon({ state, nowMs, rng }: Context): void {
  state.deadlines.setEarlier(state.timers.measure, nowMs + MEASURE_FIRST_MS * (0.5 + rng.next()))
}

/** Probes the linked and unwatched member of whom least is known, and plans the next measurement. */
export function measureSomeone(ctx: Context): void {
  const { state, nowMs, rng, out } = ctx
  if (state.linked.size === 0) return
  const next = leastMeasured(ctx)
  const paceMs = next !== undefined && next.samples < FIRST_SAMPLES ? MEASURE_FIRST_MS : MEASURE_MS
  state.deadlines.set(state.timers.measure, nowMs + paceMs * (0.5 + rng.next()))
  if (next === undefined) return
  const nonce = ++state.lastNonce
  state.measuring = { nonce, to: next.id, sentMs: nowMs }
  out.push({ type: 'ping', to: next.id, nonce, suspects: undefined })
}

function leastMeasured({ state, nowMs }: Context): { id: MemberId; samples: number } | undefined {
  let least: { id: MemberId; samples: number; atMs: number } | undefined
  for (const id of state.linked) {
    if (state.watches.has(id) || !state.members.has(id)) continue
    const known = measuredOf(state.placement, id, nowMs)
    const one = { id, samples: known?.lastMs.length ?? 0, atMs: known?.atMs ?? -Infinity }
    if (least === undefined || one.samples < least.samples) least = one
    else if (one.samples === least.samples && one.atMs < least.atMs) least = one
  }
  return least
}

/** An answer that this node waits for is a round trip, be it to a subject or to one probed for that alone. */
export function takeRoundTrip(
  { state, nowMs, rng }: Context,
  { from, nonce, rttMs }: TopologyInput & { type: 'pong' },
  { point }: Member,
  watch: Watch | undefined,
): void {
  const sentMs = sentAtMs(state, watch, from, nonce)
  if (sentMs !== undefined) observe(state.placement, { id: from, rttMs: rttMs ?? nowMs - sentMs, nowMs }, point, rng)
}

/** When the probe was sent that this answers. A late answer is no measure: it may have waited in a queue. */
function sentAtMs(state: TopologyState, watch: Watch | undefined, from: MemberId, nonce: number): number | undefined {
  const { measuring } = state
  if (measuring?.nonce === nonce && measuring.to === from) {
    state.measuring = undefined
    return measuring.sentMs
  }
  const probe = watch?.outstanding.find((one) => one.nonce === nonce)
  return probe === undefined || probe.missed ? undefined : probe.sentMs
}
