/**
 * In some seeds operators cordon and drain machines, and lift it again before the end. They draw from a stream of their
 * own, so that the other seeds stay what they were.
 */
import type { Operation } from '../../src/model/operation.ts'
import { seededRng } from '../../src/util/rng.ts'
import type { SimNode } from './node.ts'
import type { Timeline } from './timeline.ts'

export interface CordonsOptions {
  readonly seed: number
  readonly time: Timeline
  readonly nodes: readonly SimNode[]
  readonly lastsMs: number
  readonly note: (text: string) => void
}

const CORDONS_SEED = 600_000_000
/** One seed in so many. */
const SELDOM = 3
/** Of one machine. */
const MOST_TIMES = 4
/** Whoever finds no daemon, or one that cannot write, comes again. */
const AGAIN_MS = 1_500

/** Plans who is cordoned or drained when, and until when. */
export function planCordons({ seed, time, nodes, lastsMs, note }: CordonsOptions): void {
  const rng = seededRng(seed + CORDONS_SEED)
  if (rng.int(SELDOM) > 0) return
  for (const node of nodes) {
    for (let times = rng.int(MOST_TIMES + 1); times > 0; times--) {
      const fromMs = rng.int(lastsMs)
      const untilMs = fromMs + rng.int(rng.pick([3_000, lastsMs - fromMs]))
      const deadline = rng.next() < 0.7 && { deadlineMs: rng.int(rng.pick([100, 3_000, 20_000])) }
      const operation: Operation = rng.next() < 0.6 ? { name: 'cordon' } : { name: 'drain', ...deadline }
      time.after(fromMs, () => ask(node, operation))
      time.after(untilMs, () => lift(node))
    }
  }

  function ask(node: SimNode, operation: Operation): void {
    if (!node.up || node.blocked) return
    note(`${node.id} is to ${operation.name}`)
    node.input({ type: 'operate', operation, by: 'an operator' })
  }

  function lift(node: SimNode): void {
    if (!node.up || node.blocked) time.after(AGAIN_MS, () => lift(node))
    else node.input({ type: 'operate', operation: { name: 'uncordon' }, by: 'an operator' })
  }
}
