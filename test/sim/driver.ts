/**
 * The processes of one machine. They live on when their daemon dies, as real ones do, and end by what
 * their command says: `['sim', <ms>, <failing attempts>, <manner>]`.
 */
import type { TaskExit, TaskSpec } from '../../src/model/task.ts'
import type { ContractState, StopWhy } from '../../src/negotiation/types.ts'
import type { Rng } from '../../src/util/rng.ts'
import { sha256Hex } from '../../src/util/sha256.ts'
import type { Timeline } from './timeline.ts'

/** `plain`: ends at SIGTERM. `stubborn`: ignores it until SIGKILL. `absent`: there is no such command. */
export type Manner = 'plain' | 'stubborn' | 'absent'

/** What a simulated command says. */
export function simCommand(durationMs: number, failingAttempts: number, manner: Manner): string[] {
  return ['sim', String(durationMs), String(failingAttempts), manner]
}

interface Run {
  readonly contract: ContractState
  startedAtMs?: number
  exit?: TaskExit
}

export interface DriverEvents {
  launched(contract: ContractState): void
  /** Asked right before a process is made. */
  mayStart(contract: ContractState): boolean
  ended(contract: ContractState, exit: TaskExit): void
  /** For the daemon, if there is one. */
  runStarted(runId: string, startedAtMs: number): void
  runEnded(runId: string, exit: TaskExit): void
}

export class Driver {
  /** Added to the time a start takes. */
  slowMs = 0
  readonly #time: Timeline
  readonly #rng: Rng
  readonly #events: DriverEvents
  readonly #runs = new Map<string, Run>()
  /** Counts daemons: what one of them was about to do, the next does not. */
  #daemon = 0

  constructor(time: Timeline, rng: Rng, events: DriverEvents) {
    this.#time = time
    this.#rng = rng
    this.#events = events
  }

  start(contract: ContractState): void {
    const daemon = this.#daemon
    this.#time.after(1 + this.#rng.int(15) + this.slowMs, () => {
      if (daemon !== this.#daemon) return
      const known = this.#runs.get(contract.runId)
      if (known?.startedAtMs !== undefined) this.#events.runStarted(contract.runId, known.startedAtMs)
      else this.#launch(contract)
    })
  }

  #launch(contract: ContractState): void {
    const { runId, spec, attempt } = contract
    const { nowMs } = this.#time
    const [durationMs, failing, manner] = readCommand(spec)
    if (manner === 'absent') {
      const exit = { exitCode: 127, startError: 'no such command', startedAtMs: nowMs, endedAtMs: nowMs }
      this.#events.ended(contract, exit)
      return this.#events.runEnded(runId, exit)
    }
    if (!this.#events.mayStart(contract)) {
      const exit = {
        exitCode: 143,
        killedFor: 'policy',
        startError: 'forbidden',
        startedAtMs: nowMs,
        endedAtMs: nowMs,
      } as const
      this.#events.ended(contract, exit)
      return this.#events.runEnded(runId, exit)
    }
    const run: Run = { contract, startedAtMs: nowMs }
    this.#runs.set(runId, run)
    this.#events.launched(contract)
    this.#time.after(durationMs, () => this.#end(run, { exitCode: attempt <= failing ? 3 : 0 }))
    this.#time.after(spec.timeoutMs, () => this.#end(run, { exitCode: 143, signal: 'SIGTERM', killedFor: 'timeout' }))
    this.#events.runStarted(runId, nowMs)
  }

  #end(run: Run, how: Pick<TaskExit, 'exitCode' | 'signal' | 'killedFor'>): void {
    const { runId, spec } = run.contract
    if (run.exit !== undefined || this.#runs.get(runId) !== run) return
    const { nowMs } = this.#time
    const output = spec.output && how.killedFor === undefined
    run.exit = {
      ...how,
      ...(output ? { outputSha256: sha256Hex(new TextEncoder().encode(runId)), outputBytes: 1 + (nowMs % 1000) } : {}),
      startedAtMs: run.startedAtMs!,
      endedAtMs: nowMs,
    }
    this.#events.ended(run.contract, run.exit)
    this.#tellEnd(run)
  }

  #tellEnd(run: Run): void {
    const daemon = this.#daemon
    this.#time.after(this.#rng.int(4), () => {
      if (daemon === this.#daemon) this.#events.runEnded(run.contract.runId, { ...run.exit! })
    })
  }

  /** SIGTERM now; SIGKILL after `graceMs` if the daemon lives until then. Unknown runs are ignored. */
  stop(runId: string, why: StopWhy, graceMs: number): void {
    const run = this.#runs.get(runId)
    if (run === undefined || run.exit !== undefined) return
    const daemon = this.#daemon
    const [, , manner] = readCommand(run.contract.spec)
    if (manner === 'stubborn') {
      this.#time.after(graceMs, () => {
        if (daemon === this.#daemon) this.#end(run, { exitCode: 137, signal: 'SIGKILL', killedFor: why })
      })
    } else {
      this.#time.after(1 + this.#rng.int(30), () =>
        this.#end(run, { exitCode: 143, signal: 'SIGTERM', killedFor: why }),
      )
    }
  }

  /** The daemon is gone: starts under way come to nothing, nobody is told of ends. */
  daemonDied(): void {
    this.#daemon++
  }

  /** The machine itself goes down: all its processes with it. */
  powerCut(): void {
    this.daemonDied()
    for (const run of this.#runs.values()) this.#end(run, { exitCode: 137, killedFor: 'lost' })
  }

  /** What a new daemon finds. */
  found(): string[] {
    return [...this.#runs.keys()]
  }

  /** Tells a new daemon of a run it has taken over. */
  follow(runId: string): void {
    const run = this.#runs.get(runId)
    if (run?.startedAtMs === undefined) return
    this.#events.runStarted(runId, run.startedAtMs)
    if (run.exit !== undefined) this.#tellEnd(run)
  }

  /** The output of an ended run, if it is still there. */
  hasOutput(runId: string): boolean {
    return this.#runs.get(runId)?.exit?.outputSha256 !== undefined
  }

  remove(runId: string): void {
    this.#runs.delete(runId)
  }
}

function readCommand(spec: TaskSpec): [durationMs: number, failingAttempts: number, manner: Manner] {
  const [, durationMs, failing, manner] = spec.command
  return [Number(durationMs), Number(failing), manner as Manner]
}
