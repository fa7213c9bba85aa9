/** Making the state, and the small questions that everything else asks it. */
import { BoundedMap } from '../util/bounded-map.ts'
import type { Rng } from '../util/rng.ts'
import { TimerHeap } from '../util/timer-heap.ts'
import { DEFAULT_TOPOLOGY, GATHER_MS } from './config.ts'
import { createPlacement } from './coordinates/vivaldi.ts'
import { ownTimers } from './timers.ts'
import {
  TOPOLOGY_LIMITS,
  type Member,
  type MemberId,
  type Pair,
  type TopologyConfig,
  type TopologyEffect,
  type TopologyState,
  type Verdict,
} from './types.ts'
import { hashOf } from './watchers.ts'

/** One step under way. */
export interface Context {
  readonly state: TopologyState
  readonly nowMs: number
  readonly rng: Rng
  readonly out: TopologyEffect[]
}

/**
 * A node that knows nobody yet. Its own epoch and host come with the first `member` input, under its own id.
 * @param config what differs from `DEFAULT_TOPOLOGY`
 */
export function createTopology(self: MemberId, config: Partial<TopologyConfig> = {}): TopologyState {
  return {
    self,
    selfHash: hashOf(self),
    config: { ...DEFAULT_TOPOLOGY, ...config },
    own: { epoch: 0, incarnation: 0 },
    isLeaving: false,
    host: '',
    lastSeq: 0,
    lastNonce: 0,
    health: 0,
    healthMs: 0,
    refutedMs: -Infinity,
    toRefute: undefined,
    accusers: new BoundedMap(TOPOLOGY_LIMITS.accusers, 'evict-oldest'),
    members: new BoundedMap(TOPOLOGY_LIMITS.members, 'refuse'),
    watches: new Map(),
    linked: new Set(),
    placement: createPlacement(),
    measuring: undefined,
    errands: new BoundedMap(TOPOLOGY_LIMITS.errands, 'evict-oldest'),
    accused: new Set(),
    hosts: new Map([['', 1]]),
    rosterVersion: 0,
    brake: undefined,
    deadlines: new TimerHeap(),
    timers: ownTimers(),
    reweigh: false,
  }
}

/** When the state wants to be woken next, or undefined. Coming later than that is taken for the node's slowness. */
export function nextWakeMs(state: TopologyState): number | undefined {
  return state.deadlines.nextMs()
}

/** What this node holds of `id`, itself included; undefined when it does not know it. */
export function verdictOf(state: TopologyState, id: MemberId): Verdict | undefined {
  return id === state.self ? 'alive' : state.members.get(id)?.verdict
}

/** Alive or merely suspect: it watches, its word counts, and it is not replaced. */
export function isBelievedAlive({ verdict }: Member): boolean {
  return verdict === 'alive' || verdict === 'suspect'
}

/** Whether both name one pair. */
export function isSame(a: Pair, b: Pair): boolean {
  return a.epoch === b.epoch && a.incarnation === b.incarnation
}

/** Whether `a` comes after `b`. */
export function isHigher(a: Pair, b: Pair): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.incarnation > b.incarnation)
}

/** Those who have not said goodbye, this node included, and how many of them are believed alive. */
export function countRoster(state: TopologyState): { roster: number; alive: number } {
  let [roster, alive] = [1, 1]
  for (const member of state.members.values()) {
    if (member.verdict === 'left') continue
    roster++
    if (isBelievedAlive(member)) alive++
  }
  return { roster, alive }
}

/** Who is there, or who is believed alive, has changed: rankings and the watch list are made anew. */
export function rosterChanged({ state, nowMs }: Context): void {
  state.rosterVersion++
  state.reweigh = true
  state.deadlines.setEarlier(state.timers.watches, nowMs + GATHER_MS)
}

/** Moves one member, or this node, from a host to another; undefined is nowhere. */
export function moveHost(state: TopologyState, from: string | undefined, to: string | undefined): void {
  if (from !== undefined) {
    const left = (state.hosts.get(from) ?? 1) - 1
    if (left === 0) state.hosts.delete(from)
    else state.hosts.set(from, left)
  }
  if (to !== undefined) state.hosts.set(to, (state.hosts.get(to) ?? 0) + 1)
}
