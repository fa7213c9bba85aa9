/**
 * Runs tasks as plain processes: each below a shim that only waits, in a folder that says everything
 * about it. The folder is the truth; this object only looks, so that a daemon may die at any moment
 * and the next one takes over (`adopt`). See `run-folder.ts` for the files and `scripts.ts` for the shim.
 */
import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { IsolationState } from '../../model/isolation.ts'
import type { TaskExit } from '../../model/task.ts'
import type { Logger } from '../../util/logger.ts'
import type { AdoptedRun, Enforcement, LogStream, RunStarted, StartOrder, TaskDriver } from '../driver.ts'
import { DriverError, driverErrorFrom } from '../errors.ts'
import { Cgroups } from './cgroup.ts'
import { findProgram } from './environment.ts'
import { EndWatch } from './end-watch.ts'
import { Isolation } from './isolation/isolation.ts'
import { launch } from './launch.ts'
import { readLog } from './log-reader.ts'
import { readBootId } from './proc.ts'
import { isRunId, readMeta, removeFolder, runPaths, settledState } from './run-folder.ts'
import { Run } from './run.ts'
import { DRIVER_FOLDER, installScripts } from './scripts.ts'
import { Shims } from './shims.ts'
import { Sweep } from './sweep.ts'
import { Watchdog } from './watchdog.ts'

/** Runs on disk, ended ones included: beyond it, `start` refuses. */
const MAX_RUNS = 20_000

/** Where runs are kept, and how closely they are watched. */
export interface ProcessDriverOptions {
  /** Absolute. Owned by this driver alone; made if it is not there. */
  readonly dir: string
  readonly log: Logger
  /** Wall clock, milliseconds: for what is shown, never for deadlines. */
  readonly nowMs?: () => number
  /** How often memory is sampled and silent deaths are noticed. Default 1000. */
  readonly watchIntervalMs?: number
  /** How often the watchdog looks. Default 2: it may be this much late, and costs about 0.1 % of a core. */
  readonly watchdogIntervalS?: number
  /** False leaves cgroups alone: memory is then watched, and CPU not held. Default true. */
  readonly useCgroups?: boolean
  /** Absolute paths that no isolated task may see, beside `dir` and the home of the user. Default none. */
  readonly hidden?: readonly string[]
}

/** Opens the driver's directory and finds out what limits can be enforced. */
export function createProcessDriver(options: ProcessDriverOptions): TaskDriver {
  return new ProcessDriver(options)
}

class ProcessDriver implements TaskDriver {
  readonly name = 'process'
  readonly #dir: string
  readonly #log: Logger
  readonly #nowMs: () => number
  readonly #cgroups: Cgroups
  readonly #bootId = readBootId()
  readonly #shims: Shims
  readonly #tee: string
  readonly #isolation: Isolation
  readonly #watchdog: Watchdog
  readonly #sweep: Sweep
  readonly #ends = new EndWatch()
  readonly #runs = new Map<string, Run>()
  readonly #live = new Set<Run>()
  readonly #children = new Map<Run, () => void>()
  readonly #starting = new Map<string, Promise<RunStarted>>()
  #closed = false

  constructor(options: ProcessDriverOptions) {
    const { dir, log } = options
    this.#dir = dir
    this.#log = log
    this.#nowMs = options.nowMs ?? Date.now
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const scripts = installScripts(dir)
    this.#shims = new Shims(scripts.shim, join(dir, DRIVER_FOLDER))
    this.#isolation = new Isolation(join(dir, DRIVER_FOLDER), [dir, ...(options.hidden ?? [])])
    this.#tee = findProgram('tee') ?? 'tee'
    this.#cgroups = options.useCgroups === false ? Cgroups.none() : Cgroups.probe(dir)
    this.#watchdog = new Watchdog({ dir, script: scripts.watchdog, intervalS: options.watchdogIntervalS ?? 2, log })
    this.#sweep = new Sweep(
      {
        live: () => this.#live,
        isChild: (run) => this.#children.has(run),
        beforeLook: () => {
          if (this.#live.size > 0) this.#watchdog.ensure()
        },
        cgroups: this.#cgroups,
        log,
      },
      options.watchIntervalMs ?? 1_000,
    )
  }

  enforcement(): { cpu: Enforcement; memory: Enforcement } {
    const watched = process.platform === 'linux' ? 'watched' : 'none'
    return { cpu: this.#cgroups.version('cpu') ?? 'none', memory: this.#cgroups.version('memory') ?? watched }
  }

  isolation(): IsolationState {
    return this.#isolation.state
  }

  examineIsolation(): Promise<IsolationState> {
    return this.#isolation.examine()
  }

  start(order: StartOrder): Promise<RunStarted> {
    const existing = this.#runs.get(order.runId)
    if (existing) return Promise.resolve(existing.started)
    let starting = this.#starting.get(order.runId)
    if (!starting) {
      starting = this.#start(order).finally(() => this.#starting.delete(order.runId))
      this.#starting.set(order.runId, starting)
    }
    return starting
  }

  async wait(runId: string): Promise<TaskExit> {
    await this.#starting.get(runId)
    return this.#known(runId).wait()
  }

  async stop(
    runId: string,
    why: 'cancelled' | 'timeout' | 'memory' | 'lost' | 'policy',
    graceMs: number,
  ): Promise<void> {
    await this.#starting.get(runId)?.catch(() => {})
    await this.#runs.get(runId)?.stop(why, graceMs)
  }

  async *readLog(
    runId: string,
    stream: LogStream,
    options: { offset: number; follow: boolean; signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await this.#starting.get(runId)
    const run = this.#known(runId)
    yield* readLog(
      {
        folder: run.paths.root,
        file: run.paths[stream],
        capBytes: run.meta.logCapBytes,
        ended: () => run.exit !== undefined,
        closed: () => run.closed,
        onSettled: (listener) => run.onSettled(listener),
      },
      options,
    )
  }

  outputPath(runId: string): string | undefined {
    const run = this.#runs.get(runId)
    return run?.meta.keepOutput ? run.paths.out : undefined
  }

  async adopt(): Promise<readonly AdoptedRun[]> {
    const adopted: AdoptedRun[] = []
    for (const runId of await readdir(this.#dir)) {
      if (!isRunId(runId) || this.#runs.has(runId)) continue
      const run = await this.#adoptOne(runId)
      if (!run) continue
      const { taskId, attempt } = run.meta
      adopted.push({ runId, taskId, attempt, started: run.started, ...(run.exit && { exit: run.exit }) })
    }
    for (const name of this.#cgroups.list()) {
      const run = this.#runs.get(name)
      if (!run || run.exit) this.#sweep.removeCgroup(name)
    }
    return adopted
  }

  async remove(runId: string): Promise<void> {
    const run = this.#runs.get(runId)
    if (!run) return
    if (!run.exit) {
      throw new DriverError('still-running', `run ${runId} still goes on`, {
        fix: 'stop it first, and wait for its end',
      })
    }
    this.#runs.delete(runId)
    await removeFolder(run.paths.root)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#starting.values())
    this.#shims.close()
    this.#sweep.close()
    this.#ends.close()
    for (const letGo of this.#children.values()) letGo()
    for (const run of this.#live) run.close()
    if (this.#live.size === 0) this.#cgroups.close()
  }

  #known(runId: string): Run {
    const run = this.#runs.get(runId)
    if (run) return run
    throw new DriverError('unknown-run', `there is no run ${runId} here`, { fix: 'it may have been removed already' })
  }

  async #start(order: StartOrder): Promise<RunStarted> {
    const { runId } = order
    if (this.#closed) throw new DriverError('closed', 'the driver is closed')
    if (!isRunId(runId)) throw new DriverError('spawn', `not a run id: ${JSON.stringify(runId)}`)
    if (this.#runs.size + this.#starting.size >= MAX_RUNS) {
      const fix = 'fetch and remove ended tasks'
      throw new DriverError('spawn', `${MAX_RUNS} runs are on this machine already`, { fix })
    }
    const paths = runPaths(this.#dir, runId)
    try {
      this.#shims.makeFolder(paths)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        await removeFolder(paths.root)
        throw driverErrorFrom(error, 'spawn', 'making the folder of the run')
      }
      // Of an earlier daemon. It is either a run, which must not be started twice, or rubbish, now gone.
      const run = await this.#adoptOne(runId)
      if (run) return run.started
      this.#shims.makeFolder(paths)
    }
    try {
      const { run, child } = await launch(order, paths, this.#launchContext())
      this.#take(run)
      const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
        void run.finish({ code, signal }).catch((error: unknown) => this.#failed(run, error))
      }
      child.once('exit', onExit)
      this.#children.set(run, () => {
        child.off('exit', onExit)
        child.unref()
      })
      return run.started
    } catch (error) {
      this.#cgroups.remove(runId)
      await removeFolder(paths.root)
      throw driverErrorFrom(error, 'spawn', 'starting the run')
    }
  }

  #launchContext() {
    return {
      shims: this.#shims,
      tee: this.#tee,
      isolation: this.#isolation,
      enforcement: this.enforcement(),
      cgroups: this.#cgroups,
      bootId: this.#bootId,
      log: this.#log,
      nowMs: this.#nowMs,
    }
  }

  /** Finds out what became of a run that another daemon started. Undefined when it never ran: its folder is removed. */
  async #adoptOne(runId: string): Promise<Run | undefined> {
    const paths = runPaths(this.#dir, runId)
    const meta = readMeta(paths)
    const state = meta && (await settledState(paths))
    if (!meta || !state || state.pid === 0) {
      await removeFolder(paths.root)
      return undefined
    }
    const { pid, startTime, deadlineS } = state
    const run = new Run(this.#launchContext(), { runId, paths, meta, pid, startTime, deadlineS })
    this.#take(run)
    if (run.isAlive()) this.#ends.watch(run)
    else await run.finish()
    return run
  }

  #take(run: Run): void {
    this.#runs.set(run.runId, run)
    this.#live.add(run)
    run.onSettled(() => {
      if (!run.exit) return
      this.#live.delete(run)
      this.#children.delete(run)
      this.#sweep.ended(run)
    })
    run.oversee()
    this.#watchdog.ensure()
    this.#sweep.wake()
  }

  #failed(run: Run, error: unknown): void {
    this.#log.error({ runId: run.runId, error }, 'the end of a run could not be read')
  }
}
