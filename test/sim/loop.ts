/**
 * The daemon's loop under virtual time, by the rules of `src/node/loop.ts`: what a step persists is
 * written before anything else of it happens, but for the offers of a new job; while that fails, everything else waits
 * in order; an input that arises meanwhile waits its turn. What a node says to itself comes back to it as from others,
 * so that it may die in between, which a daemon cannot.
 */
import type { Ledger } from '../../src/audit/ledger.ts'
import { promisesNothing } from '../../src/mesh/promises.ts'
import type { MeshEffect, MeshInput } from '../../src/mesh/types.ts'
import type { AuditDraft } from '../../src/model/audit.ts'
import type { Disk, DiskWrite } from './disk.ts'
import type { Timeline } from './timeline.ts'

export interface LoopOptions {
  readonly time: Timeline
  readonly disk: Disk
  readonly ledger: Ledger
  readonly step: (input: MeshInput) => MeshEffect[]
  readonly nextWakeMs: () => number | undefined
  readonly carry: (effect: MeshEffect) => void
  /** Effects that leave before what their step persists is written. */
  readonly isQuestion: (effect: MeshEffect) => boolean
  /** True when the daemon dies now: what it asks has left and nothing is written, or it is written and nothing done. */
  readonly diesHere: (input: MeshInput, moment: 'asked' | 'written') => boolean
}

const CACHE_FLUSH_MS = 500
const RETRY_WRITE_MS = 1_000

export class SimLoop {
  readonly #options: LoopOptions
  readonly #inputs: MeshInput[] = []
  readonly #cache = new Map<string, DiskWrite>()
  #unwritten: DiskWrite[] = []
  #held: MeshEffect[] = []
  #busy = false
  #flushPlanned = false
  #closed = false
  #wakeAtMs = Infinity
  /** Writes have failed; see `MeshLoop.blockedBy`. */
  blocked = false

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** As `MeshLoop.input`. */
  input(input: MeshInput): readonly MeshEffect[] | undefined {
    if (this.#closed) return []
    if (this.#busy) {
      this.#inputs.push(input)
      return undefined
    }
    this.#busy = true
    const effects = this.#run(input)
    for (let next = this.#inputs.shift(); next !== undefined && !this.#closed; next = this.#inputs.shift())
      this.#run(next)
    this.#busy = false
    this.#armWake()
    return effects
  }

  #run(input: MeshInput): MeshEffect[] {
    const effects = this.#options.step(input)
    let rest: MeshEffect[] = []
    for (const effect of effects) {
      if (effect.type === 'persist') this.#unwritten.push(effect)
      else if (effect.type === 'cache') this.#putCache(effect)
      else if (effect.type === 'audit') this.#note(effect.event)
      else rest.push(effect)
    }
    if (input.type === 'submit' && !this.blocked) {
      const { isQuestion, diesHere } = this.#options
      this.#carryAll(rest.filter(isQuestion))
      rest = rest.filter((effect) => !isQuestion(effect))
      if (diesHere(input, 'asked')) return effects
    }
    const writes = this.#unwritten.length > 0
    if (this.blocked || !this.#write()) this.#hold(rest)
    else if (!writes || !this.#options.diesHere(input, 'written')) this.#carryAll(rest)
    return effects
  }

  #hold(effects: readonly MeshEffect[]): void {
    this.#carryAll(effects.filter(promisesNothing))
    this.#held.push(...effects.filter((effect) => !promisesNothing(effect)))
  }

  #carryAll(effects: readonly MeshEffect[]): void {
    for (const effect of effects) {
      if (this.#closed) return
      this.#options.carry(effect)
    }
  }

  #write(): boolean {
    if (this.#unwritten.length === 0) return true
    if (this.#toDisk(this.#unwritten)) {
      this.#unwritten = []
      return true
    }
    if (!this.blocked) this.#retryLater()
    this.blocked = true
    return false
  }

  /** As `AuditLog.write`: what was noted goes with it, or nothing does. */
  #toDisk(writes: readonly DiskWrite[]): boolean {
    const { ledger, disk, time } = this.#options
    const batch = ledger.prepare()
    if (
      !disk.write(
        writes,
        batch.entries.map(({ bytes }) => bytes),
      )
    )
      return false
    ledger.commit(batch, time.nowMs)
    return true
  }

  #note(event: AuditDraft): void {
    const { ledger, time } = this.#options
    ledger.note(event, time.nowMs)
    this.#planFlush()
  }

  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    this.#options.time.after(CACHE_FLUSH_MS, () => this.#flushCache())
  }

  #retryLater(): void {
    this.#options.time.after(RETRY_WRITE_MS, () => {
      if (this.#closed) return
      if (!this.#write()) return this.#retryLater()
      this.blocked = false
      const held = this.#held
      this.#held = []
      this.#busy = true
      this.#carryAll(held)
      this.#busy = false
      this.input({ type: 'wake' })
    })
  }

  #putCache(effect: DiskWrite): void {
    this.#planFlush()
    this.#cache.set(`${effect.collection}/${effect.key}`, effect)
  }

  #flushCache(): void {
    this.#flushPlanned = false
    if (this.#closed) return
    if (this.blocked) return this.#planFlush()
    // A full disk costs what is cached, and no more: the mesh has it all. Events stay noted.
    if (!this.#toDisk([...this.#cache.values()])) this.#planFlush()
    this.#cache.clear()
  }

  #armWake(): void {
    const next = this.#closed ? undefined : this.#options.nextWakeMs()
    if (next === undefined || next >= this.#wakeAtMs) return
    this.#wakeAtMs = next
    this.#options.time.at(next, () => {
      if (this.#closed || this.#wakeAtMs !== next) return
      this.#wakeAtMs = Infinity
      const due = this.#options.nextWakeMs()
      // Put off meanwhile: the daemon would have moved its timer.
      if (due === undefined || due > this.#options.time.nowMs) this.#armWake()
      else this.input({ type: 'wake' })
    })
  }

  /** The daemon is gone, with everything that was not written. */
  die(): void {
    this.#closed = true
  }
}
