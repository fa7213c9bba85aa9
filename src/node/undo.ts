/** What has been started, to be undone in reverse: after a failed start as after a good run. */
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

export class Undo {
  readonly #steps: { readonly name: string; readonly act: () => unknown }[] = []
  readonly #log: Logger
  #running: Promise<void> | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  add(name: string, act: () => unknown): void {
    this.#steps.push({ name, act })
  }

  /** Does something in a moment, or when everything is undone before that. */
  soon(name: string, ms: number, act: () => void): void {
    let isDone = false
    const once = () => {
      if (isDone) return
      isDone = true
      act()
    }
    const timer = setTimeout(once, ms)
    this.add(name, () => {
      clearTimeout(timer)
      once()
    })
  }

  /**
   * Undoes everything, last first. One failure is logged and does not stop the others. A second call waits for the
   * first.
   */
  run(): Promise<void> {
    return (this.#running ??= this.#runAll())
  }

  async #runAll(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.act()
      } catch (error) {
        this.#log.error({ part: step.name, error: messageOf(error) }, 'could not be stopped cleanly')
      }
    }
  }
}
