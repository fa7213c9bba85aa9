/**
 * Members that place themselves: the real membership core in virtual time, over a matrix of round trips. Everybody
 * stays alive; what matters here is who probes whom, what is lost, and how old a place is when it is used.
 */
import { DIMENSIONS, MAX_COORDINATE_MICROS, type Coordinate } from '../../../src/model/coordinate.ts'
import { createTopology, nextWakeMs } from '../../../src/topology/state.ts'
import { topologyStep } from '../../../src/topology/step.ts'
import { coordinateOf, pointOf } from '../../../src/topology/coordinates/told.ts'
import type { Point } from '../../../src/topology/coordinates/point.ts'
import type { TopologyInput, TopologyState } from '../../../src/topology/types.ts'
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import { Timeline } from '../timeline.ts'
import { makeMatrix, normal, type Matrix } from './matrix.ts'

/** As the daemon beats, jittered by a tenth; a heartbeat needs a while to reach everybody. */
const BEAT_MS = 10_000
const GOSSIP_MS = 300
/** Links of the gossip's overlay, besides those to the watched and the watchers. */
const OVERLAY_RINGS = 3
/** Mean wait in queues of machines and programs, of which the usual round trip has the median. */
const QUEUE_MS = 0.1
const EPOCH = 1_800_000_000

export interface WorldOptions {
  readonly seed: number
  readonly size: number
  /** Share of probes that get no answer. @default 0.01 */
  readonly loss?: number
  /** Standard deviation of the logarithm of a sample's factor. @default 0.1 */
  readonly jitter?: number
  /** Share of samples that take up to 100 ms longer. @default 0.02 */
  readonly late?: number
  /** Share of members that tell false places, another one each time, and of which they say to be certain. @default 0 */
  readonly liars?: number
}

interface Node {
  readonly index: number
  readonly id: string
  state: TopologyState
  wakeAtMs: number
  life: number
  readonly links: Set<number>
}

export class CoordinateWorld {
  readonly events = new Timeline(0)
  readonly matrix: Matrix
  readonly nodes: Node[]
  /** Datagrams sent, answers included. */
  datagrams = 0
  readonly #rng: Rng
  readonly #loss: number
  readonly #jitter: number
  readonly #late: number
  readonly #liars: number
  readonly #indexes = new Map<string, number>()

  constructor({ seed, size, loss = 0.01, jitter = 0.005, late = 0.02, liars = 0 }: WorldOptions) {
    this.#rng = seededRng(seed)
    this.#loss = loss
    this.#jitter = jitter
    this.#late = late
    this.#liars = Math.round(liars * size)
    this.matrix = makeMatrix(size, this.#rng)
    this.nodes = Array.from({ length: size }, (_, index) => {
      const id = `12D3KooW${this.#rng.id(12)}`
      this.#indexes.set(id, index)
      return { index, id, state: createTopology(id), wakeAtMs: Infinity, life: 0, links: new Set<number>() }
    })
    for (const { index } of this.nodes) this.#boot(index)
    for (let ring = 0; ring < OVERLAY_RINGS; ring++) this.#weave()
  }

  /** The node's daemon starts anew and has forgotten where it was. */
  restart(index: number): void {
    const node = this.nodes[index]!
    node.state = createTopology(node.id)
    node.wakeAtMs = Infinity
    this.#boot(index)
    for (const peer of node.links) this.#give(index, { type: 'link-up', id: this.nodes[peer]!.id })
  }

  #boot(index: number): void {
    const node = this.nodes[index]!
    const life = ++node.life
    const pair = { epoch: EPOCH + life, incarnation: 0 }
    this.#give(index, { type: 'member', id: node.id, pair, host: node.id })
    for (const other of this.nodes) if (other !== node && other.life > 0) this.#tell(other, node)
    const beat = (): void => {
      if (node.life !== life) return
      for (const other of this.nodes) if (other !== node) this.#tell(node, other)
      this.events.after(BEAT_MS * (0.9 + this.#rng.next() / 10), beat)
    }
    this.events.after(1_000 * this.#rng.next(), beat)
  }

  /** A heartbeat, with the place its author has at this moment. */
  #tell(author: Node, to: Node): void {
    const { life, id, state } = author
    const coordinate = this.isLiar(author.index) ? this.#lie() : coordinateOf(state.placement)
    const point = coordinate && pointOf(coordinate)
    const input: TopologyInput = { type: 'member', id, pair: { epoch: EPOCH + life, incarnation: 0 }, host: id, point }
    this.events.after(GOSSIP_MS * this.#rng.next(), () => this.#give(to.index, input))
  }

  isLiar(index: number): boolean {
    return index >= this.nodes.length - this.#liars
  }

  #lie(): Coordinate {
    const far = (): number => Math.round(MAX_COORDINATE_MICROS * (2 * this.#rng.next() - 1))
    return { at: Array.from({ length: DIMENSIONS }, far), height: 0, adjustment: far(), error: 0 }
  }

  #weave(): void {
    const order = this.#rng.shuffle(this.nodes.map(({ index }) => index))
    order.forEach((index, place) => this.#link(index, order[(place + 1) % order.length]!))
  }

  #link(a: number, b: number): void {
    if (a === b || this.nodes[a]!.links.has(b)) return
    this.nodes[a]!.links.add(b)
    this.nodes[b]!.links.add(a)
    this.#give(a, { type: 'link-up', id: this.nodes[b]!.id })
    this.#give(b, { type: 'link-up', id: this.nodes[a]!.id })
  }

  #give(index: number, input: TopologyInput): void {
    const node = this.nodes[index]!
    for (const effect of topologyStep(node.state, input, this.events.nowMs, this.#rng)) {
      if (effect.type === 'ping') this.#ping(node, this.#indexes.get(effect.to)!, effect.nonce)
      else if (effect.type === 'keep-links') for (const id of effect.ids) this.#link(index, this.#indexes.get(id)!)
    }
    this.#planWake(node)
  }

  #ping(from: Node, to: number, nonce: number): void {
    this.datagrams += 2
    if (this.#rng.next() < this.#loss) return
    const rttMs = this.#sampleMs(from.index, to)
    const { life } = from
    this.events.after(rttMs, () => {
      if (from.life === life) this.#give(from.index, { type: 'pong', from: this.nodes[to]!.id, nonce, rttMs })
    })
  }

  #sampleMs(a: number, b: number): number {
    const usualMs = this.matrix.usualMs(a, b)
    const waitedMs = QUEUE_MS * (-Math.log(1 - this.#rng.next()) - Math.LN2)
    const rttMs = Math.max(usualMs * Math.exp(this.#jitter * normal(this.#rng)) + waitedMs, 0.8 * usualMs)
    return this.#rng.next() < this.#late ? rttMs + 100 * this.#rng.next() : rttMs
  }

  #planWake(node: Node): void {
    const nextMs = nextWakeMs(node.state)
    if (nextMs === undefined || nextMs >= node.wakeAtMs) return
    const atMs = Math.max(Math.ceil(nextMs), this.events.nowMs)
    node.wakeAtMs = atMs
    const { life } = node
    this.events.at(atMs, () => {
      if (node.life !== life || node.wakeAtMs !== atMs) return
      node.wakeAtMs = Infinity
      this.#give(node.index, { type: 'wake' })
    })
  }

  /** Where a node says it is. */
  pointOf(index: number): Point {
    return this.nodes[index]!.state.placement.point
  }
}
