/** The brake goes on when many are lost at once; off not before its time by its own clock, nor without a majority. */
import type { TopologyEffect, TopologyInput } from '../../../../src/topology/types.ts'
import { isNewLife, Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

const WINDOW_MS = 10_000
const LEAST_MS = 30_000

interface Held {
  /** Since when each member is held offline. */
  readonly offline: Map<string, number>
  braked: number | undefined
}

export class BrakeChecker implements Checker {
  readonly name = 'brake'
  #held: Held[] = []

  changed(world: WorldView, index: number): void {
    if (isNewLife(world, index)) this.#held[index] = { offline: new Map(), braked: undefined }
  }

  step(_world: WorldView, node: Truth, _input: TopologyInput, effects: readonly TopologyEffect[]): void {
    const held = this.#held[node.index]!
    const nowMs = node.clock.nowMs()
    let changed = false
    for (const effect of effects) {
      if (effect.type === 'verdict') {
        changed = true
        if (effect.verdict === 'offline') held.offline.set(effect.id, nowMs)
        else held.offline.delete(effect.id)
      } else if (effect.type === 'brake') this.#brake(node, held, effect.on)
    }
    if (!changed || held.braked !== undefined) return
    const lost = [...held.offline.values()].filter((sinceMs) => nowMs - sinceMs < WINDOW_MS).length
    const roster = node.state.members.size + 1
    if (lost > Math.max(2, roster / 3)) {
      throw new Violation(
        this.name,
        `${node.index} has lost ${lost} of ${roster} at once and goes on as if nothing were`,
      )
    }
  }

  #brake(node: Truth, held: Held, on: boolean): void {
    const nowMs = node.clock.nowMs()
    if (on) {
      held.braked = nowMs
      return
    }
    const lastedMs = nowMs - (held.braked ?? nowMs)
    held.braked = undefined
    if (lastedMs < LEAST_MS) throw new Violation(this.name, `${node.index} lets go after ${lastedMs} ms`)
    const roster = node.state.members.size + 1
    if (roster - held.offline.size <= roster / 2) {
      throw new Violation(this.name, `${node.index} lets go with ${held.offline.size} of ${roster} offline`)
    }
  }

  end(world: WorldView): void {
    for (const { index, up, state, clock } of world.nodes) {
      const { offline, braked } = this.#held[index] ?? { offline: new Map<string, number>(), braked: undefined }
      if (!up || !world.isOpen(index) || braked === undefined || clock.nowMs() - braked < 2 * LEAST_MS) continue
      if (offline.size < (state.members.size + 1) / 2) {
        throw new Violation(this.name, `${index} still holds the brake, with ${offline.size} offline`)
      }
    }
  }
}
