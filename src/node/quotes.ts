/** Quotes, from whoever waits for them: the core asks who would take a job, and says when it knows. */
import type { MeshEffect, MeshInput } from '../mesh/types.ts'
import type { TaskSpec } from '../model/task.ts'
import type { Rng } from '../util/rng.ts'

/** What was said: see `NegotiationEffect`. */
export type Quote = Omit<MeshEffect & { readonly type: 'quoted' }, 'type'>

/** What quotes need of their mesh. */
export interface QuotesOptions {
  readonly rng: Rng
  /** Feeds an input. @throws what the core throws */
  readonly ask: (input: MeshInput & { readonly type: 'quote' }) => Promise<void>
}

export class Quotes {
  readonly #options: QuotesOptions
  /** As many as the core has jobs at most; each ends with its bid window. */
  readonly #waiting = new Map<string, (quote: Quote) => void>()

  constructor(options: QuotesOptions) {
    this.#options = options
  }

  /** Who would take it: resolves after the bid window at the latest. @throws SubmitError when a cap is reached */
  async ask(spec: TaskSpec, count: number): Promise<Quote> {
    const jobId = this.#options.rng.id(10)
    const { promise, resolve } = Promise.withResolvers<Quote>()
    this.#waiting.set(jobId, resolve)
    try {
      await this.#options.ask({ type: 'quote', jobId, spec, count })
    } catch (error) {
      this.#waiting.delete(jobId)
      throw error
    }
    return promise
  }

  /** The core knows. */
  answered({ type: _type, ...quote }: MeshEffect & { readonly type: 'quoted' }): void {
    this.#waiting.get(quote.jobId)?.(quote)
    this.#waiting.delete(quote.jobId)
  }

  /** Nobody will answer any more: whoever waits learns that there was no bid. */
  close(): void {
    for (const [jobId, resolve] of this.#waiting) resolve({ jobId, slots: 0, bestScore: 0, story: [] })
    this.#waiting.clear()
  }
}
