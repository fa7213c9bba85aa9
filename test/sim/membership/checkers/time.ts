/** What the core takes for granted: the time that it is handed never goes back in one life of a daemon. */
import { isNewLife, Violation, type Checker, type Truth, type WorldView } from '../checker.ts'

export class TimeChecker implements Checker {
  readonly name = 'time'
  readonly #lastMs: number[] = []

  changed(world: WorldView, index: number): void {
    if (isNewLife(world, index)) this.#lastMs[index] = -Infinity
  }

  step(_world: WorldView, { index, clock }: Truth): void {
    const nowMs = clock.nowMs()
    const backMs = this.#lastMs[index]! - nowMs
    if (backMs > 0) throw new Violation(this.name, `that of ${index} goes back by ${backMs} ms`)
    this.#lastMs[index] = nowMs
  }
}
