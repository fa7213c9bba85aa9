/**
 * One run as this driver sees it: who waits for it, when it is due to be killed, and, when its shim is
 * gone, what its end was.
 */
import { existsSync, statSync, truncateSync } from 'node:fs'
import { constants } from 'node:os'
import type { TaskExit } from '../../model/task.ts'
import type { Logger } from '../../util/logger.ts'
import type { RunStarted } from '../driver.ts'
import { DriverError } from '../errors.ts'
import type { Cgroups } from './cgroup.ts'
import { NOT_STARTED, signalOf, whyItNeverRan } from './exit-codes.ts'
import { signalInside } from './isolation/inside.ts'
import { bootSeconds, isAlive, readStat, sendSignal, signalSession, signalStrays } from './proc.ts'
import { claimUnstarted, discardScratch, readKillMark, readState, writeEnd, writeKillMark } from './run-folder.ts'
import type { KillMark, KillReason, RunMeta, RunPaths } from './run-folder.ts'

/** Timers are set no further ahead than this and then looked at again: they do not count suspended time. */
const TIMER_MAX_MS = 60_000
/** What a run takes from its driver. */
export interface RunContext {
  readonly cgroups: Cgroups
  /** Of the present boot: process ids of an earlier one say nothing. */
  readonly bootId: string
  readonly log: Logger
  readonly nowMs: () => number
}

/** How the shim itself ended, where this process was its parent. */
export interface ShimExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

interface Waiter {
  readonly resolve: (exit: TaskExit) => void
  readonly reject: (error: unknown) => void
}

export class Run {
  readonly runId: string
  readonly paths: RunPaths
  readonly meta: RunMeta
  readonly started: RunStarted
  /** Looks of the sweep that found the command ended and its log still held open by a stray. */
  drainingLooks = 0
  readonly #context: RunContext
  readonly #deadlineS: number
  /** Of the shim; unknown until it has written it. */
  #startTime: string | undefined
  #exit: TaskExit | undefined
  #kill: KillMark | undefined
  #deadlineTimer: NodeJS.Timeout | undefined
  #killTimer: NodeJS.Timeout | undefined
  #waiters: Waiter[] = []
  #settled = new Set<() => void>()
  #finishing: Promise<TaskExit> | undefined
  #closed = false

  constructor(
    context: RunContext,
    what: { runId: string; paths: RunPaths; meta: RunMeta; pid: number; startTime?: string; deadlineS: number },
  ) {
    this.#context = context
    this.runId = what.runId
    this.paths = what.paths
    this.meta = what.meta
    this.#startTime = what.startTime
    this.#deadlineS = what.deadlineS
    this.started = { pid: what.pid, startedAtMs: what.meta.startedAtMs, enforcement: what.meta.enforcement }
  }

  get exit(): TaskExit | undefined {
    return this.#exit
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Begins to hold the run to its deadline, and to a kill that an earlier daemon began. */
  oversee(): void {
    this.#armDeadline()
    // One that has just been made nobody has killed yet.
    if (this.#startTime !== undefined) this.#kill = readKillMark(this.paths)
    if (this.#kill) this.#armKill()
  }

  wait(): Promise<TaskExit> {
    if (this.#exit) return Promise.resolve(this.#exit)
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  onSettled(listener: () => void): () => void {
    this.#settled.add(listener)
    return () => this.#settled.delete(listener)
  }

  /** Marks the run as killed for `why`, then asks it to end; SIGKILL follows after `graceMs`. */
  async stop(why: KillReason, graceMs: number): Promise<void> {
    if (this.#exit || this.#closed) return
    // The watchdog may have been first; the first reason stands, the shorter grace counts.
    const earlier = this.#kill ?? readKillMark(this.paths)
    const killAtS = Math.min(Math.ceil(bootSeconds() + graceMs / 1000), earlier?.killAtS ?? Infinity)
    this.#kill = { why: earlier?.why ?? why, killAtS }
    this.#writeKillMark(this.#kill)
    this.#armKill(graceMs)
    this.#context.log.info({ runId: this.runId, why: this.#kill.why, graceMs }, 'stopping a run')
    await this.#signal('SIGTERM')
  }

  /** SIGKILL to everything that belongs to the run, the shim included: its end is then told by `finish`. */
  async killNow(): Promise<void> {
    if (!this.#exit && !this.#closed) await this.#signal('SIGKILL')
  }

  /** True while the run's shim lives. */
  isAlive(): boolean {
    this.#learnStartTime()
    if (this.meta.bootId !== this.#context.bootId) return false
    return this.#startTime !== undefined && isAlive(this.started.pid, this.#startTime)
  }

  /**
   * Settles the run, whose shim is gone. What the shim could not write is derived here and written, so
   * that every later daemon reads the same.
   */
  finish(shim?: ShimExit): Promise<TaskExit> {
    this.#finishing ??= this.#deriveEnd(shim).then(
      (exit) => this.#settle(exit),
      (error: unknown) => {
        for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
        throw error
      },
    )
    return this.#finishing
  }

  /** Stops looking; the run goes on. */
  close(): void {
    this.#closed = true
    this.#clearTimers()
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new DriverError('closed', `the driver was closed while run ${this.runId} went on`))
    }
    this.#tellSettled()
  }

  /** Reads the end, or where the shim could not write it derives it, and tidies up. */
  async #deriveEnd(shim: ShimExit | undefined): Promise<TaskExit> {
    this.#clearTimers()
    const state = readState(this.paths)
    const known = typeof state === 'object' ? state : undefined
    this.#startTime ??= known?.startTime
    // Nobody but the shim kills what is left, and it did not come to it.
    if (known?.phase !== 'end') await this.#killRemains()
    const mark = readKillMark(this.paths) ?? this.#kill
    const neverRan = known === undefined && typeof shim?.code === 'number' && !mark
    const code = known?.code ?? (neverRan ? NOT_STARTED : 128 + constants.signals[shim?.signal ?? 'SIGKILL'])
    if (known?.phase !== 'end') this.#writeEnd(known !== undefined, code)
    const killedFor = mark?.why ?? (neverRan ? undefined : this.#unasked(code, known?.code !== undefined))
    const signal = signalOf(code)
    return {
      exitCode: code,
      ...(signal && { signal }),
      ...(killedFor && { killedFor }),
      ...(neverRan && { startError: whyItNeverRan(shim.code, this.paths.root) }),
      ...(this.#cutLogs() && { logTruncated: true }),
      startedAtMs: this.meta.startedAtMs,
      endedAtMs: Math.max(this.meta.startedAtMs, this.#endedAtMs(shim !== undefined)),
    }
  }

  /** Why a run ended that nobody here asked to: the kernel's memory limit, or somebody who killed its shim. */
  #unasked(code: number, shimSawIt: boolean): KillReason | undefined {
    const starved = code !== 0 && this.#hasCgroup() && this.#context.cgroups.oomKills(this.runId) > 0
    const why = starved ? 'memory' : shimSawIt ? undefined : 'lost'
    if (why) this.#writeKillMark({ why, killAtS: 0 })
    return why
  }

  #settle(exit: TaskExit): TaskExit {
    this.#exit = exit
    // What the task left in its scratch folders is nobody's any more; log and output stay.
    discardScratch(this.paths).catch((error: unknown) => {
      this.#context.log.warn({ runId: this.runId, error }, 'the working directory of an ended run could not be removed')
    })
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(exit)
    this.#tellSettled()
    return exit
  }

  #tellSettled(): void {
    for (const listener of this.#settled) listener()
    this.#settled.clear()
  }

  #learnStartTime(): void {
    if (this.#startTime !== undefined) return
    const state = readState(this.paths)
    if (typeof state === 'object') this.#startTime = state.startTime
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    this.#learnStartTime()
    const { pid } = this.started
    // Before the shim has written its start time it is a child we have just made: the id is its own.
    const isOurs = this.#startTime === undefined || isAlive(pid, this.#startTime)
    let sent = signal
    if (this.meta.isolated && signal !== 'SIGKILL') {
      if (isOurs && (await signalInside(pid, signal)) > 0) return
      // Nobody is there to be asked, and what makes the sandbox must not be ended halfway.
      sent = 'SIGKILL'
    }
    if (isOurs) await signalSession(pid, sent)
    if (this.#hasCgroup()) this.#context.cgroups.signal(this.runId, sent)
  }

  async #killRemains(): Promise<void> {
    const { pid } = this.started
    if (this.meta.bootId !== this.#context.bootId) return
    // An id that is still used by our group or session is never given away. If somebody else has it,
    // nothing of ours is left.
    const holder = readStat(pid)
    if (holder !== undefined && holder.startTime !== this.#startTime) return
    sendSignal(-pid, 'SIGKILL')
    await signalStrays(new Set([pid]), 'SIGKILL')
  }

  #armDeadline(): void {
    const leftMs = (this.#deadlineS - bootSeconds()) * 1000
    this.#deadlineTimer = setTimeout(
      () => {
        if (bootSeconds() < this.#deadlineS) this.#armDeadline()
        else if (!this.#kill) void this.stop('timeout', this.meta.graceMs)
      },
      Math.min(Math.max(leftMs, 0), TIMER_MAX_MS),
    )
  }

  #armKill(leftMs = (this.#kill!.killAtS - bootSeconds()) * 1000): void {
    clearTimeout(this.#killTimer)
    const shownMs = Math.min(Math.max(leftMs, 0), TIMER_MAX_MS)
    this.#killTimer = setTimeout(() => {
      if (shownMs < leftMs) this.#armKill(leftMs - shownMs)
      else void this.killNow()
    }, shownMs)
  }

  #clearTimers(): void {
    clearTimeout(this.#deadlineTimer)
    clearTimeout(this.#killTimer)
  }

  #hasCgroup(): boolean {
    const { cpu, memory } = this.meta.enforcement
    return cpu.startsWith('cgroup') || memory.startsWith('cgroup')
  }

  /** A full disk must not keep a run from being killed; only the reason may then be lost with this daemon. */
  #writeKillMark(mark: KillMark): void {
    try {
      writeKillMark(this.paths, mark)
    } catch (error) {
      this.#context.log.warn({ runId: this.runId, error }, 'could not write why the run is killed')
    }
  }

  #writeEnd(claimed: boolean, code: number): void {
    try {
      if (claimed || !claimUnstarted(this.paths, code, this.started.pid)) writeEnd(this.paths, code)
    } catch (error) {
      this.#context.log.warn({ runId: this.runId, error }, 'could not write the end of the run')
    }
  }

  #endedAtMs(justNow: boolean): number {
    if (justNow) return this.#context.nowMs()
    const written = statSync(this.paths.state, { throwIfNoEntry: false })
    return Math.floor(written?.mtimeMs ?? this.#context.nowMs())
  }

  /** Cuts both logs to their cap: the limit the shim can set is a multiple of 512 bytes. */
  #cutLogs(): boolean {
    let cut = existsSync(this.paths.cut)
    for (const path of [this.paths.stdout, this.paths.stderr]) {
      const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
      if (size <= this.meta.logCapBytes) continue
      truncateSync(path, this.meta.logCapBytes)
      cut = true
    }
    return cut
  }
}
