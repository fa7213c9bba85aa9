/** What a rule about membership sees of a simulation. It imports types of the core and nothing else of it. */
import type { TopologyEffect, TopologyInput, TopologyState } from '../../../src/topology/types.ts'

const VOUCHED_MS = 5_000

export { Violation } from '../checker.ts'

/** One node as it really is. */
export interface Truth {
  readonly index: number
  readonly id: string
  /** The machine it runs on. */
  readonly host: string
  readonly up: boolean
  readonly state: TopologyState
  /** Since when it runs, or does not. */
  readonly sinceMs: number
  /** It says false things of everybody. */
  readonly liar: boolean
  /** What it says when it is asked whether somebody else answers it: the truth, always yes, or nothing. */
  readonly errands: 'honest' | 'vouches' | 'silent'
  /** It has said goodbye, which is on record. */
  readonly leaving: boolean
  /** From when until when it stands still, or stood still last. */
  readonly pausedSinceMs: number
  readonly pausedUntilMs: number
  /** The time as it has it. */
  readonly clock: { nowMs(): number }
  /** What it has sent so far for the sake of membership. */
  readonly sentBytes: number
}

/** The world as it really is. */
export interface WorldView {
  readonly nowMs: number
  readonly nodes: readonly Truth[]
  indexOf(id: string): number
  /** Packets of it pass, to all and from all; and since when that is so, or not. */
  isOpen(index: number): boolean
  readonly openSinceMs: readonly number[]
  /** Since when no way is shut; Infinity while one is. */
  readonly healedMs: number
  /** When something was last made to go wrong, and when before that. */
  readonly faultsMs: readonly [last: number, before: number]
  readonly loss: number
  /** The most there was in this run. */
  readonly worstLoss: number
  /** No pair of nodes was ever kept apart in this run, and nobody stood still for longer than silence may last. */
  readonly gentle: boolean
}

export interface Checker {
  readonly name: string
  /** A node took a step. */
  step?(world: WorldView, node: Truth, input: TopologyInput, effects: readonly TopologyEffect[]): void
  /** Some node died, fell silent or began anew. */
  changed?(world: WorldView, index: number): void
  /** Every virtual second. */
  tick?(world: WorldView): void
  /** At the very end, long after all healed. */
  end?(world: WorldView): void
}

/** Up, not paused, and with a working network, for at least so long. */
export function isWell(world: WorldView, index: number, forMs: number): boolean {
  const node = world.nodes[index]!
  const sinceMs = Math.max(node.sinceMs, node.pausedUntilMs, world.openSinceMs[index]!, world.healedMs)
  return node.up && world.isOpen(index) && world.nowMs - sinceMs >= forMs
}

/**
 * How much longer those who are left believe one that says of somebody dead that it has answered: it may be the only
 * one whose way is open. Where more than two others can be asked, those who know better outweigh it. And where all
 * others run on one machine, they are one voice, which is not believed as soon as two are.
 */
export function vouchedMs(world: WorldView): number {
  const left = world.nodes.filter(({ up, index }) => up && world.isOpen(index))
  if (left.every(({ errands }) => errands !== 'vouches')) return 0
  const machines = (nodes: readonly Truth[]): number => new Set(nodes.map(({ host }) => host)).size
  const isLoneVoice = machines(left) > 1 && machines(left.filter(({ errands }) => errands !== 'vouches')) === 1
  return left.length < 4 || isLoneVoice ? VOUCHED_MS : 0
}

/** Whether it has begun anew at this very moment. */
export function isNewLife({ nodes, nowMs }: WorldView, index: number): boolean {
  const { up, sinceMs } = nodes[index]!
  return up && sinceMs === nowMs
}
