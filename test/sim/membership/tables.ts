/** How long it takes until all know: kills and silences in a calm network, many times over. */
import type { TopologyConfig } from '../../../src/topology/types.ts'
import { World } from './world.ts'

/** One line of the table, milliseconds. */
export interface DetectionTimes {
  readonly size: number
  readonly what: 'kill' | 'silence'
  readonly trials: number
  /** Trials in which not all knew after 30 s. */
  readonly missed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface DetectionOptions {
  readonly size: number
  readonly what: 'kill' | 'silence'
  readonly trials: number
  readonly seed: number
  readonly loss?: number
  readonly config?: Partial<TopologyConfig>
}

const WARM_UP_MS = 60_000
const GIVE_UP_MS = 30_000

/** Measures from the fault until every survivor holds the member offline. */
export function measureDetection({
  size,
  what,
  trials,
  seed,
  loss = 0,
  config = {},
}: DetectionOptions): DetectionTimes {
  const times: number[] = []
  const perWorld = Math.max(1, Math.floor(size / 10))
  for (let next = seed; times.length < trials; next++) {
    const world = new World({ seed: next, size, config })
    world.setLoss(loss)
    world.events.runUntil(WARM_UP_MS)
    const victims = world.rng.shuffle(world.nodes.map(({ index }) => index)).slice(0, perWorld)
    for (const victim of victims) {
      if (times.length < trials) times.push(timeOf(world, victim, what))
      world.events.runUntil(world.nowMs + 5_000 + 1_000 * world.rng.next())
    }
  }
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
  const missed = sorted.filter((time) => time === Infinity).length
  return { size, what, trials, missed, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

function timeOf(world: World, victim: number, what: 'kill' | 'silence'): number {
  const startMs = world.nowMs
  const id = world.nodes[victim]!.id
  const ignorant = new Set(
    world.nodes.filter(({ index, up }) => index !== victim && up && world.isOpen(index)).map(({ index }) => index),
  )
  let lastMs = startMs
  world.onEffect = (node, effect) => {
    if (effect.type !== 'verdict' || effect.id !== id) return
    if (effect.verdict === 'offline' && ignorant.delete(node.index)) lastMs = world.nowMs
    else if (effect.verdict === 'alive') ignorant.add(node.index)
  }
  if (what === 'kill') world.kill(victim)
  else world.setSilent(victim, true)
  for (let waitedMs = 0; waitedMs < GIVE_UP_MS && ignorant.size > 0; waitedMs += 100) {
    world.events.runUntil(startMs + waitedMs + 100)
  }
  world.onEffect = () => {}
  return ignorant.size === 0 ? lastMs - startMs : Infinity
}
