/**
 * One simulated machine: a disk, processes, and a daemon that comes and goes. The daemon drives the
 * very `meshStep` of the product, through the same inputs, at its start as well.
 */
import { Frontier } from '../../src/audit/frontier.ts'
import { Ledger } from '../../src/audit/ledger.ts'
import { isQuestion } from '../../src/mesh/promises.ts'
import { createMesh, meshStep, nextWakeMs } from '../../src/mesh/step.ts'
import type { LocalFacts, MeshConfig, MeshEffect, MeshInput, MeshState } from '../../src/mesh/types.ts'
import type { Passport } from '../../src/model/passport.ts'
import type { TaskExit } from '../../src/model/task.ts'
import type { ContractState } from '../../src/negotiation/types.ts'
import { statedAgeMs, type StoredRecord } from '../../src/registry/registry.ts'
import { epochAfter } from '../../src/store/epoch.ts'
import type { Rng } from '../../src/util/rng.ts'
import type { VerifiedRecord } from '../../src/wire/envelope.ts'
import { encodeEvent, stepsOf } from './audit.ts'
import type { NodeView } from './checker.ts'
import { Disk } from './disk.ts'
import { Driver } from './driver.ts'
import type { HouseRules } from './house-rules.ts'
import { SimLoop } from './loop.ts'
import type { Endpoint } from './network.ts'
import type { Arrived, Sealing } from './sealing.ts'
import type { Timeline } from './timeline.ts'

/** What a node asks of the world around it, and tells it. */
export interface Surroundings {
  readonly time: Timeline
  readonly sealing: Sealing
  readonly config: MeshConfig
  booted(node: SimNode): void
  /** It can be dialled. */
  online(node: SimNode): void
  crashed(node: SimNode): void
  stepped(node: SimNode, input: MeshInput, effects: readonly MeshEffect[]): void
  /** Carries out what concerns others: `send`, `fetch-output`; and is told of everything else. */
  carried(node: SimNode, effect: MeshEffect): void
  publish(node: SimNode, record: VerifiedRecord): void
  launched(node: SimNode, contract: ContractState): void
  ended(node: SimNode, contract: ContractState, exit: TaskExit): void
}

export interface Machine {
  readonly id: string
  readonly local: LocalFacts
  readonly passport: Passport
  /** Unix seconds as the machine believes at boot: without a clock chip always the same. */
  readonly bootSeconds: (nowMs: number) => number
}

/** A death that waits for its moment. */
export interface Doom {
  readonly moment: string
  readonly happened: (node: SimNode) => void
}

/** A new daemon takes so long, at most, to find the runs of the old one. */
const ADOPT_MS = 150

export class SimNode implements Endpoint, NodeView {
  readonly id: string
  readonly machine: Machine
  readonly disk = new Disk()
  readonly driver: Driver
  up = false
  state: MeshState
  passports: Passport[]
  /** The daemon has started as far as its network. */
  online = false
  /** The daemon dies between writing and acting on the next input of this kind; see `kindOf`. */
  doom: Doom | undefined
  /** What its owner lets run here; kept through crashes. */
  rules: HouseRules
  /** Counts daemons. */
  boots = 0
  readonly #world: Surroundings
  readonly #config: MeshConfig
  #ledger = new Ledger(new Frontier(), encodeEvent)
  readonly #rng: Rng
  #loop: SimLoop | undefined

  constructor(machine: Machine, world: Surroundings, rng: Rng, rules: HouseRules) {
    this.rules = rules
    this.id = machine.id
    this.machine = machine
    this.#world = world
    this.#rng = rng
    this.#config = world.config
    this.passports = [machine.passport]
    this.state = createMesh(this.id, world.config, machine.local)
    this.driver = new Driver(world.time, rng, {
      launched: (contract) => world.launched(this, contract),
      mayStart: (contract) => this.#mayStart(contract),
      ended: (contract, exit) => world.ended(this, contract, exit),
      runStarted: (runId, startedAtMs) => this.input({ type: 'run-started', runId, startedAtMs }),
      runEnded: (runId, exit) => this.input({ type: 'run-ended', runId, exit }),
    })
  }

  get capacity(): LocalFacts['capacity'] {
    return this.machine.local.capacity
  }

  get blocked(): boolean {
    return this.#loop?.blocked ?? false
  }

  /** Feeds an input to the daemon, if there is one. */
  input(input: MeshInput): readonly MeshEffect[] | undefined {
    return this.#loop?.input(input)
  }

  /** Starts the daemon on what the disk holds. */
  boot(): void {
    const { time, config } = this.#world
    this.up = true
    this.boots++
    this.#raiseEpoch(0)
    this.state = createMesh(this.id, config, this.machine.local)
    this.#ledger = new Ledger(this.disk.frontier(), encodeEvent)
    this.#loop = new SimLoop({
      time,
      disk: this.disk,
      ledger: this.#ledger,
      step: (input) => this.#step(input),
      nextWakeMs: () => nextWakeMs(this.state),
      carry: (effect) => this.#carry(effect),
      isQuestion: (effect) => isQuestion(effect, this.id),
      diesHere: (input, moment) => {
        const { doom } = this
        if (doom?.moment !== (moment === 'asked' ? `${kindOf(input)}:asked` : kindOf(input))) return false
        this.crash()
        doom.happened(this)
        return true
      },
    })
    this.#world.booted(this)
    this.input({ type: 'policies', policies: this.rules.policies })
    this.#restore()
    const { boots } = this
    time.after(this.#rng.int(ADOPT_MS), () => {
      if (this.up && this.boots === boots) this.#begin()
    })
  }

  /** Its owner changes what may run here. */
  rule(rules: HouseRules): void {
    this.rules = rules
    this.input({ type: 'policies', policies: rules.policies })
  }

  /** As in `node/daemon.ts`. */
  #mayStart({ runId }: ContractState): boolean {
    this.input({ type: 'run-starting', runId })
    return this.state.negotiation.contracts.get(runId)?.stopWhy !== 'policy'
  }

  /** As in `node/daemon.ts`: the runs are adopted before anything is said to others. */
  #begin(): void {
    const { contracts } = this.state.negotiation
    const found = this.driver.found().filter((runId) => contracts.has(runId))
    for (const runId of found) this.driver.follow(runId)
    this.input({ type: 'adopted', runIds: new Set(found) })
    this.input({ type: 'passports', passports: this.passports })
    this.input({ type: 'start', epoch: this.disk.epoch, alone: false })
    if (!this.up) return
    this.online = true
    this.#world.online(this)
  }

  #restore(): void {
    const { nowMs } = this.#world.time
    const records = [...this.disk.load('record').values()].map((doc) => {
      const { bytes, bornMs } = doc as StoredRecord
      return { record: this.#world.sealing.open(bytes, nowMs), bornMs }
    })
    const [marks, proofs] = [this.disk.load('mark'), this.disk.load('proof')]
    this.input({ type: 'restore-registry', persisted: { records, marks, proofs } })
    const [heads, alarms] = [this.disk.load('audit-head'), this.disk.load('audit-alarm')]
    this.input({ type: 'restore-audit', heads, alarms })
    const docs = (collection: string) => [...this.disk.load(collection).values()]
    this.input({
      type: 'restore',
      stored: {
        jobs: docs('job'),
        tasks: docs('task'),
        contracts: docs('contract'),
        offers: this.disk.load('offer'),
        usage: this.disk.load('usage'),
        cordon: this.disk.load('cordon').get('self'),
      },
    })
  }

  #step(input: MeshInput): MeshEffect[] {
    const env = { config: this.#config, rng: this.#rng, auditHead: () => this.#ledger.head() }
    const effects = meshStep(this.state, input, this.#world.time.nowMs, env)
    this.#world.stepped(this, input, effects)
    return effects
  }

  #carry(effect: MeshEffect): void {
    this.#world.carried(this, effect)
    switch (effect.type) {
      case 'publish':
        return this.#publish(effect)
      case 'start':
        return this.driver.start(effect.contract)
      case 'stop':
        return this.driver.stop(effect.runId, effect.why, effect.graceMs)
      case 'audit-answer':
        return this.#answer(effect)
      case 'forget':
        return this.driver.remove(effect.contract.runId)
      case 'raise-epoch':
        if (this.state.epoch > effect.atLeast) return undefined
        this.#raiseEpoch(effect.atLeast + 1)
        return void this.input({ type: 'epoch', epoch: this.disk.epoch })
      default:
        return undefined
    }
  }

  /** As `node/audit/exchange.ts`, where what is asked are proofs. */
  #answer({ to, ask: { nonce, want } }: MeshEffect & { type: 'audit-answer' }): void {
    if (want.type !== 'consistency') return
    const told = { type: 'consistency' as const, paths: stepsOf(this.disk.audit, want.sizes) }
    this.#world.carried(this, { type: 'send', to, message: { t: 'audit-told', body: { nonce, told } } })
  }

  #publish(effect: MeshEffect & { type: 'publish' }): void {
    const { kind, name, epoch, seq, ttlMs, body } = effect
    const hlc = this.#world.time.nowMs
    const record = this.#world.sealing.seal(this.id, { kind, name, epoch, seq, hlc, ttlMs, body })
    if (kind !== 'testimony') this.input({ type: 'record', record, ageMs: 0 })
    this.#world.publish(this, record)
  }

  #raiseEpoch(atLeast: number): void {
    const seconds = this.machine.bootSeconds(this.#world.time.nowMs)
    this.disk.epoch = epochAfter(this.disk.epoch, atLeast, seconds)
  }

  /** The daemon dies: its memory goes, disk and processes stay. */
  crash(): void {
    if (!this.up) return
    this.up = false
    this.online = false
    this.#loop?.die()
    this.#loop = undefined
    this.driver.daemonDied()
    this.#world.crashed(this)
  }

  peerUp(peer: string): void {
    this.input({ type: 'peer-up', peer, wallMs: this.#world.time.nowMs })
  }

  peerDown(peer: string): void {
    this.input({ type: 'peer-down', peer })
  }

  /** A control message came in. Records inside it become inputs of their own first, as in the daemon. */
  receive(from: string, { message, proof }: Arrived): void {
    // The daemon checks a hello before the core, which learns nothing from it.
    if (message.t === 'hello') return
    if (message.t === 'sync-records') {
      for (const { bytes, ageMs } of message.body.records) {
        this.input(this.#recordInput(this.#world.sealing.open(bytes, this.#world.time.nowMs), ageMs))
      }
    }
    this.input({ type: 'message', from, message, proof })
  }

  /** As in `node/inbound.ts`. */
  #recordInput(record: VerifiedRecord, ageMs: number): MeshInput {
    return { type: 'record', record, ageMs, statedAgeMs: statedAgeMs(record.hlc, this.#world.time.nowMs) }
  }

  /** A record came by gossip. @returns whether it is to be forwarded */
  receiveGossip(record: VerifiedRecord): boolean {
    const effects = this.input(this.#recordInput(record, 0)) ?? []
    return effects.some((effect) => effect.type === 'fate' && effect.fate === 'accept')
  }
}

/** What an input is about: `message:award`, `run-ended`, … */
function kindOf(input: MeshInput): string {
  return input.type === 'message' ? `message:${input.message.t}` : input.type
}
