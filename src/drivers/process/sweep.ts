/**
 * What the driver looks at once a second while runs go on: shims that died without a word, memory of
 * runs that no cgroup holds, strays of runs that ended, and cgroups that could not be removed yet.
 */
import type { Logger } from '../../util/logger.ts'
import type { Cgroups } from './cgroup.ts'
import { processesBelow } from './isolation/inside.ts'
import { readStat, residentBytes, scanProcesses, sendSignal } from './proc.ts'
import type { ProcessStat } from './proc.ts'
import { readState } from './run-folder.ts'
import type { Run } from './run.ts'

/** Looks that a stray may hold a log open after its task has ended and it was asked to end. */
const DRAIN_LOOKS = 2

/** What the sweep looks at. */
export interface SweepContext {
  /** Runs that go on. */
  live(): Iterable<Run>
  /** True for runs whose end this process is told by the system, as their parent. */
  isChild(run: Run): boolean
  /** Called first at each look. */
  beforeLook(): void
  readonly cgroups: Cgroups
  readonly log: Logger
}

export class Sweep {
  readonly #context: SweepContext
  readonly #everyMs: number
  /** Sessions of runs that ended since the last look. */
  #ended = new Set<number>()
  /** Cgroups that something was still in. */
  #cgroupsLeft = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(context: SweepContext, everyMs: number) {
    this.#context = context
    this.#everyMs = everyMs
  }

  /** Begins to look, if it does not already. It stops by itself when there is nothing left to look at. */
  wake(): void {
    if (this.#closed || this.#timer) return
    this.#timer = setTimeout(() => {
      this.#look()
        .catch((error: unknown) => this.#context.log.error({ error }, 'a look at the runs failed'))
        .finally(() => {
          this.#timer = undefined
          if (this.#hasWork()) this.wake()
        })
    }, this.#everyMs)
  }

  /** A run has ended: what it left behind is killed, and its cgroup removed. */
  ended(run: Run): void {
    this.#ended.add(run.started.pid)
    const { cpu, memory } = run.meta.enforcement
    if (cpu.startsWith('cgroup') || memory.startsWith('cgroup')) this.removeCgroup(run.runId)
    this.wake()
  }

  /** Kills what is in a run's cgroup and removes it, now or at a later look. */
  removeCgroup(runId: string): void {
    const { cgroups } = this.#context
    cgroups.signal(runId, 'SIGKILL')
    if (cgroups.remove(runId)) this.#cgroupsLeft.delete(runId)
    else {
      this.#cgroupsLeft.add(runId)
      this.wake()
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #hasWork(): boolean {
    if (this.#ended.size > 0 || this.#cgroupsLeft.size > 0) return true
    for (const _ of this.#context.live()) return true
    return false
  }

  async #look(): Promise<void> {
    const { log } = this.#context
    this.#context.beforeLook()
    const watched: Run[] = []
    for (const run of [...this.#context.live()]) {
      if (!this.#context.isChild(run) && !run.isAlive()) {
        await run
          .finish()
          .catch((error: unknown) => log.error({ runId: run.runId, error }, 'cannot read the end of a run'))
        continue
      }
      const state = readState(run.paths)
      if (typeof state === 'object' && state.phase === 'ran' && (run.drainingLooks += 1) > DRAIN_LOOKS) {
        await run.killNow()
      }
      if (run.meta.enforcement.memory === 'watched') watched.push(run)
    }
    for (const runId of this.#cgroupsLeft) this.removeCgroup(runId)
    if (watched.length === 0 && this.#ended.size === 0) return
    const ended = this.#ended
    this.#ended = new Set()
    const processes = await scanProcesses()
    this.#killStrays(ended, processes)
    await this.#watchMemory(watched, processes)
  }

  #killStrays(ended: Set<number>, processes: readonly ProcessStat[]): void {
    // While a member lives, the id of its session is not given away: whoever has it now is somebody else.
    for (const pid of ended) if (readStat(pid) !== undefined) ended.delete(pid)
    for (const { pid, session, startTime } of processes) {
      if (!ended.has(session) || readStat(pid)?.startTime !== startTime) continue
      this.#context.log.debug({ pid, session }, 'killing what a task left behind')
      sendSignal(pid, 'SIGKILL')
    }
  }

  async #watchMemory(watched: readonly Run[], processes: readonly ProcessStat[]): Promise<void> {
    for (const run of watched) {
      let bytes = 0
      const shim = run.started.pid
      const members = run.meta.isolated
        ? processesBelow(shim, processes)
        : processes.filter(({ session }) => session === shim)
      for (const { pid } of members) bytes += residentBytes(pid)
      if (bytes > (run.meta.memoryBytes ?? Infinity)) await run.stop('memory', run.meta.graceMs)
    }
  }
}
