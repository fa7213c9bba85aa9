/**
 * Carries out what the mesh decides about runs: fetches the input, starts the process, waits for its
 * end, packs the output, and tells the mesh. One failed run never disturbs another.
 */
import type { AdoptedRun, StartOrder, TaskDriver } from '../drivers/driver.ts'
import type { DriverErrorCode } from '../drivers/errors.ts'
import type { MeshEffect, MeshInput } from '../mesh/types.ts'
import type { TaskExit } from '../model/task.ts'
import type { ContractState } from '../negotiation/types.ts'
import { AlthingError, messageOf } from '../util/errors.ts'
import { InputProgress } from './input-progress.ts'
import { FETCH_BOUNDS, Lanes } from './lanes.ts'
import { OutputPacker, type PackerOptions } from './output-packer.ts'
import { bringBundle, type TransferOptions } from './transfers.ts'

/** The driver, and how bundles come here. */
export interface RunnerOptions extends TransferOptions, Pick<PackerOptions, 'packIdleMs' | 'packLeastMs'> {
  readonly driver: TaskDriver
  readonly input: (input: MeshInput) => void
  /** Asked right before a run's process is made; false when the run is not to be. It may make its contract isolated. */
  readonly mayStart: (runId: string) => boolean
  /** Told of runs that end, but for the task's own doing, and whether it was the node's: not started, or lost. */
  readonly onEnded?: (how: { readonly failedHere: boolean }) => void
  /** Isolated tasks may use the network of this host. @default false */
  readonly isolatedNetwork?: boolean
  /** How long an input is waited for while its submitter sends nothing. @default 60000 */
  readonly inputPatienceMs?: number
  /** How often the mesh is told how far inputs have come. @default 1000 */
  readonly progressMs?: number
}

/** Why a run that has no process yet is not to get one. */
type EarlyEnd = 'cancelled' | 'lost' | 'policy' | 'timeout'

const INPUT_PATIENCE_MS = 60_000
/** An executor that does not come back within a day keeps the output for itself. */
const OUTPUT_PATIENCE_MS = 24 * 3_600_000
/** Timers longer than this overflow in Node. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** 128 + SIGTERM and 128 + SIGKILL: how a run that was ended, or that vanished, exits. */
const TERMINATED = 143
const KILLED = 137

export class Runner {
  readonly #options: RunnerOptions
  readonly #closing = new AbortController()
  /** Contracts whose run is to be started. */
  readonly #waiting: ContractState[] = []
  /** Runs without a process yet, waiting ones included. Aborted with an `EarlyEnd`. */
  readonly #early = new Map<string, AbortController>()
  /** What waits for `open`; undefined afterwards. */
  #unopened: (() => void)[] | undefined = []
  #turn: NodeJS.Immediate | undefined
  /** Apart: an output may wait for a day, and for an input a slot of this machine is kept idle. */
  readonly #inputs = new Lanes(FETCH_BOUNDS)
  readonly #outputs = new Lanes(FETCH_BOUNDS)
  readonly #progress: InputProgress
  readonly #packer: OutputPacker

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#packer = new OutputPacker({ ...options, closing: this.#closing.signal })
    const { input, progressMs } = options
    this.#progress = new InputProgress({
      tell: (runId, fetchedBytes) => input({ type: 'run-fetching', runId, fetchedBytes }),
      ...(progressMs === undefined ? {} : { lookMs: progressMs }),
    })
  }

  /** Begins what was asked for so far: other nodes can be reached now. */
  open(): void {
    const waiting = this.#unopened ?? []
    this.#unopened = undefined
    for (const begin of waiting) begin()
  }

  #whenOpen(begin: () => void): void {
    if (this.#unopened) this.#unopened.push(begin)
    else begin()
  }

  /**
   * Starts a contract's run; its events come as inputs. One start a turn of the event loop: making a process
   * blocks it for milliseconds, and a batch of them would keep everybody else waiting.
   */
  start(contract: ContractState): void {
    if (this.#early.has(contract.runId)) return
    this.#early.set(contract.runId, new AbortController())
    this.#whenOpen(() => {
      this.#waiting.push(contract)
      this.#turn ??= setImmediate(() => this.#startNext())
    })
  }

  #startNext(): void {
    const contract = this.#waiting.shift()
    this.#turn = this.#waiting.length === 0 ? undefined : setImmediate(() => this.#startNext())
    if (contract) void this.#run(contract)
  }

  async #run(contract: ContractState): Promise<void> {
    const { driver, clock, input } = this.#options
    const { runId } = contract
    const { signal } = this.#early.get(runId)!
    try {
      const inputTarPath = await this.#fetchInput(contract)
      if (!this.#options.mayStart(runId)) this.#early.get(runId)!.abort('policy' satisfies EarlyEnd)
      signal.throwIfAborted()
      // From here on the driver ends it: it knows the run from this very call on.
      this.#early.delete(runId)
      const started = await driver.start(orderOf(contract, inputTarPath, this.#options.isolatedNetwork ?? false))
      input({ type: 'run-started', runId, startedAtMs: started.startedAtMs })
    } catch (error) {
      this.#early.delete(runId)
      if (this.#closing.signal.aborted) return
      const exit = signal.aborted ? neverRan(signal.reason as EarlyEnd) : failedStart(error)
      if (!signal.aborted && !isOfTask(error)) this.#options.onEnded?.({ failedHere: true })
      const nowMs = clock.wallMs()
      input({ type: 'run-ended', runId, exit: { ...exit, startedAtMs: nowMs, endedAtMs: nowMs } })
      return
    }
    await this.#follow(contract)
  }

  /** Takes up a run that an earlier daemon started. */
  adopt(run: AdoptedRun, contract: ContractState): void {
    this.#options.input({ type: 'run-started', runId: run.runId, startedAtMs: run.started.startedAtMs })
    void this.#follow(contract)
  }

  async #follow({ runId, spec, startedAtMs }: ContractState): Promise<void> {
    const { driver, input, log, clock, onEnded } = this.#options
    try {
      const exit = await driver.wait(runId)
      if (this.#closing.signal.aborted) return
      const packed = spec.output ? await this.#packer.pack(runId, exit, spec.timeoutMs) : exit
      if (this.#closing.signal.aborted) return
      const { killedFor, startError } = exit
      // What somebody ended before it could start says nothing of the node.
      onEnded?.({ failedHere: killedFor === 'lost' || (startError !== undefined && killedFor === undefined) })
      input({ type: 'run-ended', runId, exit: packed })
    } catch (error) {
      if (this.#closing.signal.aborted) return
      log.error({ runId, error: messageOf(error) }, 'a run could not be followed, and counts as lost')
      onEnded?.({ failedHere: true })
      // Its submitter and whoever waits for its slot would else wait for ever.
      const endedAtMs = clock.wallMs()
      const exit = { exitCode: KILLED, killedFor: 'lost' as const, startedAtMs: startedAtMs ?? endedAtMs, endedAtMs }
      input({ type: 'run-ended', runId, exit })
    }
  }

  /**
   * @returns the path of the input tar, fetched from the submitter when it is not here
   * @throws as `bringBundle`; after `timeoutMs` of the task the run is aborted for `timeout`
   */
  async #fetchInput({ spec, submitter, runId }: ContractState): Promise<string | undefined> {
    const early = this.#early.get(runId)!
    if (!spec.input || early.signal.aborted) return undefined
    const { sha256, sizeBytes } = spec.input
    const timer = setTimeout(() => early.abort('timeout' satisfies EarlyEnd), Math.min(MAX_TIMER_MS, spec.timeoutMs))
    this.#progress.begin(runId, sha256)
    try {
      await bringBundle(this.#options, {
        sha256,
        sizeBytes,
        from: submitter,
        what: `input of ${runId}`,
        patienceMs: this.#options.inputPatienceMs ?? INPUT_PATIENCE_MS,
        needsDiskNow: true,
        lanes: this.#inputs,
        signal: AbortSignal.any([this.#closing.signal, early.signal]),
        onProgress: (bytes) => this.#progress.note(sha256, bytes),
      })
    } finally {
      clearTimeout(timer)
      this.#progress.end(runId)
    }
    return this.#options.bundles.path(sha256)
  }

  /** Brings an output bundle here from its executor, whenever that is back within a day. */
  fetchOutput(output: MeshEffect & { type: 'fetch-output' }): void {
    this.#whenOpen(() => void this.#fetchOutput(output))
  }

  async #fetchOutput({ taskId, node, sha256, sizeBytes }: MeshEffect & { type: 'fetch-output' }): Promise<void> {
    const { input, log } = this.#options
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error('its executor did not bring it in a day')), OUTPUT_PATIENCE_MS)
    let ok = true
    try {
      await bringBundle(this.#options, {
        sha256,
        // A report without a size says nothing about it.
        sizeBytes: sizeBytes === 0 ? undefined : sizeBytes,
        from: node,
        what: `output of ${taskId}`,
        patienceMs: Infinity,
        needsDiskNow: false,
        lanes: this.#outputs,
        signal: AbortSignal.any([this.#closing.signal, late.signal]),
      })
    } catch (error) {
      if (this.#closing.signal.aborted) return
      ok = false
      log.error({ taskId, error: messageOf(error) }, 'output lost')
    } finally {
      clearTimeout(timer)
    }
    input({ type: 'output-fetched', taskId, ok })
  }

  /** Ends a run, one whose input is still on the way, or whose output is being packed, included. */
  stop(runId: string, why: 'cancelled' | 'lost' | 'policy', graceMs: number): void {
    const early = this.#early.get(runId)
    if (early) return early.abort(why satisfies EarlyEnd)
    if (this.#packer.stop(runId, why)) return
    this.#options.driver.stop(runId, why, graceMs).catch((error: unknown) => {
      this.#options.log.error({ runId, error: messageOf(error) }, 'a run could not be stopped')
    })
  }

  /** Stops following; the runs go on. */
  close(): void {
    clearImmediate(this.#turn)
    this.#progress.close()
    this.#closing.abort()
  }
}

function orderOf(
  { runId, taskId, attempt, spec, isolation }: ContractState,
  inputTarPath: string | undefined,
  network: boolean,
): StartOrder {
  const { cpuMilli, memoryBytes } = spec.limits
  return {
    runId,
    taskId,
    attempt,
    command: spec.command,
    env: spec.env,
    limits: {
      ...(cpuMilli === undefined ? {} : { cpuMilli }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    },
    timeoutMs: spec.timeoutMs,
    graceMs: spec.graceMs,
    logCapBytes: spec.logCapBytes,
    ...(inputTarPath === undefined ? {} : { inputTarPath }),
    keepOutput: spec.output,
    ...(isolation && { isolation: { network } }),
  }
}

type Unstarted = Pick<TaskExit, 'exitCode' | 'killedFor' | 'startError'>

/** `startError` tells readers of its log that there is none. */
function neverRan(why: EarlyEnd): Unstarted {
  return { exitCode: TERMINATED, killedFor: why, startError: `${ENDED_EARLY[why]} before it was started` }
}

const ENDED_EARLY: Readonly<Record<EarlyEnd, string>> = {
  cancelled: 'it was cancelled',
  lost: 'its submitter gave this attempt up',
  policy: 'the policy of its node forbade it',
  timeout: 'its time ran out',
}

/** What a task brings with it: whoever submits decides that such a run fails, wherever it is tried. */
const OF_TASK: ReadonlySet<string> = new Set<DriverErrorCode>(['no-command', 'not-executable', 'unpack'])

function isOfTask(error: unknown): boolean {
  return error instanceof AlthingError && OF_TASK.has(error.code)
}

function failedStart(error: unknown): Unstarted {
  const exitCode = error instanceof AlthingError && error.code === 'no-command' ? 127 : 126
  const fix = error instanceof AlthingError && error.fix !== undefined ? `; ${error.fix}` : ''
  return { exitCode, startError: `${messageOf(error)}${fix}`.slice(0, 4096) }
}
