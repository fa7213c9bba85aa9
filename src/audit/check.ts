/** Reads a log from beginning to end, or from where it is kept, and holds it against its head. */
import { Frontier, type OnComplete } from './frontier.ts'
import { hashLeaf, isSameHash } from './hashing.ts'
import type { TreeHead } from './verify.ts'

/** Takes events in order. Memory stays as it is, however many come. */
export class LogCheck {
  readonly #frontier: Frontier
  readonly #onComplete: OnComplete | undefined

  /**
   * @param from position of the first event
   * @param peaks roots of the complete subtrees before it
   * @throws RangeError when these are not as many as it takes
   */
  constructor(from: number, peaks: readonly Uint8Array[], onComplete?: OnComplete) {
    this.#frontier = new Frontier(from, peaks)
    this.#onComplete = onComplete
  }

  /** Position of the next event. */
  get next(): number {
    return this.#frontier.size
  }

  /** Takes the next event. */
  take(event: Uint8Array): void {
    this.#frontier.append(hashLeaf(event), this.#onComplete)
  }

  /** True when what was taken, and nothing else, has this head. */
  isAt({ size, root }: TreeHead): boolean {
    return this.#frontier.size === size && isSameHash(this.#frontier.root(), root)
  }
}
