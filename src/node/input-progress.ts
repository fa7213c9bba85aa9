/**
 * How far the inputs have come that are on their way here, for those who wait for them: runs by run id, bundles
 * by hash, since the runs of a batch wait for one and the same.
 */

/** Between two looks. What has come by the first needs no words. */
const LOOK_MS = 1_000
/** Runs told of at one look, those longest untold first: a large batch is told of less often, not by more messages. */
const TOLD_AT_ONCE = 50

/** Who is told, and how often. */
export interface ProgressOptions {
  readonly tell: (runId: string, fetchedBytes: number) => void
  /** @default 1000 */
  readonly lookMs?: number
}

export class InputProgress {
  readonly #options: ProgressOptions
  /** The longest untold first. */
  readonly #runs = new Map<string, { readonly sha256: string; toldBytes: number }>()
  readonly #fetchedBytes = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ProgressOptions) {
    this.#options = options
  }

  /** A run waits for a bundle. */
  begin(runId: string, sha256: string): void {
    this.#runs.set(runId, { sha256, toldBytes: 0 })
    this.#timer ??= setInterval(() => this.#look(), this.#options.lookMs ?? LOOK_MS)
  }

  /** So much of a bundle is here now; less than before when it had to be asked for again. */
  note(sha256: string, fetchedBytes: number): void {
    this.#fetchedBytes.set(sha256, fetchedBytes)
  }

  /** The run waits no longer. */
  end(runId: string): void {
    const sha256 = this.#runs.get(runId)?.sha256
    this.#runs.delete(runId)
    if (sha256 !== undefined && ![...this.#runs.values()].some((run) => run.sha256 === sha256))
      this.#fetchedBytes.delete(sha256)
    if (this.#runs.size === 0) this.close()
  }

  #look(): void {
    let told = 0
    for (const [runId, run] of [...this.#runs]) {
      const bytes = this.#fetchedBytes.get(run.sha256)
      if (bytes === undefined || bytes === run.toldBytes) continue
      run.toldBytes = bytes
      this.#runs.delete(runId)
      this.#runs.set(runId, run)
      this.#options.tell(runId, bytes)
      if (++told >= TOLD_AT_ONCE) return
    }
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
