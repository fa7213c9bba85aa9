/** Whether anybody is held offline who is not: heavy loss and slow members, for long. */
import type { TopologyConfig } from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { World } from './world.ts'

/** What one seed came to. */
export interface Accuracy {
  readonly seed: number
  /** Verdicts `offline`: all of them false, for nobody dies here. */
  readonly falseOffline: number
  readonly falseOfSlow: number
  /** Verdicts `suspect`, and pauses that were the reason of some. */
  readonly suspects: number
  readonly pauses: number
  /** Testimonies, refutations. */
  readonly accusations: number
  readonly refutations: number
  readonly bytesPerNodeSecond: number
  readonly steps: number
  /** The first few false verdicts, in words. */
  readonly examples: readonly string[]
}

export interface AccuracyOptions {
  readonly seed: number
  /** @default 200 */
  readonly size?: number
  /** @default 30 */
  readonly minutes?: number
  /** Share of datagrams and segments lost each way. @default 0.25 */
  readonly loss?: number
  /** Share of members that pause. @default 0.05 */
  readonly slow?: number
  /** Longest pause; the shortest is half a second. @default 3000 */
  readonly longestPauseMs?: number
  readonly config?: Partial<TopologyConfig>
  /** As in `WorldOptions`. */
  readonly everyBeat?: boolean
}

/** A slow member pauses about so often. */
const BETWEEN_PAUSES_MS = 20_000

/** Runs one seed: the loss is there from the first moment. */
export function measureAccuracy(options: AccuracyOptions): Accuracy {
  const { seed, size = 200, minutes = 30, loss = 0.25, slow = 0.05, longestPauseMs = 3_000, config = {} } = options
  const { everyBeat } = options
  const world = new World({ seed, size, config, ...(everyBeat !== undefined && { everyBeat }) })
  world.setLoss(loss)
  const rng = seededRng(seed + 1_000_000)
  const slowOnes = new Set(rng.shuffle(world.nodes.map(({ index }) => index)).slice(0, Math.round(slow * size)))
  const counts = { falseOffline: 0, falseOfSlow: 0, suspects: 0, pauses: 0, accusations: 0, refutations: 0 }
  const examples: string[] = []
  const pauseSoon = (index: number): void => {
    world.events.after(BETWEEN_PAUSES_MS * (0.5 + rng.next()), () => {
      world.pause(index, 500 + rng.next() * (longestPauseMs - 500))
      counts.pauses++
      pauseSoon(index)
    })
  }
  for (const index of slowOnes) pauseSoon(index)
  world.onEffect = (node, effect) => {
    if (effect.type === 'refute') counts.refutations++
    else if (effect.type === 'testify' && effect.testimony.says !== 'cleared') counts.accusations++
    else if (effect.type === 'verdict' && effect.verdict === 'suspect') counts.suspects++
    else if (effect.type === 'verdict' && effect.verdict === 'offline') {
      counts.falseOffline++
      const isSlow = slowOnes.has(world.indexOf(effect.id))
      if (isSlow) counts.falseOfSlow++
      if (examples.length < 10) {
        examples.push(
          `${Math.round(world.nowMs)} ms: ${node.index} of ${isSlow ? 'slow ' : ''}${effect.id}: ${effect.why}`,
        )
      }
    }
  }
  world.events.runUntil(minutes * 60_000)
  const bytes = world.nodes.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  return {
    seed,
    ...counts,
    bytesPerNodeSecond: Math.round(bytes / size / (minutes * 60)),
    steps: world.steps,
    examples,
  }
}
