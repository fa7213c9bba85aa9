/** What is promised of a calm network: a kill is known to all within a second, a silence within three. */
import { isWell, vouchedMs, Violation, type Checker, type WorldView } from '../checker.ts'

const KILL_KNOWN_WITHIN_MS = 1_000
const SILENCE_KNOWN_WITHIN_MS = 3_000
/** One of its watchers may be a liar, whose word is missing: it takes longer the fewer speak. */
const WITHHELD_MS = 1_000
/** Nothing else may have gone wrong for so long before, nor since. */
const CALM_MS = 45_000

interface Gone {
  readonly index: number
  readonly atMs: number
  readonly dueMs: number
}

export class PromptChecker implements Checker {
  readonly name = 'prompt'
  #gone: Gone | undefined
  #changedMs = -Infinity

  changed(world: WorldView, index: number): void {
    const { nowMs, nodes } = world
    const isAlone = this.#changedMs !== nowMs
    this.#changedMs = nowMs
    this.#gone = undefined
    if (!isAlone) return
    const isFirst = world.worstLoss === 0 && nowMs - world.faultsMs[1] > CALM_MS && nowMs === world.faultsMs[0]
    if (!isFirst || vouchedMs(world) > 0) return
    if (!nodes[index]!.up) this.#gone = { index, atMs: nowMs, dueMs: nowMs + KILL_KNOWN_WITHIN_MS }
    else if (!world.isOpen(index)) {
      const isWithheld = nodes.some(({ errands }) => errands === 'vouches')
      const withinMs = SILENCE_KNOWN_WITHIN_MS + (isWithheld ? WITHHELD_MS : 0)
      this.#gone = { index, atMs: nowMs, dueMs: nowMs + withinMs }
    }
  }

  step(world: WorldView): void {
    const gone = this.#gone
    if (gone === undefined || world.nowMs < gone.dueMs) return
    this.#gone = undefined
    // A fault since may have been in the way.
    if (world.faultsMs[0] !== gone.atMs) return
    const { id } = world.nodes[gone.index]!
    for (const node of world.nodes) {
      const verdict = node.state.members.get(id)?.verdict
      if (node.index === gone.index || !isWell(world, node.index, 5_000) || verdict === 'offline') continue
      const afterMs = Math.round(world.nowMs - gone.atMs)
      throw new Violation(this.name, `${node.index} holds ${gone.index} ${verdict}, ${afterMs} ms after it was gone`)
    }
  }
}
