/**
 * The driver loop: input → `mesh.step` → carry out the effects. The only place where the core meets
 * time, and the only one that orders effects:
 *
 * 1. what a step persists is on disk before anything else of that step happens (persist before send), but for
 *    questions, which promise nothing: they leave at once;
 * 2. when it cannot be written (a full disk), effects wait, in order, until it can: nothing is
 *    acknowledged that a crash would forget. What ends a run goes on, since that may be what frees the
 *    disk, and a forgotten end can be asked for again; and so do signs of life, which promise nothing;
 * 3. inputs that arise while effects are carried out wait their turn: a step never runs inside another.
 */
import { promisesNothing } from '../mesh/promises.ts'
import type { MeshEffect, MeshInput } from '../mesh/types.ts'
import type { AuditDraft } from '../model/audit.ts'
import type { Write } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { trimmed } from './held-effects.ts'
import { Unwritten } from './unwritten.ts'
import { WakeTimer } from './wake-timer.ts'
import { WriteBehind, type Journal } from './write-behind.ts'

/** What the loop drives: the mesh's step, bound to its state. */
export interface Core {
  step(input: MeshInput, nowMs: number): MeshEffect[]
  /** When the core wants to be woken, or undefined. */
  nextWakeMs(): number | undefined
}

/** The core, and what the loop writes to, reads the time from and hands effects to. */
export interface LoopOptions {
  readonly core: Core
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Logger
  /** Carries out one effect that is not a write. May call `input`. One that throws is logged; the others go on. */
  readonly carry: (effect: MeshEffect) => void
  /** Effects that may be carried out before what their step persists is on disk. @default none */
  readonly isQuestion?: (effect: MeshEffect) => boolean
  /**
   * Takes what effects say to this node itself, by steps that are stored together with them. @returns the others
   * @default leaves all of them
   */
  readonly takeOwn?: (
    effects: readonly MeshEffect[],
    step: (input: MeshInput) => readonly MeshEffect[],
  ) => readonly MeshEffect[]
}

const RETRY_WRITE_MS = 1_000

/** Drives one core. Nothing happens before the first input. */
export class MeshLoop {
  readonly #options: LoopOptions
  readonly #inputs: MeshInput[] = []
  /** Inputs for the end of this turn. */
  readonly #posted: MeshInput[] = []
  /** Effects of a submit for the end of this turn, and who waits until they are carried out. */
  readonly #submitted: { readonly effects: readonly MeshEffect[]; readonly done: () => void }[] = []
  #turn: NodeJS.Immediate | undefined
  readonly #later: WriteBehind
  readonly #unwritten: Unwritten
  #held: MeshEffect[] = []
  #blockedBy: string | undefined
  #busy = false
  #failures = 0
  #closed = false
  readonly #wake = new WakeTimer(() => void this.input({ type: 'wake' }))
  #retryTimer: NodeJS.Timeout | undefined

  constructor(options: LoopOptions) {
    this.#options = options
    const { journal, log } = options
    this.#unwritten = new Unwritten(journal)
    this.#later = new WriteBehind({ journal, log, isBlocked: () => !this.#unwritten.isEmpty })
  }

  /** Why nothing can be written at present, or undefined. New work should be refused meanwhile. */
  get blockedBy(): string | undefined {
    return this.#blockedBy
  }

  /** Inputs and effects that threw, which only a bug can cause. */
  get failures(): number {
    return this.#failures
  }

  /**
   * Feeds one input, behind those that were posted.
   * @returns the effects of this very input, already carried out or held back; undefined when it was
   *   queued behind the step under way
   */
  input(input: MeshInput): readonly MeshEffect[] | undefined {
    if (this.#closed) return []
    if (this.#busy) {
      this.#inputs.push(input)
      return undefined
    }
    return this.#alone(() => {
      const effects = this.#guarded(input)
      this.#finish(effects)
      this.#runQueued()
      return effects
    })
  }

  /**
   * Feeds a job, or the question who would take one. What it asks of others leaves at once, and they think about it
   * while it is stored, at the end of this turn; resolves then, or when it is held back.
   * @throws what the core throws: its submitter is told
   */
  submit(input: MeshInput & { readonly type: 'submit' | 'quote' }): Promise<void> {
    if (this.#closed) throw new Error('the daemon is ending')
    const { promise, resolve: done } = Promise.withResolvers<void>()
    this.#alone(() => {
      const { isQuestion = () => false } = this.#options
      const { true: questions = [], false: effects = [] } = Object.groupBy(this.#step(input), (effect) =>
        isQuestion(effect) && this.#blockedBy === undefined ? 'true' : 'false',
      )
      this.#carry(questions)
      this.#submitted.push({ effects, done })
      this.#turn ??= setImmediate(() => this.#runPosted())
    })
    return promise
  }

  /**
   * Takes an input whose effects nobody waits for. It is run at the end of this turn of the event loop, in
   * order, together with all others of the turn: one write serves them, and what was said to others before
   * is on its way while this machine works.
   */
  post(input: MeshInput): void {
    if (this.#closed) return
    this.#posted.push(input)
    this.#turn ??= setImmediate(() => this.#runPosted())
  }

  #runPosted(): void {
    this.#turn = undefined
    this.#alone(() => {})
  }

  /** Does something that no step runs inside of, behind what was posted. */
  #alone<T>(work: () => T): T {
    this.#busy = true
    try {
      this.#drain()
      return work()
    } finally {
      this.#busy = false
      this.#armWake()
    }
  }

  /** Runs what was posted, and what queues meanwhile. What is posted meanwhile waits for the next turn. */
  #drain(): void {
    const submitted = this.#submitted.splice(0)
    this.#finish(submitted.flatMap(({ effects }) => effects))
    for (const { done } of submitted) done()
    this.#inputs.push(...this.#posted.splice(0))
    this.#runQueued()
  }

  #runQueued(): void {
    while (this.#inputs.length > 0) this.#finish(this.#inputs.splice(0).flatMap((input) => this.#guarded(input)))
  }

  /** Nobody can answer for these: one that throws, which is a bug, must not take the others with it. */
  #guarded(input: MeshInput): MeshEffect[] {
    try {
      return this.#step(input)
    } catch (error) {
      this.#failures++
      this.#options.log.error({ input: input.type, err: error }, 'an input could not be taken')
      return []
    }
  }

  /** One step of the core. What it persists is collected, not yet written. */
  #step(input: MeshInput): MeshEffect[] {
    const effects = this.#options.core.step(input, this.#options.clock.nowMs())
    for (const effect of effects) {
      if (effect.type === 'persist') this.#unwritten.add(writeOf(effect))
      else if (effect.type === 'cache') this.#later.put(writeOf(effect))
      else if (effect.type === 'audit') this.#later.note(effect.event)
    }
    return effects
  }

  /** Takes what was said to this node itself, writes what steps persisted, then carries out everything else of them. */
  #finish(effects: readonly MeshEffect[]): void {
    const { takeOwn = (all) => all } = this.#options
    const rest = takeOwn(effects.filter(isCarried), (input) => this.#guarded(input).filter(isCarried))
    if (this.#blockedBy === undefined && this.#write()) this.#carry(rest)
    else this.#hold(rest)
  }

  /** One effect that fails must not keep back those behind it. */
  #carry(effects: readonly MeshEffect[]): void {
    for (const effect of effects) {
      try {
        this.#options.carry(effect)
      } catch (error) {
        this.#failures++
        this.#options.log.error({ effect: effect.type, error }, 'an effect could not be carried out')
      }
    }
  }

  /** Writes what steps persisted. */
  #write(): boolean {
    if (this.#unwritten.isEmpty) return true
    try {
      this.#unwritten.write()
      return true
    } catch (error) {
      this.#block(error)
      return false
    }
  }

  #block(error: unknown): void {
    if (this.#blockedBy === undefined) {
      this.#options.log.error({ error: messageOf(error) }, 'state cannot be written; work waits until it can')
    }
    this.#blockedBy = messageOf(error)
    this.#retryTimer ??= setTimeout(() => this.#retry(), RETRY_WRITE_MS)
  }

  #hold(effects: readonly MeshEffect[]): void {
    this.#carry(effects.filter(promisesNothing))
    for (const effect of effects) if (!promisesNothing(effect)) this.#held.push(effect)
    this.#held = trimmed(this.#held)
  }

  #retry(): void {
    this.#retryTimer = undefined
    if (this.#closed || !this.#write()) return
    this.#blockedBy = undefined
    this.#options.log.info({}, 'state can be written again')
    const held = this.#held
    this.#held = []
    this.#busy = true
    try {
      this.#carry(held)
    } finally {
      this.#busy = false
    }
    this.input({ type: 'wake' })
  }

  /** Notes an event that is no effect of a step. */
  note(event: AuditDraft): void {
    this.#later.note(event)
  }

  /**
   * Writes documents that no step persists, and the events that tell of them, behind what steps persisted; all of it is
   * safe from loss of power when this returns.
   * @throws StoreError; nothing was written then
   */
  writeDurably(writes: readonly Write[], events: readonly AuditDraft[]): void {
    if (this.#closed) throw new Error('the daemon is ending')
    this.#unwritten.writeDurably(writes, events)
  }

  /** The same for what counts already, so that it must get to the disk: as soon as that takes anything. */
  writeWhenPossible(writes: readonly Write[], events: readonly AuditDraft[]): void {
    for (const write of writes) this.#unwritten.add(write)
    for (const event of events) this.note(event)
    if (this.#blockedBy === undefined) this.#write()
  }

  #armWake(): void {
    if (!this.#closed) this.#wake.set(this.#options.core.nextWakeMs(), this.#options.clock.nowMs())
  }

  /** Stops timers and writes what waits. Later inputs and events do nothing. */
  close(): void {
    clearImmediate(this.#turn)
    this.#wake.stop()
    clearTimeout(this.#retryTimer)
    this.#closed = true
    this.#write()
    this.#later.close()
    clearTimeout(this.#retryTimer)
    for (const { done } of this.#submitted.splice(0)) done()
  }
}

/** Whether it is done to the world; the others are the loop's own to write. */
function isCarried({ type }: MeshEffect): boolean {
  return type !== 'persist' && type !== 'cache' && type !== 'audit'
}

/** A document as the store takes it: without what makes it an effect. */
function writeOf({ collection, key, doc }: Write): Write {
  return { collection, key, doc }
}
