/** One simulated process, and its links as its kernel sees them. */
import { createTopology } from '../../../src/topology/state.ts'
import type { TopologyConfig, TopologyInput, TopologyState } from '../../../src/topology/types.ts'
import type { Truth } from './checker.ts'
import { MachineClock } from './clock.ts'

/** As a daemon counts its epochs: seconds since 1970. */
const FIRST_EPOCH = 1_800_000_000

export interface Node extends Truth {
  host: string
  epoch: number
  up: boolean
  state: TopologyState
  sinceMs: number
  liar: boolean
  errands: Truth['errands']
  pausedUntilMs: number
  sentBytes: number
  leaving: boolean
  pausedSinceMs: number
  /** Counts its lives: what was meant for a former one is dropped. */
  life: number
  wakeAtMs: number
  /** What came while it stood still. */
  readonly inbox: TopologyInput[]
  readonly links: Set<number>
  readonly wanted: Set<number>
  readonly clock: MachineClock
  /** When the last heartbeat of each came, or it started, by its own clock. */
  readonly beats: Float64Array
}

/** A node that was not started yet. */
export function newNode(
  index: number,
  id: string,
  {
    size,
    perHost,
    config,
    world,
  }: {
    readonly size: number
    readonly perHost: number
    readonly config: Partial<TopologyConfig>
    readonly world: { readonly nowMs: number }
  },
): Node {
  return {
    index,
    id,
    host: `machine-${Math.floor(index / perHost)}`,
    epoch: FIRST_EPOCH,
    up: false,
    leaving: false,
    state: createTopology(id, config),
    sinceMs: 0,
    liar: false,
    errands: 'honest',
    pausedSinceMs: 0,
    pausedUntilMs: 0,
    sentBytes: 0,
    life: 0,
    wakeAtMs: Infinity,
    inbox: [],
    links: new Set(),
    wanted: new Set(),
    clock: new MachineClock(world),
    beats: new Float64Array(size),
  }
}
