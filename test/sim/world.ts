/**
 * One seed: machines, network, users, faults and checkers put together, run for a minute of virtual
 * time, healed, and watched until everything has come to rest.
 */
import type { MeshConfig, MeshEffect, MeshInput } from '../../src/mesh/types.ts'
import { isProbe } from '../../src/mesh/membership.ts'
import { isSigned, type ControlMessage } from '../../src/model/control.ts'
import type { TaskExit } from '../../src/model/task.ts'
import type { ContractState } from '../../src/negotiation/types.ts'
import { seededRng, type Rng } from '../../src/util/rng.ts'
import type { VerifiedRecord } from '../../src/wire/envelope.ts'
import type { allCheckers } from './checkers/all.ts'
import { Violation, type Checker, type SubmittedJob } from './checker.ts'
import { planCordons } from './cordons.ts'
import { healAll, planFaults } from './faults.ts'
import { planLiar } from './liar.ts'
import { Gossip } from './gossip.ts'
import { planRules, type HouseRules, type RulesPlan } from './house-rules.ts'
import { configOf, makeMachines } from './machines.ts'
import { Network } from './network.ts'
import { SimNode, type Surroundings } from './node.ts'
import { fastSealing, realSealing, type Arrived, type Sealing } from './sealing.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import { Workload } from './workload.ts'

export interface WorldOptions {
  readonly seed: number
  /** Real signatures and frames instead of fast ones. */
  readonly real: boolean
  /** How long users and faults are at it. */
  readonly lastsMs: number
  /** Events remembered for the trace. */
  readonly traceKept: number
  readonly checkers: typeof allCheckers
}

/** Any moment will do: 2027, so that epochs look like those of daemons. */
const START_MS = 1_800_000_000_000
/** After the healing everything has to come to rest within this time. */
const REST_WITHIN_MS = 300_000
const TICK_MS = 1_000
/** Added to a seed for what owners forbid in it. */
const RULES_SEED = 1_000_000_007
/** A frame to a peer without a link fails after a dial. */
const DIAL_FAILS_MS = 60
/** How late a repeated signed message may be. */
const LATE_MS = 4_000

/** Inputs that a trace does not show. */
const SILENT: ReadonlySet<string> = new Set(['record', 'wake', 'sample'])

export class World implements Surroundings {
  readonly time = new Timeline(START_MS)
  readonly sealing: Sealing
  readonly config: MeshConfig
  readonly trace: Trace
  readonly checkers: readonly Checker[]
  readonly nodes: readonly SimNode[]
  steps = 0
  messages = 0
  faults: string[] = []
  /** Those of the checkers that look at every step, and at every effect. */
  readonly #steppers: readonly Checker[]
  readonly #carriers: readonly Checker[]
  readonly #options: WorldOptions
  readonly #network: Network
  readonly #gossip: Gossip
  readonly #rng: Rng
  #repeatShare = 0

  constructor(options: WorldOptions) {
    this.#options = options
    const { seed } = options
    // Each part draws from a stream of its own, so that one more draw somewhere does not shift all others.
    const streams = seededRng(seed)
    const stream = () => seededRng(streams.int(2 ** 48))
    this.#rng = stream()
    this.sealing = options.real ? realSealing(() => this.time.nowMs) : fastSealing(seededRng(seed))
    this.config = configOf(this.#rng.next() < 0.6)
    this.trace = new Trace(START_MS, options.traceKept)
    const machines = makeMachines(stream(), 7 + this.#rng.int(3), (index) => this.sealing.idOf(index))
    // Apart from the streams: what owners forbid was added later, and is to shift nothing else of a seed.
    const ids = machines.map(({ id }) => id)
    const rules = planRules(seededRng(seed + RULES_SEED), ids, options.lastsMs)
    const capacities = new Map(machines.map(({ id, local }) => [id, local.capacity]))
    const rulesOf = (id: string): HouseRules => this.nodes.find((node) => node.id === id)!.rules
    this.checkers = options.checkers(this.config, capacities, rulesOf)
    this.#steppers = this.checkers.filter(({ step }) => step !== undefined)
    this.#carriers = this.checkers.filter(({ carried }) => carried !== undefined)
    this.nodes = machines.map((machine) => new SimNode(machine, this, stream(), rules.get(machine.id)!.first))
    this.#network = new Network(this.time, stream())
    this.nodes.forEach((node, index) => this.#network.join(node, this.nodes.slice(0, index)))
    this.#gossip = new Gossip(this.#network, stream())
    const lasts = { time: this.time, nodes: this.nodes, lastsMs: options.lastsMs }
    const workload = new Workload({
      ...lasts,
      rng: stream(),
      rules,
      submitted: (job) => this.#submitted(job),
      cancelled: (node, taskId) => this.#each((checker) => checker.cancelled?.(node.id, taskId, this.time.nowMs)),
    })
    workload.plan()
    for (const node of this.nodes) this.#planRules(node, rules.get(node.id)!)
    planCordons({ seed, ...lasts, note: (text) => this.#note(text) })
    planLiar({
      seed,
      ...lasts,
      sealing: this.sealing,
      note: (text) => this.#note(text),
      spread: (at, record) => this.spread(at, record),
    })
    this.#plan = planFaults({
      ...lasts,
      rng: stream(),
      network: this.#network,
      lostAfterMs: this.config.negotiation.lostAfterMs,
      note: (text) => this.#note(text),
      setRepeats: (share) => this.#setRepeats(share),
      cancel: (submitter, taskId) => workload.cancel(submitter, taskId),
    })
  }

  /** Owners change what they let run. */
  #planRules(node: SimNode, { later }: RulesPlan): void {
    for (const { atMs, rules } of later) {
      this.time.after(atMs, () => {
        this.#note(`${node.id} lets run from now on: ${rules.says}`)
        node.rule(rules)
      })
    }
  }

  readonly #plan: { readonly endsAtMs: number }

  /** Runs the seed to its end. @throws Violation at the first broken rule, or what the core threw */
  run(): void {
    for (const node of this.nodes) {
      this.time.after(this.#rng.int(1_500), () => {
        if (!node.up) node.boot()
      })
    }
    this.#runTo(() => this.time.nowMs >= START_MS + this.#options.lastsMs && this.time.nowMs >= this.#plan.endsAtMs)
    this.#note('everything heals')
    healAll({ network: this.#network, nodes: this.nodes, setRepeats: (share) => this.#setRepeats(share) })
    const giveUpMs = this.time.nowMs + REST_WITHIN_MS
    this.#runTo(() => this.#pending() === undefined || this.time.nowMs >= giveUpMs)
    const pending = this.#pending()
    if (pending) throw new Violation(pending.checker, `${REST_WITHIN_MS / 1000} s after the healing: ${pending.what}`)
  }

  #runTo(done: () => boolean): void {
    while (!done()) {
      this.time.runUntil(this.time.nowMs + TICK_MS)
      this.#each((checker) => checker.tick?.(this.nodes, this.time.nowMs))
    }
  }

  #pending(): { checker: string; what: string } | undefined {
    for (const checker of this.checkers) {
      const what = checker.pending?.(this.nodes, this.time.nowMs)
      if (what !== undefined) return { checker: checker.name, what }
    }
    return undefined
  }

  #each(tell: (checker: Checker) => void): void {
    for (const checker of this.checkers) tell(checker)
  }

  #note(text: string): void {
    this.faults.push(text)
    this.trace.add(this.time.nowMs, '', { note: text })
  }

  #setRepeats(share: number): void {
    this.#repeatShare = share
    this.#gossip.repeatShare = share
  }

  #submitted(job: SubmittedJob): void {
    this.#each((checker) => checker.submitted?.(job))
  }

  booted(node: SimNode): void {
    this.#gossip.forget(node.id)
    this.#each((checker) => checker.boot?.(node.id, this.time.nowMs))
  }

  online(node: SimNode): void {
    this.#network.nodeOnline(node.id)
  }

  crashed(node: SimNode): void {
    this.trace.add(this.time.nowMs, node.id, { note: 'daemon is gone' })
    this.#network.nodeDown(node.id)
    this.#each((checker) => checker.crash?.(node.id, this.time.nowMs))
  }

  stepped(node: SimNode, input: MeshInput, effects: readonly MeshEffect[]): void {
    this.steps++
    const { nowMs } = this.time
    if (!SILENT.has(input.type) && !(input.type === 'message' && isProbe(input.message)))
      this.trace.add(nowMs, node.id, { input })
    const seen = { node: node.id, input, effects, state: node.state, nowMs }
    for (const checker of this.#steppers) checker.step!(seen)
  }

  carried(node: SimNode, effect: MeshEffect): void {
    const { nowMs } = this.time
    if (effect.type === 'fate') return
    this.trace.add(nowMs, node.id, { effect })
    for (const checker of this.#carriers) checker.carried!(node.id, effect, nowMs, node.disk)
    if (effect.type === 'send') this.#send(node, effect.to, effect.message)
    else if (effect.type === 'fetch-output') this.#fetchOutput(node, effect, node.boots, 4)
    else if (effect.type === 'probe') this.#probe(node, effect)
    else if (effect.type === 'dial') this.#dial(node, effect.peer)
  }

  publish(node: SimNode, record: VerifiedRecord): void {
    this.#gossip.publish(node, record, (id) => this.nodes.find((other) => other.id === id)!)
  }

  /** A record comes to a node from outside, and goes on as any other. */
  spread(node: SimNode, record: VerifiedRecord): void {
    if (node.online && node.receiveGossip(record)) this.publish(node, record)
  }

  launched(node: SimNode, contract: ContractState): void {
    this.trace.add(this.time.nowMs, node.id, { note: `process of ${contract.runId} runs` })
    this.#each((checker) => checker.launched?.(node.id, contract, this.time.nowMs))
  }

  ended(node: SimNode, contract: ContractState, exit: TaskExit): void {
    this.#each((checker) => checker.ended?.(node.id, contract, exit, this.time.nowMs))
  }

  #send(from: SimNode, to: string, message: ControlMessage): void {
    this.messages++
    const arrived = this.sealing.transfer(from.id, message)
    const target = this.nodes.find(({ id }) => id === to)!
    // To itself a node speaks at once, behind the step under way.
    if (to === from.id) return target.receive(from.id, arrived)
    const { boots } = target
    const arrive = (what: Arrived) => (): void => {
      // A new daemon does not hear what was said to the one before.
      if (target.boots === boots && target.online) target.receive(from.id, what)
    }
    if (!this.#network.send(from.id, to, arrive(arrived))) {
      const { boots: senderBoots } = from
      this.time.after(1 + this.#rng.int(DIAL_FAILS_MS), () => {
        if (from.boots === senderBoots) from.input({ type: 'unreachable', node: to, reason: 'connection refused' })
      })
    } else if (this.#rng.next() < this.#repeatShare) {
      const again = this.sealing.transfer(from.id, message)
      const repeat = (): void => void this.#network.send(from.id, to, arrive(again))
      // Signed messages may be repeated much later: a second stream to the same peer knows no order with the first.
      this.time.after(isSigned(message.t) ? this.#rng.int(LATE_MS) : 0, repeat)
    }
  }

  #probe(from: SimNode, { to, message }: MeshEffect & { type: 'probe' }): void {
    const target = this.nodes.find(({ id }) => id === to)!
    const { boots } = target
    this.#network.datagram(from.id, to, () => {
      if (target.boots === boots && target.online) target.input({ type: 'message', from: from.id, message })
    })
  }

  #dial(from: SimNode, peer: string): void {
    const { boots } = from
    this.#network.dialled(
      from.id,
      this.nodes.find(({ id }) => id === peer)!,
      (how) => {
        if (from.boots === boots) from.input({ type: 'dial-failed', peer, refused: how === 'refused' })
      },
    )
  }

  /** Brings an output bundle over, with as many tries as `Runner` makes. */
  #fetchOutput(node: SimNode, effect: MeshEffect & { type: 'fetch-output' }, boots: number, tries: number): void {
    this.time.after(5 + this.#rng.int(2_500), () => {
      if (!node.up || node.boots !== boots) return
      const { taskId, node: source, runId } = effect
      const host = this.nodes.find(({ id }) => id === source)!
      const ok = host.up && host.driver.hasOutput(runId) && this.#network.linked(node.id, source)
      if (!ok && tries > 1) this.#fetchOutput(node, effect, boots, tries - 1)
      else node.input({ type: 'output-fetched', taskId, ok })
    })
  }
}
