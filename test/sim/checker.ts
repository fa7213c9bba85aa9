/**
 * What a checker sees of a simulation: inputs, effects, what was written, what processes did, and the
 * state the core shows. Checkers import types of the core and nothing else of it.
 */
import type { MeshConfig, MeshEffect, MeshInput, MeshState } from '../../src/mesh/types.ts'
import type { Resources } from '../../src/model/resources.ts'
import type { TaskExit, TaskSpec } from '../../src/model/task.ts'
import type { ContractState } from '../../src/negotiation/types.ts'
import type { DiskView } from './disk.ts'

/** A broken rule. It ends the seed's run. */
export class Violation extends Error {
  readonly checker: string

  constructor(checker: string, message: string) {
    super(message)
    this.checker = checker
  }
}

/** One step of one node's core. */
export interface StepSeen {
  readonly node: string
  readonly input: MeshInput
  readonly effects: readonly MeshEffect[]
  /** After the step. */
  readonly state: MeshState
  readonly nowMs: number
}

/** A node as it stands. */
export interface NodeView {
  readonly id: string
  readonly up: boolean
  /** Its disk refuses writes, so its effects wait. */
  readonly blocked: boolean
  readonly state: MeshState
  readonly disk: DiskView
  readonly capacity: Resources
}

/** A job whose submission was acknowledged to its user. */
export interface SubmittedJob {
  readonly node: string
  readonly jobId: string
  readonly taskIds: readonly string[]
  readonly spec: TaskSpec
  readonly placeTimeoutMs: number
  /** `always`: some node can run it and it waits long enough. `never`: no node can. `maybe`: it may time out. */
  readonly placed: 'always' | 'maybe' | 'never'
}

/** Names an attempt: task ids are unique in a simulation, and what the core calls a run is its own affair. */
export function attemptName({ taskId, attempt }: { readonly taskId: string; readonly attempt: number }): string {
  return `${taskId}.${attempt}`
}

export interface Checker {
  readonly name: string
  /** A daemon begins with empty memory. */
  boot?(node: string, nowMs: number): void
  crash?(node: string, nowMs: number): void
  /** The core took a step; nothing was written or carried out yet. */
  step?(seen: StepSeen): void
  /** An effect is carried out: what its step persisted is on the disk. */
  carried?(node: string, effect: MeshEffect, nowMs: number, disk: DiskView): void
  /** A process came to be. */
  launched?(node: string, contract: ContractState, nowMs: number): void
  /** A process ended, or could not be started (`launched` was not called then). */
  ended?(node: string, contract: ContractState, exit: TaskExit, nowMs: number): void
  submitted?(job: SubmittedJob): void
  /** A user cancelled a task that had not ended, and was told so. */
  cancelled?(node: string, taskId: string, nowMs: number): void
  /** Every virtual second. */
  tick?(nodes: readonly NodeView[], nowMs: number): void
  /** After the healing: what is still to come, or undefined when all is as it must be in the end. */
  pending?(nodes: readonly NodeView[], nowMs: number): string | undefined
}

export type { ContractState, MeshConfig, MeshEffect, MeshInput, MeshState }
