/**
 * The provider interface: what a driver (process, later Docker, LXC, QEMU) offers to the daemon.
 *
 * A driver owns the tasks below its own directory and survives the daemon: after a crash, `adopt`
 * finds what still runs and what ended meanwhile. Every implementation passes the contract suite
 * in `test/contract/driver.ts`.
 */
import type { IsolationState } from '../model/isolation.ts'
import type { TaskExit } from '../model/task.ts'

/** Names one run of one task on this machine: `<task>.<attempt>`. Safe as a file name: `[a-z0-9.-]+`. */
export type RunId = string

/** Everything a driver needs to start a run. Paths are absolute. */
export interface StartOrder {
  readonly runId: RunId
  readonly taskId: string
  readonly attempt: number
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Ceilings to enforce; an absent one is not enforced. */
  readonly limits: { readonly cpuMilli?: number; readonly memoryBytes?: number }
  readonly timeoutMs: number
  readonly graceMs: number
  readonly logCapBytes: number
  /** A tar to unpack into the working directory first. Its hash has been checked by the caller. */
  readonly inputTarPath?: string
  readonly keepOutput: boolean
  /**
   * Runs it in a sandbox, out of reach of the host and of all others. Absent: as a plain process, with the rights of
   * the daemon's user. `network`: it may use that of the host; else it has none.
   */
  readonly isolation?: { readonly network: boolean }
}

/** How a ceiling is held on this machine. `watched`: sampled, and killed when over. `none`: not held. */
export type Enforcement = 'cgroup-v1' | 'cgroup-v2' | 'watched' | 'none'

/** A run that has a process. */
export interface RunStarted {
  /** Process id of the task's leader (its group id as well). */
  readonly pid: number
  readonly startedAtMs: number
  readonly enforcement: { readonly cpu: Enforcement; readonly memory: Enforcement }
}

/** What `adopt` found: a run that still goes on, or one that ended while no daemon was looking. */
export interface AdoptedRun {
  readonly runId: RunId
  readonly taskId: string
  readonly attempt: number
  readonly started: RunStarted
  /** Present when it has ended. */
  readonly exit?: TaskExit
}

/** Which of its two outputs. */
export type LogStream = 'stdout' | 'stderr'

/** What every provider can do. No method but `start` and `remove` fails for reasons of the task. */
export interface TaskDriver {
  readonly name: string
  /** What this driver can hold a task to on this machine. */
  enforcement(): { readonly cpu: Enforcement; readonly memory: Enforcement }
  /** Whether it can isolate tasks, as last found out. */
  isolation(): IsolationState
  /** Finds that out anew, by doing it once. Takes some 50 ms, most of it in other processes. Never throws. */
  examineIsolation(): Promise<IsolationState>
  /**
   * Starts a run; resolves once its process exists. Idempotent by `runId`: starting what already
   * runs returns the running one.
   * @throws DriverError with code `spawn`, `unpack`, `disk-full`, `no-command`, `no-isolation`; nothing is left behind.
   */
  start(order: StartOrder): Promise<RunStarted>
  /** Resolves when the run has ended and its exit is on disk. Resolves at once if it already has. */
  wait(runId: RunId): Promise<TaskExit>
  /** SIGTERM to the whole run, SIGKILL after `graceMs`. Resolves when the signal is sent; unknown ids are ignored. */
  stop(runId: RunId, why: 'cancelled' | 'timeout' | 'memory' | 'lost' | 'policy', graceMs: number): Promise<void>
  /**
   * Bytes of a log from `offset` on. With `follow`, goes on until the run has ended and all was read.
   * Ends early when `signal` aborts. Chunks are at most 64 KiB.
   */
  readLog(
    runId: RunId,
    stream: LogStream,
    options: { offset: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<Uint8Array>
  /** Absolute path of the run's `$ALTHING_OUTPUT` directory, when it was kept. */
  outputPath(runId: RunId): string | undefined
  /** Finds runs of an earlier daemon. Called once, before anything is started. */
  adopt(): Promise<readonly AdoptedRun[]>
  /** Deletes an ended run's directory. Ignores unknown ids; refuses (throws) one that still runs. */
  remove(runId: RunId): Promise<void>
  /** Stops looking; leaves the runs running. */
  close(): Promise<void>
}
