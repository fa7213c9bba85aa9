/**
 * The network between simulated nodes: datagrams that get lost, copied and overtaken, streams that are late when
 * segments are lost, and gossip over a random overlay of such streams.
 */
import type { Rng } from '../../../src/util/rng.ts'

/** A lost segment is sent again after so long, and then after twice that (Linux: at least 200 ms). */
const FIRST_RETRANSMIT_MS = 200
const MOST_RETRANSMIT_MS = 6_400
/** A node passes gossip on at its next tick. */
const TICK_MS = 50
/** Neighbours of a node in the gossip's overlay. */
const DEGREE = 6

/** What gossip has to know of a node. */
export interface Relay {
  readonly up: boolean
  readonly pausedUntilMs: number
}

export class Network {
  readonly size: number
  /** Share of datagrams and segments lost, each by itself. */
  loss = 0
  /** Share of datagrams that arrive twice, and that are held up by up to 200 ms. */
  copies = 0
  late = 0
  /** Nodes none of whose packets pass. */
  readonly silent: boolean[]
  /** Ways that are shut: `from * size + to`. */
  readonly shut = new Set<number>()
  #rng: Rng
  #delaysMs: Float64Array
  /** When the last segment of a stream arrived: none overtakes it. */
  #arrivedMs: Float64Array
  #neighbours: number[][] = []

  constructor(size: number, rng: Rng, farMs: number) {
    this.size = size
    this.#rng = rng
    this.silent = Array.from({ length: size }, () => false)
    this.#arrivedMs = new Float64Array(size * size)
    this.#delaysMs = new Float64Array(size * size)
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < a; b++) {
        const delayMs = 0.3 + rng.next() * farMs
        this.#delaysMs[a * size + b] = delayMs
        this.#delaysMs[b * size + a] = delayMs
      }
    }
    this.weave(Array.from({ length: size }, () => true))
  }

  isOpen(from: number, to: number): boolean {
    return !this.silent[from] && !this.silent[to] && !this.shut.has(from * this.size + to)
  }

  /** Whether a stream between the two can make progress. */
  isOpenBothWays(a: number, b: number): boolean {
    return this.isOpen(a, b) && this.isOpen(b, a)
  }

  /** One way, milliseconds, some of it by chance. */
  delayMs(from: number, to: number): number {
    return this.#delaysMs[from * this.size + to]! * (1 + 0.3 * this.#rng.next())
  }

  /** After how long a datagram arrives; Infinity when it is lost. */
  datagramMs(from: number, to: number): number {
    const rng = this.#rng
    if (!this.isOpen(from, to) || rng.next() < this.loss) return Infinity
    const delayMs = this.delayMs(from, to)
    return this.late > 0 && rng.next() < this.late ? delayMs + 200 * rng.next() : delayMs
  }

  /** After how long it arrives once more, having arrived after `delayMs`; Infinity when it does not. */
  copyMs(delayMs: number): number {
    return this.copies > 0 && this.#rng.next() < this.copies ? delayMs + 50 * this.#rng.next() : Infinity
  }

  /** Delay of a segment with its retransmissions; they pass as long as the way is open. */
  segmentMs(from: number, to: number, firstMs = FIRST_RETRANSMIT_MS): number {
    let delayMs = this.delayMs(from, to)
    for (let waitMs = firstMs; this.loss > 0 && this.#rng.next() < this.loss;) {
      delayMs += waitMs
      waitMs = Math.min(2 * waitMs, MOST_RETRANSMIT_MS)
    }
    return delayMs
  }

  /** Makes the overlay anew among those who are up, each with a few neighbours. */
  weave(up: readonly boolean[]): void {
    const alive = up.flatMap((isUp, index) => (isUp ? [index] : []))
    const sets = Array.from({ length: this.size }, () => new Set<number>())
    const join = (a: number, b: number): void => {
      if (a === b) return
      sets[a]!.add(b)
      sets[b]!.add(a)
    }
    // Rings through everybody in random order: connected, and of even degree.
    for (let ring = 0; ring < DEGREE / 2; ring++) {
      this.#rng.shuffle(alive)
      alive.forEach((index, place) => join(index, alive[(place + 1) % alive.length]!))
    }
    this.#neighbours = sets.map((set) => [...set])
  }

  /** When a message that `origin` gossips now arrives at each node; Infinity where it does not. Dijkstra. */
  spread(origin: number, nowMs: number, relays: readonly Relay[]): Float64Array {
    const { size } = this
    const atMs = new Float64Array(size).fill(Infinity)
    const queue: [number, number][] = [[nowMs, origin]]
    atMs[origin] = nowMs
    while (queue.length > 0) {
      const [reachedMs, node] = pop(queue)
      if (reachedMs > atMs[node]! || !relays[node]!.up) continue
      // A paused process passes on what it has when it runs again.
      const fromMs = Math.max(reachedMs, relays[node]!.pausedUntilMs) + this.#rng.next() * TICK_MS
      for (const next of this.#neighbours[node]!) {
        if (!relays[next]!.up || atMs[next]! <= fromMs || !this.isOpenBothWays(node, next)) continue
        const stream = node * size + next
        const arrivedMs = Math.max(fromMs + this.segmentMs(node, next), this.#arrivedMs[stream]!)
        this.#arrivedMs[stream] = arrivedMs
        if (arrivedMs >= atMs[next]!) continue
        atMs[next] = arrivedMs
        push(queue, [arrivedMs, next])
      }
    }
    return this.#pull(atMs, relays)
  }

  /** Whoever is cut off only because its neighbours are gone asks somebody else at the next heartbeats. */
  #pull(atMs: Float64Array, relays: readonly Relay[]): Float64Array {
    const reached = relays.flatMap(({ up }, index) => (up && atMs[index]! < Infinity ? [index] : []))
    relays.forEach(({ up }, index) => {
      if (!up || atMs[index]! < Infinity) return
      const from = reached.find((other) => this.isOpenBothWays(other, index))
      if (from !== undefined) atMs[index] = atMs[from]! + 1_000 + 1_500 * this.#rng.next()
    })
    return atMs
  }
}

function push(heap: [number, number][], item: [number, number]): void {
  let index = heap.length
  heap.push(item)
  while (index > 0) {
    const parent = (index - 1) >> 1
    if (item[0] >= heap[parent]![0]) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = item
}

function pop(heap: [number, number][]): [number, number] {
  const top = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return top
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && heap[child + 1]![0] < heap[child]![0]) child++
    if (heap[child]![0] >= last[0]) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
  return top
}
