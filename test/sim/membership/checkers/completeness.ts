/** Whoever dies or falls silent is held offline by all who are well, in time; in the end all views are the truth. */
import { isWell, vouchedMs, Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

/** Far above what the tables show, for many faults may come together; below the lease of a heartbeat. */
const GENTLY_KNOWN_WITHIN_MS = 9_000
const KNOWN_WITHIN_MS = 12_000
const LOSSY_KNOWN_WITHIN_MS = 27_000
/**
 * Where ways were shut, its watchers may have missed a refutation: they hold it offline under its former pair and have
 * nothing to add. Then its heartbeats have to run out, half a minute and a round after the last of them.
 */
const SHUT_KNOWN_WITHIN_MS = 37_000
/**
 * So may those who were away. Who came when others were gone already holds these alive until it finds out by itself, as
 * they are still on record: until then it waits for the words of witnesses who are dead, and those of others do not
 * count for it. And who was cut off until shortly before has missed refutations, and heard no heartbeat since.
 */
const AWAY_KNOWN_WITHIN_MS = SHUT_KNOWN_WITHIN_MS
const BEAT_MS = 11_000

export class CompletenessChecker implements Checker {
  readonly name = 'completeness'
  /** Since when each node is gone. */
  #goneSinceMs = new Map<number, number>()

  changed(world: WorldView, index: number): void {
    if (world.nodes[index]!.up && world.isOpen(index)) this.#goneSinceMs.delete(index)
    else this.#goneSinceMs.set(index, this.#goneSinceMs.get(index) ?? world.nowMs)
  }

  tick(world: WorldView): void {
    // Where most are gone, those that are left wait long for witnesses that cannot speak; and a liar says nothing true.
    const isFew = this.#goneSinceMs.size <= world.nodes.length / 3 && !world.nodes.some(({ liar }) => liar)
    const calmMs = world.gentle && isFew ? GENTLY_KNOWN_WITHIN_MS : KNOWN_WITHIN_MS
    const openMs = world.worstLoss > 0 ? LOSSY_KNOWN_WITHIN_MS : calmMs
    const withinMs = (world.healedMs === 0 ? openMs : SHUT_KNOWN_WITHIN_MS) + vouchedMs(world)
    for (const [index, sinceMs] of this.#goneSinceMs) {
      const goneMs = world.nowMs - sinceMs
      if (goneMs < withinMs) continue
      const { id, sinceMs: changedMs, leaving, up, pausedSinceMs, pausedUntilMs } = world.nodes[index]!
      // One that stood still when it was killed was held offline before: what was said of it then is not said again.
      const silentMs = pausedUntilMs > sinceMs ? world.nowMs - Math.min(pausedSinceMs, sinceMs) : goneMs
      for (const node of world.nodes) {
        // Who was not there at the time learns it from whoever was, or by the lease.
        if (!isWell(world, node.index, silentMs + 500) || changedMs < 10_000) continue
        const verdict = node.state.members.get(id)?.verdict
        if (verdict === 'alive' || verdict === 'suspect') {
          if (goneMs < AWAY_KNOWN_WITHIN_MS && this.#wasAway(world, node, sinceMs)) continue
          throw new Violation(this.name, `${node.index} holds ${index} ${verdict}, ${goneMs} ms after it was gone`)
        }
        const couldHear = world.worstLoss === 0
        if (leaving && !up && verdict === 'offline' && world.gentle && couldHear) {
          throw new Violation(this.name, `${node.index} holds ${index} offline, though it said goodbye`)
        }
      }
    }
  }

  #wasAway({ nodes, openSinceMs }: WorldView, { index, sinceMs, state }: Truth, goneMs: number): boolean {
    if (openSinceMs[index]! > 0 && openSinceMs[index]! > goneMs - BEAT_MS) return true
    return [...this.#goneSinceMs].some(([ghost, atMs]) => {
      const verdict = state.members.get(nodes[ghost]!.id)?.verdict
      return atMs < sinceMs && (verdict === 'alive' || verdict === 'suspect')
    })
  }

  end(world: WorldView): void {
    const hasLiar = world.nodes.some(({ liar }) => liar)
    for (const node of world.nodes) {
      if (!node.up || !world.isOpen(node.index)) continue
      for (const other of world.nodes) {
        if (other.index === node.index) continue
        const verdict = node.state.members.get(other.id)?.verdict
        const isThere = other.up && world.isOpen(other.index)
        // Somebody who goes on lying makes others suspect for a moment, to the end.
        const mayBeSuspect = verdict === 'suspect' && hasLiar
        const isGone = verdict === undefined || verdict === 'offline' || verdict === 'left'
        if (isThere ? verdict === 'alive' || mayBeSuspect : isGone) continue
        throw new Violation('convergence', `${node.index} holds ${other.index} ${verdict}, long after all has healed`)
      }
    }
  }
}
