/**
 * Packs the outputs of runs that have ended. The end of a run is told, and its slot is free, only once its output is
 * packed: so it is tried for so long and no longer, whatever the run has left, and a cancel ends it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { TaskDriver } from '../drivers/driver.ts'
import type { TaskExit } from '../model/task.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { BundleError, type BundleStore } from './bundle-store.ts'
import { packOutput, PackStalled } from './pack.ts'
import { waitAfter } from './transfers.ts'

/** Where outputs are, where they go, and the bounds. */
export interface PackerOptions {
  readonly driver: Pick<TaskDriver, 'outputPath'>
  readonly bundles: Pick<BundleStore, 'add'>
  readonly clock: Clock
  readonly log: Logger
  readonly closing: AbortSignal
  /** Packing that stands still for so long is given up. @default 60000 */
  readonly packIdleMs?: number
  /** What packing is given even when less, or nothing, is left of the time of the task. @default 300000 */
  readonly packLeastMs?: number
}

/** Why packing is ended before it is done. */
type PackEnd = 'cancelled' | 'lost' | 'policy' | 'timeout'

const WORDS: Readonly<Record<PackEnd, string>> = {
  cancelled: 'the task was cancelled meanwhile',
  lost: 'its submitter gave this attempt up meanwhile',
  policy: 'the policy of its node forbade it meanwhile',
  timeout: 'the time of the task ran out meanwhile',
}

const PACK_IDLE_MS = 60_000
const PACK_LEAST_MS = 300_000
/** How long it is tried while the disk is full, and how often when something else is wrong. */
const FULL_PATIENCE_MS = 3_600_000
const TRIES = 4
/** Timers longer than this overflow in Node. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** Characters of `outputNote`. */
const NOTE_LENGTH = 1024

export class OutputPacker {
  readonly #options: PackerOptions
  /** What is being packed, by run. Aborted with a `PackEnd`. */
  readonly #packing = new Map<string, AbortController>()

  constructor(options: PackerOptions) {
    this.#options = options
  }

  /**
   * @param timeoutMs the time of the task, from its start
   * @returns the exit with the output's hash; without, and with a note of why, when it could not be packed
   * @throws the reason of `closing`
   */
  async pack(runId: string, exit: TaskExit, timeoutMs: number): Promise<TaskExit> {
    const { driver, clock, closing, packLeastMs = PACK_LEAST_MS } = this.#options
    const path = driver.outputPath(runId)
    if (path === undefined) return exit
    const ended = new AbortController()
    this.#packing.set(runId, ended)
    const forMs = Math.max(exit.startedAtMs + timeoutMs - clock.wallMs(), packLeastMs)
    const timer = setTimeout(() => ended.abort('timeout' satisfies PackEnd), Math.min(MAX_TIMER_MS, forMs))
    try {
      return await this.#tryToPack(runId, exit, path, AbortSignal.any([closing, ended.signal]))
    } catch (error) {
      if (!ended.signal.aborted) throw error
      return { ...exit, outputNote: WORDS[ended.signal.reason as PackEnd] }
    } finally {
      clearTimeout(timer)
      this.#packing.delete(runId)
    }
  }

  /** @throws the signal's reason */
  async #tryToPack(runId: string, exit: TaskExit, path: string, signal: AbortSignal): Promise<TaskExit> {
    const { bundles, clock, log, packIdleMs = PACK_IDLE_MS } = this.#options
    const giveUpAtMs = clock.nowMs() + FULL_PATIENCE_MS
    for (let failures = 0; ; failures++) {
      try {
        const { sha256, sizeBytes, leftOut } = await packOutput(path, bundles, packIdleMs, signal)
        const packed = { ...exit, outputSha256: sha256, outputBytes: sizeBytes }
        return leftOut === undefined ? packed : { ...packed, outputNote: noteOf(`left out: ${leftOut}`) }
      } catch (error) {
        signal.throwIfAborted()
        const over = isFinal(error) || (isFull(error) ? clock.nowMs() >= giveUpAtMs : failures + 1 >= TRIES)
        log.error(
          { runId, failures: failures + 1, error: messageOf(error) },
          over ? 'the output could not be packed and is lost' : 'the output could not be packed, trying again',
        )
        if (over) return { ...exit, outputNote: noteOf(messageOf(error)) }
        await pause(waitAfter(failures), undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    }
  }

  /** Ends the packing of a run's output. @returns false when none of it is being packed */
  stop(runId: string, why: 'cancelled' | 'lost' | 'policy'): boolean {
    const packing = this.#packing.get(runId)
    packing?.abort(why satisfies PackEnd)
    return packing !== undefined
  }
}

function isFull(error: unknown): boolean {
  return error instanceof BundleError && error.code === 'disk-full'
}

/** What trying again would not change, or not soon enough. */
function isFinal(error: unknown): boolean {
  return error instanceof PackStalled || (error instanceof BundleError && error.code === 'too-large')
}

function noteOf(text: string): string {
  return text.length > NOTE_LENGTH ? `${text.slice(0, NOTE_LENGTH - 1)}…` : text
}
