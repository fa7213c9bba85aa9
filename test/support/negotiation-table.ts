/**
 * A table of negotiating nodes under virtual time: messages arrive in order after a fixed delay, runs
 * last as long as the test says, and any message can be dropped. What a test sets is what matters.
 */
import type { ControlMessage } from '../../src/model/control.ts'
import type { Resources } from '../../src/model/resources.ts'
import { TaskSpec, type TaskExit } from '../../src/model/task.ts'
import { DEFAULT_NEGOTIATION, type NegotiationConfig } from '../../src/negotiation/config.ts'
import { createNegotiation } from '../../src/negotiation/state.ts'
import { negotiationStep, type NegotiationInput } from '../../src/negotiation/step.ts'
import type { Candidate, LocalNode } from '../../src/negotiation/nodes.ts'
import type { NegotiationEffect, NegotiationState } from '../../src/negotiation/types.ts'
import { Broker, type Sharer } from '../../src/node/clusters/broker.ts'
import type { CompiledPolicy } from '../../src/policy/types.ts'
import { seededRng } from '../../src/util/rng.ts'

export interface Seat {
  readonly id: string
  state: NegotiationState
  local: LocalNode
  readonly effects: NegotiationEffect[]
  readonly stored: Map<string, Map<string, unknown>>
  alive: boolean
  /** What may run there; feed it `policies-changed` after a change. */
  policies: readonly CompiledPolicy[]
  /** It may be the one that is cut off. */
  cutOff: boolean
}

export interface TableOptions {
  readonly capacity?: Resources
  readonly local?: Partial<LocalNode>
  readonly config?: Partial<NegotiationConfig>
  /** Milliseconds a run takes. */
  readonly runMs?: number
  readonly exitCode?: (runId: string) => number
  /** Round trip to a node; unknown by default. */
  readonly distanceMs?: (node: string) => number | undefined
  /** Seats that are on one machine, each for another cluster: what one has reserved is not there for the others. */
  readonly oneMachine?: readonly string[]
  /** True drops the message. */
  readonly drop?: (from: string, to: string, message: ControlMessage) => boolean
}

const GIB = 1024 ** 3

export function spec(changes: Partial<TaskSpec> = {}): TaskSpec {
  return { ...TaskSpec.parse({ command: ['true'] }), ...changes }
}

export class Table {
  nowMs = 1_000_000
  readonly seats = new Map<string, Seat>()
  readonly started: string[] = []
  readonly messages: { from: string; to: string; message: ControlMessage }[] = []
  options: TableOptions
  readonly #broker = new Broker()
  readonly #sharers = new Map<string, Sharer>()
  #queue: { atMs: number; order: number; run: () => void }[] = []
  #order = 0
  #rng = seededRng(7)

  constructor(ids: readonly string[], options: TableOptions = {}) {
    this.options = options
    for (const id of ids) this.seats.set(id, this.#seat(id))
    for (const id of options.oneMachine ?? []) this.#share(id)
  }

  #share(id: string): void {
    const seat = this.seat(id)
    const mesh = {
      get negotiation() {
        return seat.state
      },
    }
    const sharer = { key: id, mesh, post: (input: NegotiationInput) => this.#later(0, () => this.input(id, input)) }
    this.#sharers.set(id, sharer)
    this.#broker.join(sharer)
  }

  #seat(id: string): Seat {
    const capacity = this.options.capacity ?? { cpuMilli: 2_000, memoryBytes: 4 * GIB }
    const local: LocalNode = {
      labels: { 'kubernetes.io/hostname': id },
      capacity,
      drivers: ['process'],
      accepting: true,
      stateName: 'ready',
      trusted: new Set(),
      open: true,
      cpuRatio: 0,
      memoryAvailableBytes: capacity.memoryBytes,
      holdsCpuLimit: true,
      holdsMemoryLimit: true,
      warmBundles: new Set(),
      ...this.options.local,
    }
    return {
      id,
      state: createNegotiation(),
      local,
      effects: [],
      stored: new Map(),
      alive: true,
      cutOff: false,
      policies: [],
    }
  }

  seat(id: string): Seat {
    return this.seats.get(id)!
  }

  candidates(): Candidate[] {
    return [...this.seats.values()].map(({ id, local, alive }) => ({
      id,
      name: id,
      labels: local.labels,
      alive,
      drivers: local.drivers,
      isolation: local.isolation?.works === true ? local.isolation.by : undefined,
      capacity: local.capacity,
      free: local.capacity,
      cpuRatio: local.cpuRatio,
      running: 0,
    }))
  }

  /** Feeds an input to one node and carries out what it asks for. */
  input(id: string, input: NegotiationInput): void {
    const seat = this.seat(id)
    if (!seat.alive) return
    const out: NegotiationEffect[] = []
    const sharer = this.#sharers.get(id)
    if (sharer === undefined) this.#step(seat, input, out)
    else {
      // As the mesh does before each of its steps.
      seat.state.takenElsewhere = this.#broker.takenBesides(sharer)
      this.#broker.around(sharer, () => this.#step(seat, input, out))
    }
    seat.effects.push(...out)
    for (const effect of out) this.#carryOut(seat, effect)
  }

  #step(seat: Seat, input: NegotiationInput, out: NegotiationEffect[]): void {
    const { id } = seat
    const sharer = this.#sharers.get(id)
    negotiationStep(seat.state, input, {
      nowMs: this.nowMs,
      rng: this.#rng,
      self: id,
      config: { ...DEFAULT_NEGOTIATION, ...this.options.config },
      out,
      candidates: () => this.candidates(),
      distanceMs: (node) => this.options.distanceMs?.(node),
      domainOf: (node, over) => this.seats.get(node)?.local.labels[over === 'host' ? 'kubernetes.io/hostname' : over],
      local: seat.local,
      cluster: 'test',
      policies: seat.policies,
      usageElsewhere: sharer && (() => this.#broker.usageBesides(sharer, this.nowMs)),
      cutOff: seat.cutOff,
    })
  }

  #carryOut(seat: Seat, effect: NegotiationEffect): void {
    if (effect.type === 'persist') {
      const docs = seat.stored.get(effect.collection) ?? new Map<string, unknown>()
      seat.stored.set(effect.collection, docs)
      if (effect.doc === null) docs.delete(effect.key)
      else docs.set(effect.key, structuredClone(effect.doc))
    } else if (effect.type === 'send') this.#send(seat.id, effect.to, effect.message)
    else if (effect.type === 'start') this.#start(seat, effect.contract.runId)
    else if (effect.type === 'stop') {
      const killedFor = effect.why
      this.#later(1, () =>
        this.#end(seat.id, effect.runId, { exitCode: 143, killedFor, startedAtMs: 0, endedAtMs: this.nowMs }),
      )
    }
  }

  #start(seat: Seat, runId: string): void {
    this.started.push(`${seat.id}:${runId}`)
    this.#later(1, () => this.input(seat.id, { type: 'run-started', runId, startedAtMs: this.nowMs }))
    const exitCode = this.options.exitCode?.(runId) ?? 0
    this.#later(1 + (this.options.runMs ?? 10), () =>
      this.#end(seat.id, runId, { exitCode, startedAtMs: 0, endedAtMs: this.nowMs }),
    )
  }

  #end(id: string, runId: string, exit: TaskExit): void {
    this.input(id, { type: 'run-ended', runId, exit })
  }

  #send(from: string, to: string, message: ControlMessage): void {
    const copy = structuredClone(message)
    this.messages.push({ from, to, message: copy })
    if (this.options.drop?.(from, to, copy)) return
    this.#later(1, () => {
      const target = this.seats.get(to)
      if (target?.alive) this.input(to, { type: 'message', from, message: copy, proof: new Uint8Array([1]) })
      else this.input(from, { type: 'unreachable', node: to, reason: 'connection refused' })
    })
  }

  #later(ms: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + ms, order: this.#order++, run })
  }

  /** The daemon dies: its memory goes, its store stays. */
  crash(id: string): void {
    this.seat(id).alive = false
  }

  /** A new daemon on the old store. `found`: run ids that its driver adopts. */
  restart(id: string, found: readonly string[] = []): void {
    const seat = this.seat(id)
    seat.state = createNegotiation()
    seat.alive = true
    const docs = (name: string) => structuredClone([...(seat.stored.get(name)?.values() ?? [])])
    this.input(id, {
      type: 'restore',
      stored: {
        jobs: docs('job'),
        tasks: docs('task'),
        contracts: docs('contract'),
        offers: [],
        usage: seat.stored.get('usage') ?? [],
        cordon: seat.stored.get('cordon')?.get('self'),
      },
    })
    this.input(id, { type: 'adopted', runIds: new Set(found) })
  }

  /** Runs virtual time forward until `done` or for `ms`. @returns whether `done` came true */
  run(ms: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + ms
    for (;;) {
      if (done()) return true
      const next = this.#nextEvent()
      if (next === undefined || next > endMs) {
        this.nowMs = endMs
        return done()
      }
      this.nowMs = Math.max(this.nowMs, next)
      this.#runDue()
    }
  }

  #nextEvent(): number | undefined {
    const times = this.#queue.map((event) => event.atMs)
    for (const seat of this.seats.values()) {
      const due = seat.alive ? seat.state.deadlines.next() : undefined
      if (due !== undefined) times.push(due)
    }
    return times.length === 0 ? undefined : Math.min(...times)
  }

  #runDue(): void {
    this.#queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
    while (this.#queue[0] && this.#queue[0].atMs <= this.nowMs) this.#queue.shift()!.run()
    for (const seat of this.seats.values()) {
      const due = seat.alive ? seat.state.deadlines.next() : undefined
      if (due !== undefined && due <= this.nowMs) this.input(seat.id, { type: 'wake' })
    }
  }
}
