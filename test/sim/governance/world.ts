/** Members over a network that loses, repeats, reorders and parts, with crashes between any two effects of a step. */
import { configurationOn, type HeldConfiguration } from '../../../src/governance/configuration.ts'
import { createGovernance, mayLink, type GovernanceState, type IssuedTicket } from '../../../src/governance/state.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type {
  GovernanceEffect,
  GovernanceInput,
  GovernanceMessage,
  StoredProposal,
} from '../../../src/governance/types.ts'
import type { Genesis, Ticket } from '../../../src/model/governance.ts'
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { Timeline } from '../timeline.ts'
import type { Checker } from './checkers.ts'
import { Ink, keyOf } from './ink.ts'

/** What is durable on one machine. */
export interface Disk {
  readonly statements: Map<string, VerifiedStatement>
  readonly tickets: Map<string, IssuedTicket>
  readonly proposals: Map<string, StoredProposal>
}

/** One machine. */
export interface Machine {
  readonly key: string
  readonly disk: Disk
  /** Undefined while it is down. */
  state: GovernanceState | undefined
  /** Which side of a partition it is on. */
  side: number
}

/** Admins 90 to 92 of whom two decide, a recovery key, and the first machine as enroller. */
export const ADMINS = [90, 91, 92].map(keyOf)
export const RESCUE = keyOf(99)
export const THRESHOLD = 2

const TICK_MS = 3_000
const START_MS = 1_800_000_000_000

export class World {
  readonly rng: Rng
  readonly ink = new Ink()
  readonly time = new Timeline(START_MS)
  readonly machines = new Map<string, Machine>()
  readonly genesis: Genesis
  readonly cluster: string
  readonly checkers: readonly Checker[]
  loss = 0
  /** Probability that a step ends in a crash, between two of its effects. */
  crash = 0
  steps = 0
  note: (text: string) => void = () => {}

  constructor(seed: number, checkers: readonly Checker[]) {
    this.rng = seededRng(seed)
    this.checkers = checkers
    this.genesis = {
      name: 'sim',
      nonce: '0'.repeat(32),
      admins: { keys: ADMINS, threshold: THRESHOLD },
      recovery: { keys: [RESCUE], threshold: 1 },
      enrollers: [keyOf(0)],
      open: false,
      createdAtMs: START_MS,
    }
    this.cluster = this.ink.sign('genesis', this.genesis, []).hash
  }

  get nowMs(): number {
    return this.time.nowMs
  }

  up(): Machine[] {
    return [...this.machines.values()].filter(({ state }) => state !== undefined)
  }

  /** The settings a machine goes by. */
  configurationOf({ state }: Machine): HeldConfiguration | undefined {
    return configurationOn(state!)
  }

  /** A machine that holds these statements comes into being. */
  add(key: string, statements: readonly VerifiedStatement[]): Machine {
    const disk = {
      statements: new Map(statements.map((one) => [one.hash, one])),
      tickets: new Map(),
      proposals: new Map(),
    }
    const machine: Machine = { key, disk, state: undefined, side: 0 }
    this.machines.set(key, machine)
    this.start(machine)
    return machine
  }

  start(machine: Machine): void {
    machine.state = createGovernance(machine.key, this.cluster, this.genesis)
    const { statements, tickets, proposals } = machine.disk
    const stored = {
      statements: [...statements.values()],
      tickets: new Map(tickets),
      proposals: [...proposals.values()],
    }
    this.feed(machine, { type: 'restore', ...stored })
    for (const other of this.up()) if (other !== machine) this.link(machine, other)
    this.#tickLater(machine, machine.state)
  }

  stop(machine: Machine): void {
    machine.state = undefined
    for (const other of this.up()) this.feed(other, { type: 'peer-down', peer: machine.key })
  }

  /** Both must let the other in, and a wire must be between them. */
  link(a: Machine, b: Machine): void {
    for (const [self, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!this.#passes(self, peer)) continue
      this.feed(self, { type: 'peer-up', peer: peer.key })
      this.feed(self, { type: 'tick', peer: peer.key })
    }
  }

  #passes(a: Machine, b: Machine): boolean {
    if (a.state === undefined || b.state === undefined || a.side !== b.side) return false
    return mayLink(a.state, b.key, this.nowMs) && mayLink(b.state, a.key, this.nowMs)
  }

  #tickLater(machine: Machine, life: GovernanceState): void {
    this.time.after(TICK_MS * (0.5 + this.rng.next()), () => {
      if (machine.state !== life) return
      const others = this.up().filter((other) => other !== machine && this.#passes(machine, other))
      if (others.length === 0) this.feed(machine, { type: 'tick' })
      else this.link(machine, this.rng.pick(others))
      this.#tickLater(machine, life)
    })
  }

  /** One step of one machine, and what follows; it may crash between any two effects. */
  feed(machine: Machine, input: GovernanceInput): readonly GovernanceEffect[] {
    if (machine.state === undefined) return []
    this.steps++
    const effects = governanceStep(machine.state, input, this.nowMs)
    for (const checker of this.checkers) checker.step?.(this, machine, effects)
    for (const effect of effects) {
      if (this.crash > 0 && this.rng.next() < this.crash) {
        this.note(`${machine.key.slice(-2)} crashes before ${effect.type}`)
        this.stop(machine)
        this.time.after(500 + this.rng.int(5_000), () => this.start(machine))
        return effects
      }
      this.#carry(machine, effect)
      if (machine.state === undefined) return effects
    }
    return effects
  }

  #carry(machine: Machine, effect: GovernanceEffect): void {
    switch (effect.type) {
      case 'persist':
        machine.disk.statements.set(effect.key, this.ink.read(effect.bytes))
        return
      case 'persist-ticket':
        if (effect.issued === null) machine.disk.tickets.delete(effect.key)
        else machine.disk.tickets.set(effect.key, effect.issued)
        return
      case 'persist-proposal':
        if (effect.proposal === null) machine.disk.proposals.delete(effect.key)
        else machine.disk.proposals.set(effect.key, effect.proposal)
        return
      case 'sign': {
        const signed = this.ink.sign(effect.kind, effect.body, [machine.key])
        for (const checker of this.checkers) checker.signed?.(this, machine, signed)
        this.feed(machine, { type: 'statements', statements: [signed] })
        return
      }
      case 'send':
        return this.#send(machine, effect.to, effect.message)
      case 'roster':
        for (const peer of effect.left) this.feed(machine, { type: 'peer-down', peer })
        return
      default:
        return
    }
  }

  #send(from: Machine, to: string, message: GovernanceMessage): void {
    const copies = this.rng.next() < 0.1 ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.rng.next() < this.loss) continue
      this.time.after(1 + this.rng.int(300), () => {
        const target = this.machines.get(to)
        if (target?.state === undefined || !this.#passes(from, target)) return
        if (message.t === 'gov-proposal') this.propose(target, this.ink.read(message.body.entry), from.key)
        else if (message.t !== 'gov-give') this.feed(target, { type: 'message', from: from.key, message })
        else {
          const statements = message.body.statements.map((bytes) => this.ink.read(bytes))
          this.feed(target, { type: 'statements', from: from.key, statements, more: message.body.more })
        }
      })
    }
  }

  /** Brings a proposal to a machine, which adds the signatures that it knows. */
  propose(machine: Machine, { hash, body, signers }: VerifiedStatement, from?: string): void {
    const known = machine.state?.proposals.get(hash)?.statement.signers ?? []
    const statement = this.ink.sign('entry', body, [...known, ...signers])
    this.feed(machine, { type: 'proposal', statement, refusals: [], ...(from !== undefined && { from }) })
  }

  /** Shows a ticket at the machine it names. @returns whether that machine answered with an admission */
  redeem(ticket: Ticket, hash: string, node: string): boolean {
    const redeemer = this.machines.get(ticket.redeemer)
    if (redeemer?.state === undefined) return false
    const effects = this.feed(redeemer, { type: 'redeem', hash, ticket, node })
    const admitted = effects.some((one) => one.type === 'sign' && one.kind === 'admission' && one.body.node === node)
    if (!admitted || redeemer.state === undefined) return false
    const { statements } = redeemer.state
    const own = [...statements.values()].some(({ kind, body }) => kind === 'admission' && body.node === node)
    if (own && !this.machines.has(node)) this.add(node, [...redeemer.disk.statements.values()])
    return own
  }
}
