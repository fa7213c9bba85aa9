/**
 * gossipsub among all members, record by record: who sends whom a copy, when it arrives, and what it takes. A record
 * spreads in one go, since records do not hold each other up; only those who listen hear of it at its time.
 *
 * As in libp2p's gossipsub: whoever gets a record first passes it on to its mesh, but to those from whom it has come
 * meanwhile; once a second each tells up to six others what it has got within three seconds (IHAVE), and who lacks
 * something asks for it (IWANT).
 */
import { WHOLE } from '../../../src/model/ward.ts'
import type { Topic } from '../../../src/peer/peer.ts'
import type { Rng } from '../../../src/util/rng.ts'
import { GossipMesh } from './gossip-mesh.ts'
import type { Meter, TrafficKind } from './meter.ts'
import type { Overlay } from './overlay.ts'
import { TimeHeap } from './time-heap.ts'
import { ihaveBytes, iwantBytes, recordBytes, type StreamBytes } from './wire-sizes.ts'

/** One way through a local network. */
export const LAN_MS = { least: 0.1, most: 0.5 } as const
/** From a record's arrival until it goes on: reading, verifying, merging, waiting for the process to get to it. */
export const HOP_MS = { least: 1, most: 5 } as const
/** Of that, until the process has read it. */
const READ_SHARE = 0.5
/** IHAVE tells of records that came within so long, three of gossipsub's heartbeats, to so many others. */
const TOLD_MS = 3_000
const LAZY_DEGREE = 6
const LAZY_SHARE = 0.25

/** Digests have one topic, to which not everybody listens. */
export const DIGESTS = 'digests'

/** How a ward's topics are named here: those of the whole mesh by nothing. */
export function inMesh(ward: string): string | undefined {
  return ward === WHOLE ? undefined : ward
}

/** A record that spreads. */
interface Spread {
  readonly mesh: GossipMesh
  readonly kind: TrafficKind
  readonly bytes: StreamBytes
  /** When it has arrived at each. */
  readonly atMs: Float64Array
  readonly hear: (index: number, atMs: number) => void
}

export interface GossipsubOptions {
  readonly size: number
  readonly cluster: string
  readonly overlay: Overlay
  readonly rng: Rng
  readonly meter: Meter
}

export class Gossipsub {
  readonly #options: GossipsubOptions
  /** By topic and ward. */
  readonly #meshes = new Map<string, GossipMesh>()
  readonly #heap = new TimeHeap()
  readonly #isDone: Uint8Array
  readonly #goesOnMs: Float64Array
  readonly #source: Int32Array
  #recent: Spread[] = []

  constructor(options: GossipsubOptions) {
    this.#options = options
    const { size } = options
    for (const topic of ['records', 'pulse'] as const) this.meshOf(topic)
    this.#isDone = new Uint8Array(size)
    this.#goesOnMs = new Float64Array(size)
    this.#source = new Int32Array(size)
  }

  /** That of the whole mesh, or of a ward: made when it is first asked for. */
  meshOf(topic: Topic, ward?: string): GossipMesh {
    const key = `${topic} ${ward ?? ''}`
    const known = this.#meshes.get(key)
    if (known !== undefined) return known
    const mesh = new GossipMesh(topic, ward, this.#options.size, this.#options)
    this.#meshes.set(key, mesh)
    return mesh
  }

  /** From now on a member listens to these wards, and to digests, and to no others. */
  listen(index: number, wards: readonly string[], digests: boolean): void {
    for (const ward of wards) for (const topic of ['records', 'pulse'] as const) this.meshOf(topic, inMesh(ward))
    if (digests) this.meshOf('digests', DIGESTS)
    for (const mesh of this.#meshes.values()) {
      mesh.listen(index, mesh.topic === 'digests' ? digests : wards.includes(mesh.ward ?? WHOLE))
    }
  }

  /** A link is gone. */
  drop(a: number, b: number): void {
    for (const mesh of this.#meshes.values()) mesh.drop(a, b)
  }

  /** Spreads a record of so many bytes. `hear` is told who will have taken it when, its author aside. */
  publish(
    origin: number,
    {
      topic,
      ward,
      kind,
      bytes,
      nowMs,
    }: { topic: Topic; ward?: string; kind: TrafficKind; bytes: number; nowMs: number },
    hear: Spread['hear'],
  ): void {
    const { size, cluster } = this.#options
    const atMs = new Float64Array(size).fill(Infinity)
    const mesh = this.meshOf(topic, ward)
    const spread: Spread = { mesh, kind, bytes: recordBytes(cluster, topic, ward, bytes), atMs, hear }
    this.#run(spread, origin, nowMs)
    this.#recent.push(spread)
    atMs.forEach((arrivedMs, index) => {
      if (index !== origin && arrivedMs < Infinity) hear(index, this.#goesOnMs[index]!)
    })
  }

  #run(spread: Spread, origin: number, nowMs: number): void {
    const { atMs, mesh } = spread
    this.#isDone.fill(0)
    atMs[origin] = nowMs
    this.#goesOnMs[origin] = nowMs
    this.#source[origin] = -1
    this.#heap.push(nowMs, origin)
    for (let from = this.#heap.pop(); from !== undefined; from = this.#heap.pop()) {
      if (this.#isDone[from] === 1) continue
      this.#isDone[from] = 1
      const targets = from === origin ? mesh.publishesTo(from) : mesh.peersOf(from)
      for (const to of targets) this.#send(spread, from, to)
    }
  }

  #send({ atMs, kind, bytes }: Spread, from: number, to: number): void {
    const [sentMs, wayMs] = [this.#goesOnMs[from]!, this.#between(LAN_MS)]
    if (to === this.#source[from]) return
    // It has come from there as well by now, and was read.
    const readMs = wayMs + READ_SHARE * this.#between(HOP_MS)
    if (this.#isDone[to] === 1 && this.#goesOnMs[to]! + readMs <= sentMs) return
    this.#options.meter.frame(kind, from, to, bytes)
    if (sentMs + wayMs >= atMs[to]!) return
    atMs[to] = sentMs + wayMs
    this.#source[to] = from
    this.#goesOnMs[to] = sentMs + wayMs + this.#between(HOP_MS)
    this.#heap.push(this.#goesOnMs[to], to)
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#options.rng.next()
  }

  /** The second that ends now, of every member: its meshes are looked after, and it tells others what it has. */
  second(nowMs: number): void {
    const { size, overlay, rng } = this.#options
    this.#recent = this.#recent.filter(({ atMs }) => atMs.some((at) => at < Infinity && at > nowMs - 2 * TOLD_MS))
    for (let index = 0; index < size; index++) {
      if (!overlay.isUp(index)) continue
      const beatMs = nowMs - 1_000 * rng.next()
      for (const mesh of this.#meshes.values()) {
        if (!mesh.listens(index)) continue
        mesh.maintain(index)
        this.#tell(mesh, index, beatMs)
      }
    }
  }

  #tell(mesh: GossipMesh, index: number, nowMs: number): void {
    const { cluster, meter } = this.#options
    const told = this.#recent.filter(
      (spread) => spread.mesh === mesh && spread.atMs[index]! <= nowMs && spread.atMs[index]! > nowMs - TOLD_MS,
    )
    if (told.length === 0) return
    const others = mesh.others(index)
    const words = ihaveBytes(cluster, mesh.topic, mesh.ward, told.length)
    for (const other of others.slice(0, Math.max(LAZY_DEGREE, Math.floor(LAZY_SHARE * others.length)))) {
      meter.frame('control', index, other, words)
      const heardMs = nowMs + this.#between(LAN_MS)
      const lacking = told.filter(({ atMs }) => atMs[other]! > heardMs)
      if (lacking.length > 0) meter.frame('control', other, index, iwantBytes(lacking.length))
      for (const spread of lacking) this.#supply(spread, index, other, heardMs)
    }
  }

  #supply(spread: Spread, from: number, to: number, askedMs: number): void {
    this.#options.meter.frame(spread.kind, from, to, spread.bytes)
    const atMs = askedMs + this.#between(HOP_MS) + 2 * LAN_MS.most
    const isFirst = spread.atMs[to] === Infinity
    spread.atMs[to] = Math.min(spread.atMs[to]!, atMs)
    if (isFirst) spread.hear(to, atMs)
  }
}
