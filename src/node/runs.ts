/**
 * Runs this machine keeps for a while after they ended and were settled: their log and output stay
 * readable by whom they ran for. The oldest go when there are too many, or when their time is up.
 */
import type { TaskDriver } from '../drivers/driver.ts'
import type { TaskExit, TaskSpec } from '../model/task.ts'
import type { ContractState } from '../negotiation/types.ts'
import type { Store, Write } from '../store/store.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

/** An ended run as it is remembered. */
export interface KeptRun {
  readonly runId: string
  readonly taskId: string
  readonly attempt: number
  readonly submitter: string
  readonly spec: TaskSpec
  readonly endedAtMs: number
  readonly startedAtMs?: number
  readonly exit?: TaskExit
}

/** Where they are noted, who deletes them, and how many are kept for how long. */
export interface KeptRunsOptions {
  readonly store: Store
  readonly driver: TaskDriver
  readonly log: Logger
  /** @default 1000 */
  readonly maxRuns?: number
  /** @default 24 h */
  readonly maxAgeMs?: number
}

/** The runs that are kept, oldest first. */
export class KeptRuns {
  readonly #options: KeptRunsOptions
  /** By run id, oldest first. */
  readonly #runs = new Map<string, KeptRun>()
  #unwritten: Write[] = []
  #turn: NodeJS.Immediate | undefined

  constructor(options: KeptRunsOptions) {
    this.#options = options
  }

  /** Reads what an earlier daemon kept. */
  restore(): void {
    const docs = [...this.#options.store.load('run').values()] as KeptRun[]
    docs.sort((a, b) => a.endedAtMs - b.endedAtMs)
    for (const run of docs) this.#runs.set(run.runId, run)
  }

  get(runId: string): KeptRun | undefined {
    return this.#runs.get(runId)
  }

  list(): KeptRun[] {
    return [...this.#runs.values()]
  }

  /** Keeps a settled contract's run, and drops what is over the bounds. */
  keep(contract: ContractState, nowMs: number): void {
    const { runId, taskId, attempt, submitter, spec, startedAtMs, exit } = contract
    const run: KeptRun = {
      runId,
      taskId,
      attempt,
      submitter,
      spec,
      endedAtMs: nowMs,
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(exit === undefined ? {} : { exit }),
    }
    this.#runs.set(runId, run)
    this.#store({ collection: 'run', key: runId, doc: run })
    this.sweep(nowMs)
  }

  /** Drops runs over the bounds of number and age. */
  sweep(nowMs: number): void {
    const { maxRuns = 1_000, maxAgeMs = 24 * 3_600_000 } = this.#options
    for (const run of this.#runs.values()) {
      if (this.#runs.size <= maxRuns && nowMs - run.endedAtMs <= maxAgeMs) return
      this.#runs.delete(run.runId)
      this.#store({ collection: 'run', key: run.runId, doc: null })
      this.#options.driver.remove(run.runId).catch((error: unknown) => {
        this.#options.log.warn({ runId: run.runId, error: messageOf(error) }, 'an ended run could not be removed')
      })
    }
  }

  /** Writes what is still to be written. */
  close(): void {
    clearImmediate(this.#turn)
    this.#flush()
  }

  /** Runs of a batch end together: what one turn of the event loop has to note is one write. */
  #store(write: Write): void {
    this.#unwritten.push(write)
    this.#turn ??= setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#turn = undefined
    const writes = this.#unwritten
    this.#unwritten = []
    try {
      this.#options.store.write(writes)
    } catch (error) {
      // Only the memory of an ended run: the next start finds its folder and keeps or drops it again.
      this.#options.log.warn({ error: messageOf(error) }, 'an ended run could not be noted')
    }
  }
}
