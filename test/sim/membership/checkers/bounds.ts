/** Nothing grows without end, neither what a node keeps nor what it sends. The caps are its own. */
import type { TopologyEffect, TopologyInput } from '../../../../src/topology/types.ts'
import { Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

const MOST = {
  watches: 64,
  outstanding: 64,
  asks: 64,
  errands: 256,
  /** Five seconds and a round; and a wall clock that is set leaps ahead by as much at a stroke. */
  errandMs: 6_000 + 3_500,
  testimony: 16,
  health: 8,
} as const
/** What membership may cost a node, averaged over ten seconds. */
const CALM_BYTES_PER_SECOND = 12_000
const ROUGH_BYTES_PER_SECOND = 25_000
const WINDOW_MS = 10_000
/** Who is accused all the time by one that lies refutes it every two seconds in the end; some of it may be news. */
const MOST_REFUTATIONS = 25
const REFUTATIONS_MS = 30_000

export class BoundsChecker implements Checker {
  readonly name = 'bounds'
  #sent: number[] = []
  #sinceMs = 0
  /** When each node refuted, lately. */
  #refutedMs: number[][] = []

  step({ nowMs }: WorldView, { index }: Truth, _input: TopologyInput, effects: readonly TopologyEffect[]): void {
    if (!effects.some(({ type }) => type === 'refute')) return
    const lately = [...(this.#refutedMs[index] ?? []).filter((atMs) => nowMs - atMs < REFUTATIONS_MS), nowMs]
    this.#refutedMs[index] = lately
    if (lately.length <= MOST_REFUTATIONS) return
    throw new Violation(this.name, `${index} has refuted ${lately.length} times in ${REFUTATIONS_MS} ms`)
  }

  tick(world: WorldView): void {
    for (const node of world.nodes) if (node.up) this.#sizes(world, node)
    if (world.nowMs - this.#sinceMs >= WINDOW_MS) this.#bytes(world)
  }

  #sizes({ nodes, nowMs }: WorldView, { index, state, clock, pausedUntilMs }: Truth): void {
    const atMost = (what: string, size: number, most: number): void => {
      if (size > most) throw new Violation(this.name, `${index} has ${size} ${what}; at most ${most} are due`)
    }
    atMost('watches', state.watches.size, Math.min(MOST.watches, nodes.length - 1))
    atMost('errands', state.errands.size, MOST.errands)
    atMost('members', state.members.size, nodes.length - 1)
    atMost('links', state.linked.size, nodes.length - 1)
    atMost('accused', state.accused.size, nodes.length - 1)
    atMost('hosts', state.hosts.size, nodes.length + 1)
    atMost('points of ill health', state.health, MOST.health)
    // Three for each watch, three for each member, and four of its own.
    atMost('deadlines', state.deadlines.size, 3 * state.watches.size + 3 * state.members.size + 4)
    for (const { atMs } of state.errands.values()) {
      const behindMs = Math.min(clock.nowMs() - atMs, nowMs - pausedUntilMs)
      atMost('ms behind with an errand', behindMs, MOST.errandMs)
    }
    for (const { outstanding, asks } of state.watches.values()) {
      atMost('probes outstanding', outstanding.length, MOST.outstanding)
      atMost('questions of one run', asks.size, MOST.asks)
    }
    for (const { testimony } of state.members.values()) atMost('testimonies', testimony.size, MOST.testimony)
  }

  #bytes(world: WorldView): void {
    const seconds = (world.nowMs - this.#sinceMs) / 1_000
    const most = world.worstLoss > 0 || !world.gentle ? ROUGH_BYTES_PER_SECOND : CALM_BYTES_PER_SECOND
    for (const { index, sentBytes, liar } of world.nodes) {
      const perSecond = (sentBytes - (this.#sent[index] ?? 0)) / seconds
      this.#sent[index] = sentBytes
      if (!liar && this.#sinceMs > 0 && perSecond > most) {
        throw new Violation(this.name, `${index} sends ${Math.round(perSecond)} B/s; at most ${most} are due`)
      }
    }
    this.#sinceMs = world.nowMs
  }
}
