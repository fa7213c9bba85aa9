/** One daemon simulated in full: the very `meshStep` of the product, in virtual time. */
import { createMesh, meshStep, nextWakeMs, type Env } from '../../../src/mesh/step.ts'
import type { MeshConfig, MeshEffect, MeshInput, MeshState } from '../../../src/mesh/types.ts'
import { statedAgeMs } from '../../../src/registry/registry.ts'
import type { Rng } from '../../../src/util/rng.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import type { Timeline } from '../timeline.ts'
import type { Member } from './member.ts'

export interface DaemonOptions {
  readonly member: Member
  readonly config: MeshConfig
  readonly rng: Rng
  readonly time: Timeline
  readonly carry: (daemon: Daemon, effect: MeshEffect) => void
}

export class Daemon {
  readonly member: Member
  state: MeshState
  /** Inputs taken. */
  steps = 0
  /** Where its records are said to be neither new nor newer. */
  refused = 0
  readonly #env: Env
  readonly #time: Timeline
  readonly #carry: DaemonOptions['carry']
  readonly #inputs: MeshInput[] = []
  #isBusy = false
  #isOver = false
  #wakeAtMs = Infinity

  constructor({ member, config, rng, time, carry }: DaemonOptions) {
    this.member = member
    this.#env = { config, rng }
    this.#time = time
    this.#carry = carry
    this.state = createMesh(member.id, config, member.local)
  }

  get index(): number {
    return this.member.index
  }

  /** It is gone, and takes nothing any more. */
  end(): void {
    this.#isOver = true
  }

  /** Takes an input, and whatever follows from it at once. */
  input(input: MeshInput): void {
    if (this.#isOver) return
    this.#inputs.push(input)
    if (this.#isBusy) return
    this.#isBusy = true
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      this.steps++
      for (const effect of meshStep(this.state, next, this.#time.nowMs, this.#env)) this.#carry(this, effect)
    }
    this.#isBusy = false
    this.#armWake()
  }

  /** A record came, so long after it was sent. */
  take(record: VerifiedRecord, ageMs: number, ward?: string): void {
    this.input({ type: 'record', record, ageMs, statedAgeMs: statedAgeMs(record.hlc, this.#time.nowMs), ward })
  }

  /** The same by sync, of somebody who has it. */
  takeFrom(from: string, record: VerifiedRecord, ageMs: number): void {
    this.input({ type: 'record', record, ageMs, statedAgeMs: statedAgeMs(record.hlc, this.#time.nowMs), from })
  }

  /** It is woken again by what was set from outside. */
  rearm(): void {
    this.#armWake()
  }

  #armWake(): void {
    const nextMs = this.#isOver ? undefined : nextWakeMs(this.state)
    if (nextMs === undefined || nextMs >= this.#wakeAtMs) return
    this.#wakeAtMs = nextMs
    this.#time.at(nextMs, () => {
      if (this.#wakeAtMs !== nextMs) return
      this.#wakeAtMs = Infinity
      const dueMs = nextWakeMs(this.state)
      // Put off meanwhile: the daemon would have moved its timer.
      if (dueMs !== undefined && dueMs <= this.#time.nowMs) this.input({ type: 'wake' })
      else this.#armWake()
    })
  }
}
