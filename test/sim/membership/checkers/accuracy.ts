/**
 * Who is well is not held offline: not for longer than it takes to refute, and never by a majority that could know
 * better. In a gentle run, where nobody was ever cut off or stood still for long, it does not happen at all.
 */
import type { Testimony, TopologyEffect, TopologyInput } from '../../../../src/topology/types.ts'
import { isWell, Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

/** A heartbeat interval, the time until it is told, and its refutation's way back. */
const REFUTED_WITHIN_MS = 20_000
const LOSSY_REFUTED_WITHIN_MS = 40_000

export class AccuracyChecker implements Checker {
  readonly name = 'accuracy'
  /** Since when a node holds a well one offline: `node * size + subject`. */
  #falseSinceMs = new Map<number, number>()

  step(world: WorldView, node: Truth, input: TopologyInput, effects: readonly TopologyEffect[]): void {
    const stoodStillMs = node.pausedUntilMs - node.pausedSinceMs
    const hasJustWoken = stoodStillMs > 350 && world.nowMs - node.pausedUntilMs < 20 && input.type === 'wake'
    for (const effect of effects) {
      if (hasJustWoken && effect.type === 'verdict' && effect.verdict === 'offline') {
        throw new Violation(this.name, `${node.index} wakes after ${stoodStillMs} ms and judges before it has listened`)
      }
      if (effect.type === 'verdict') this.#verdict(world, node, effect.id, effect.verdict === 'offline')
      else if (effect.type === 'testify') this.#testimony(world, node, effect.testimony)
    }
  }

  #verdict(world: WorldView, node: Truth, id: string, offline: boolean): void {
    if (!offline || !world.gentle) return
    const subject = world.indexOf(id)
    // Whoever was cut off itself has held others offline, and takes a while to learn better.
    const wasOpen = world.nowMs - world.openSinceMs[node.index]! > 30_000
    if (wasOpen && isWell(world, subject, 5_000) && isWell(world, node.index, 5_000)) {
      throw new Violation(this.name, `${node.index} holds ${subject} offline, and both have been well for long`)
    }
  }

  /** Without loss every probe of one that is well is answered. */
  #testimony(world: WorldView, node: Truth, { subject: id, says, epoch }: Testimony): void {
    if (says === 'cleared' || world.worstLoss > 0 || node.liar || world.healedMs === Infinity) return
    const subject = world.indexOf(id)
    // Of a former life: who stood still meanwhile has not heard of the present one, and is not believed by who has.
    if (epoch < world.nodes[subject]!.state.own.epoch) return
    // Only whether the witness itself can be reached matters, not whether it has just stood still: it has to know.
    const witnessOpen = world.isOpen(node.index) && world.nowMs - world.openSinceMs[node.index]! > 2_000
    if (isWell(world, subject, 2_000) && witnessOpen && world.nowMs - node.sinceMs > 2_000) {
      throw new Violation(this.name, `${node.index} says that ${subject} is ${says}, which has been well for long`)
    }
  }

  tick(world: WorldView): void {
    const { nodes, nowMs, worstLoss } = world
    const withinMs = worstLoss > 0 ? LOSSY_REFUTED_WITHIN_MS : REFUTED_WITHIN_MS
    for (const subject of nodes) {
      const isSound = isWell(world, subject.index, 5_000)
      let [judges, against] = [0, 0]
      for (const node of nodes) {
        const key = node.index * nodes.length + subject.index
        const held = node.index === subject.index ? undefined : node.state.members.get(subject.id)?.verdict
        if (!isSound || !isWell(world, node.index, 5_000)) {
          this.#falseSinceMs.delete(key)
          continue
        }
        judges++
        if (held !== 'offline') {
          this.#falseSinceMs.delete(key)
          continue
        }
        const sinceMs = this.#falseSinceMs.get(key) ?? nowMs
        this.#falseSinceMs.set(key, sinceMs)
        if (nowMs - sinceMs > withinMs) {
          throw new Violation(this.name, `${node.index} has held ${subject.index} offline for ${nowMs - sinceMs} ms`)
        }
        if (nowMs - sinceMs >= withinMs / 2) against++
      }
      if (against > judges / 2) {
        throw new Violation(
          this.name,
          `a majority, ${against} of ${judges}, holds ${subject.index} offline, which is well`,
        )
      }
    }
  }
}
