/** Simulated nodes, each with the real core, in virtual time; and everything that can be done to them. */
import { createTopology, nextWakeMs } from '../../../src/topology/state.ts'
import { topologyStep } from '../../../src/topology/step.ts'
import type { Pair, TopologyConfig, TopologyEffect, TopologyInput } from '../../../src/topology/types.ts'
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import type { Checker, Truth, WorldView } from './checker.ts'
import { Timeline } from '../timeline.ts'
import { Beats } from './beats.ts'
import { LEASES_UP_TO, Mesh } from './mesh.ts'
import { Network } from './network.ts'
import { newNode, type Node } from './node.ts'

const BEAT_MS = 10_000
/** Links that are wanted and not there are dialled again, and leases looked at. */
const REDIAL_MS = 5_000

export interface WorldOptions {
  readonly seed: number
  readonly size: number
  /** Members per machine. @default 1 */
  readonly perHost?: number
  /** Most delay of a link, one way. @default 20 */
  readonly farMs?: number
  readonly config?: Partial<TopologyConfig>
  readonly checkers?: readonly Checker[]
  readonly gentle?: boolean
  /** Lets nodes take heartbeats that are no news to them, too. @default where a checker looks, or leases run */
  readonly everyBeat?: boolean
}

export class World implements WorldView {
  readonly events = new Timeline(0)
  readonly rng: Rng
  readonly network: Network
  readonly nodes: Node[] = []
  readonly openSinceMs: number[]
  readonly gentle: boolean
  healedMs = 0
  faultsMs: [last: number, before: number] = [-Infinity, -Infinity]
  worstLoss = 0
  steps = 0
  /** Told of every effect, after the checkers. */
  onEffect: (node: Truth, effect: TopologyEffect) => void = () => {}
  readonly checkers: readonly Checker[]
  #config: Partial<TopologyConfig>
  #indexes = new Map<string, number>()
  #mesh: Mesh = new Mesh(this)
  /** Undefined where nodes take every heartbeat. */
  #beats: Beats | undefined

  constructor(options: WorldOptions) {
    const { seed, size, perHost = 1, farMs = 20, config = {}, checkers = [], gentle = false } = options
    const { everyBeat = checkers.length > 0 || size <= LEASES_UP_TO } = options
    this.#beats = everyBeat ? undefined : new Beats(size)
    this.rng = seededRng(seed)
    this.network = new Network(size, this.rng, farMs)
    this.openSinceMs = Array.from({ length: size }, () => 0)
    this.checkers = checkers
    this.#config = config
    this.gentle = gentle
    for (let index = 0; index < size; index++) {
      const id = `12D3KooW${this.rng.id(12)}`
      this.#indexes.set(id, index)
      this.nodes.push(newNode(index, id, { size, perHost, config, world: this }))
    }
    for (const { index } of this.nodes) this.events.at(this.rng.next() * 1_000, () => this.boot(index))
    this.#every(1_000, () => this.checkers.forEach((checker) => checker.tick?.(this)))
    this.#every(REDIAL_MS, () => this.#mesh.keepLinks())
  }

  get nowMs(): number {
    return this.events.nowMs
  }

  get loss(): number {
    return this.network.loss
  }

  indexOf(id: string): number {
    return this.#indexes.get(id) ?? -1
  }

  isOpen(index: number): boolean {
    return !this.network.silent[index]
  }

  #every(intervalMs: number, run: () => void): void {
    this.events.after(intervalMs, () => {
      run()
      this.#every(intervalMs, run)
    })
  }

  // Faults

  boot(index: number): void {
    const node = this.nodes[index]!
    if (node.up) return
    Object.assign(node, {
      up: true,
      leaving: false,
      life: node.life + 1,
      epoch: node.epoch + 1,
      state: createTopology(node.id, this.#config),
      sinceMs: this.nowMs,
      pausedSinceMs: this.nowMs,
      pausedUntilMs: this.nowMs,
      wakeAtMs: Infinity,
    })
    node.clock.restart()
    node.beats.fill(node.clock.nowMs())
    this.#beats?.forgetAll(index)
    this.#changed(index)
    this.#weave()
    this.give(index, { type: 'member', id: node.id, pair: this.#mesh.pairOf(index), host: node.host })
    this.#mesh.sync(index)
    this.#mesh.gossipPair(index)
    const { life } = node
    const beat = (): void => {
      if (!node.up || node.life !== life) return
      // One that stands still says it when it runs again.
      if (node.pausedUntilMs > this.nowMs) return this.events.at(node.pausedUntilMs, beat)
      this.#mesh.beat(index)
      this.events.after(node.clock.lastsMs(BEAT_MS), beat)
    }
    this.events.after(this.rng.next() * BEAT_MS, beat)
  }

  /** As by kill -9: the kernel closes its sockets. */
  kill(index: number): void {
    const node = this.nodes[index]!
    if (!node.up) return
    Object.assign(node, { up: false, sinceMs: this.nowMs })
    node.inbox.length = 0
    node.wanted.clear()
    for (const peer of node.links) this.#mesh.closed(index, peer)
    node.links.clear()
    this.#changed(index)
    this.events.after(3_000, () => this.#weave())
  }

  /** Says goodbye, and ends a little later. */
  leave(index: number): void {
    const node = this.nodes[index]!
    const { id } = node
    node.leaving = true
    this.#mesh.take(index, { type: 'member-left', id, pair: { ...this.#mesh.pairOf(index) } })
    this.#mesh.gossip(index, { type: 'member-left', id, pair: { ...this.#mesh.pairOf(index) } }, true)
    this.events.after(100 + 200 * this.rng.next(), () => this.kill(index))
  }

  /** None of its packets pass any more, or they do again. */
  setSilent(index: number, silent: boolean): void {
    if (this.network.silent[index] === silent) return
    this.network.silent[index] = silent
    this.openSinceMs[index] = this.nowMs
    this.#changed(index)
  }

  /** The process stands still; what comes waits in its sockets. */
  pause(index: number, lastsMs: number): void {
    const node = this.nodes[index]!
    const untilMs = this.nowMs + lastsMs
    if (!node.up || untilMs <= node.pausedUntilMs) return
    node.pausedSinceMs = this.nowMs
    node.pausedUntilMs = untilMs
    const { life } = node
    this.events.at(untilMs, () => {
      if (node.life !== life || !node.up || node.pausedUntilMs !== untilMs) return
      const inbox = node.inbox.splice(0)
      // The runtime may come to its timers first, or to its sockets.
      const atTimers = this.rng.next() < 0.7 ? 0 : this.rng.int(inbox.length + 1)
      inbox.forEach((input, place) => {
        if (place === atTimers) this.give(index, { type: 'wake' })
        this.give(index, input)
      })
      if (atTimers === inbox.length) this.give(index, { type: 'wake' })
    })
  }

  /** Its clock goes faster or slower from now on. */
  drift(index: number, rate: number): void {
    this.nodes[index]!.clock.drift(rate)
    this.#replanWake(index)
  }

  /** Its wall clock is set, so far ahead of the true time. */
  setWall(index: number, aheadMs: number): void {
    this.nodes[index]!.clock.set(aheadMs)
    this.#replanWake(index)
  }

  setLoss(loss: number): void {
    this.network.loss = loss
    this.worstLoss = Math.max(this.worstLoss, loss)
  }

  /** Shuts ways, or opens all again. */
  shut(ways: readonly (readonly [number, number])[]): void {
    for (const [from, to] of ways) this.network.shut.add(from * this.network.size + to)
    if (ways.length > 0) this.healedMs = Infinity
  }

  heal(): void {
    if (this.network.shut.size > 0) this.healedMs = this.nowMs
    this.network.shut.clear()
  }

  /** The stream between two ends for no reason. */
  breakLink(a: number, b: number): void {
    this.#mesh.breakLink(a, b)
  }

  /** Signs and gossips something, true or not. */
  testify(index: number, testimony: Extract<TopologyInput, { type: 'testimony' }>): void {
    this.#mesh.gossip(index, testimony, true)
  }

  // The mesh

  #changed(index: number): void {
    this.checkers.forEach((checker) => checker.changed?.(this, index))
  }

  #weave(): void {
    this.network.weave(this.nodes.map(({ up }, index) => up && this.isOpen(index)))
  }

  /** Lets a node take an input now, and carries out what it asks for. */
  give(index: number, input: TopologyInput): void {
    const node = this.nodes[index]!
    if (!node.up) return
    if (input.type === 'ask' && node.errands !== 'honest') return this.#lie(node, input)
    if (input.type === 'ping') this.#mesh.answer(index, input)
    if (input.type === 'member') node.beats[this.indexOf(input.id)] = node.clock.nowMs()
    const effects = topologyStep(node.state, input, node.clock.nowMs(), this.rng)
    this.steps++
    if (input.type === 'member') {
      this.#beats?.taken(index, this.indexOf(input.id), input.pair, node.state.members.get(input.id))
    }
    for (const checker of this.checkers) checker.step?.(this, node, input, effects)
    for (const effect of effects) {
      this.#mesh.carry(node, effect)
      if (effect.type === 'verdict') this.#beats?.forget(index, this.indexOf(effect.id))
      this.onEffect(node, effect)
    }
    this.#planWake(node)
  }

  /** A node that lies on errands asks nobody. */
  #lie(node: Node, { from, subject, nonce }: Extract<TopologyInput, { type: 'ask' }>): void {
    if (node.errands === 'vouches') this.#mesh.carry(node, { type: 'answer-ask', to: from, subject, nonce })
  }

  isOldNews(to: number, from: number, pair: Pair): boolean {
    const node = this.nodes[to]!
    if (this.#beats?.isKnown(to, from, pair) !== true || !node.up || node.pausedUntilMs > this.nowMs) return false
    return this.#stepIdly(node)
  }

  /** Counts a step with an input that says nothing, unless something is due: that is done in any step. */
  #stepIdly(node: Node): boolean {
    if (this.#beats === undefined || (nextWakeMs(node.state) ?? Infinity) <= node.clock.nowMs()) return false
    this.steps++
    this.#planWake(node)
    return true
  }

  #replanWake(index: number): void {
    const node = this.nodes[index]!
    node.wakeAtMs = Infinity
    if (node.up) this.#planWake(node)
  }

  #planWake(node: Node): void {
    const ownMs = nextWakeMs(node.state)
    if (ownMs === undefined) return
    const nextMs = this.nowMs + node.clock.lastsMs(Math.max(0, ownMs - node.clock.nowMs()))
    if (nextMs >= node.wakeAtMs) return
    // Timers are a little late, always.
    const atMs = nextMs + 2 * this.rng.next()
    if (atMs >= node.wakeAtMs) return
    node.wakeAtMs = atMs
    const { life } = node
    this.events.at(atMs, () => {
      if (node.life !== life || node.wakeAtMs !== atMs) return
      node.wakeAtMs = Infinity
      // Often it has been answered meanwhile: what it would have been woken for is no longer due.
      if (node.pausedUntilMs <= this.nowMs && !(node.up && this.#stepIdly(node)))
        this.give(node.index, { type: 'wake' })
    })
  }
}
