/** In the end everybody who is there is watched by as many as there should be, and by hardly more. */
import { Violation, type Checker, type WorldView } from '../checker.ts'

const WATCHERS = 4

export class WatchingChecker implements Checker {
  readonly name = 'watching'

  end(world: WorldView): void {
    const there = world.nodes.filter(({ up, index }) => up && world.isOpen(index))
    const due = Math.min(WATCHERS, there.length - 1)
    for (const subject of there) {
      const watchers = there.filter(({ state }) => state.watches.has(subject.id))
      // One more where the first few share a machine.
      if (watchers.length >= due && watchers.length <= due + 1) continue
      throw new Violation(this.name, `${subject.index} is watched by ${watchers.length}; ${due} are due`)
    }
  }
}
