/**
 * A mesh in virtual time, for what it says. Some members are daemons in full: the real `meshStep`, with a registry of
 * all. Of the others only what they say to everybody is simulated, their records and their part in gossip, since a
 * registry of ten thousand in each of ten thousand does not fit any machine. What is measured is measured at the full.
 */
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import type { MeshConfig } from '../../../src/mesh/types.ts'
import { DEGREE_TARGET } from '../../../src/peer/limits.ts'
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { Timeline } from '../timeline.ts'
import { carry, CONNECT_MS, routeOf } from './carrier.ts'
import { Daemon } from './daemon.ts'
import { DIGESTS, Gossipsub, inMesh } from './gossipsub.ts'
import { WHOLE } from '../../../src/model/ward.ts'
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import { Member } from './member.ts'
import { Meter } from './meter.ts'
import { Overlay } from './overlay.ts'
import { KEEPALIVE_BYTES, MUXER_PING_BYTES, type StreamBytes } from './wire-sizes.ts'

/** When a mesh begins: any day. */
const START_MS = 1_800_000_000_000
/** From a new link until gossip goes over it: identify, a stream of its own, and what each subscribes to. */
const GOSSIP_READY_MS = { least: 20, most: 60 } as const
/** After so long, ±25 %, whoever has too few links dials up to so many (`peer/degree.ts`). */
const DEGREE_POKE_MS = 100
const DIALS_PER_ROUND = 4
/** A control stream on which nothing is said carries an empty frame each way this often (`peer/limits.ts`). */
const KEEPALIVE_S = 10
/** Each end of a connection pings the other this often (@libp2p/yamux, `keepAliveInterval`). */
const MUXER_PING_S = 30

export interface WorldOptions {
  readonly seed: number
  /** Members at the beginning. */
  readonly size: number
  /** So many of them are daemons in full, the first ones. */
  readonly full: number
  /** Members that may come later. @default 0 */
  readonly spare?: number
  /** How it is cut into wards. @default it never is */
  readonly wards?: WardConfig
  /** Keys of the members, in their order. @default as many as there are */
  readonly keys?: readonly number[]
  /** The zone that a machine is labelled with. @default none is */
  readonly zoneOf?: (index: number) => string | undefined
}

export class World {
  readonly time = new Timeline(START_MS)
  readonly rng: Rng
  readonly config: MeshConfig
  readonly size: number
  readonly full: number
  readonly members: readonly Member[]
  readonly meter: Meter
  readonly overlay: Overlay
  readonly gossip: Gossipsub
  /** Those in full that run, by index. */
  readonly daemons = new Map<number, Daemon>()
  /** What is said of wards by those who are not simulated in full; see `parted.ts`. */
  digestsNow: () => { record: VerifiedRecord; ageMs: number }[] = () => []
  /** Called with each link that stands, once its ends know. */
  onStands: (a: number, b: number) => void = () => {}
  /** Called for each record that a full daemon has taken. */
  onTaken: (index: number, record: VerifiedRecord) => void = () => {}
  /** Whose gossip somebody takes, */
  readonly #isHeard = new Set<number>()
  /** and what others have published meanwhile. */
  readonly #held = new Map<number, { record: VerifiedRecord; ward: string }[]>()
  /** Those who will look soon whether they have links enough. */
  readonly #poked = new Set<number>()
  readonly #indexes = new Map<string, number>()
  readonly #records = new WeakMap<Uint8Array, VerifiedRecord>()

  constructor({ seed, size, full, spare = 0, wards, keys, zoneOf }: WorldOptions) {
    this.rng = seededRng(seed)
    this.config = { ...DEFAULT_MESH, cluster: 'traffic', ...(wards && { wards }) }
    this.size = size
    this.full = Math.min(full, size)
    const slots = size + spare
    this.members = Array.from({ length: slots }, (_, index) => new Member(index, keys?.[index], zoneOf?.(index)))
    this.members.forEach(({ id }, index) => this.#indexes.set(id, index))
    this.meter = new Meter(slots)
    this.overlay = new Overlay(slots, this.rng)
    const { rng, meter, overlay } = this
    this.gossip = new Gossipsub({ size: slots, cluster: this.config.cluster, overlay, rng, meter })
    overlay.onLink = (a, b, stands) => this.#linkChanged(a, b, stands)
    this.#eachSecond()
  }

  indexOf(id: string): number {
    return this.#indexes.get(id)!
  }

  recordOf(bytes: Uint8Array): VerifiedRecord {
    return this.#records.get(bytes)!
  }

  /** How many are there now. */
  countUp(): number {
    return this.members.reduce((count, { index }) => (this.overlay.isUp(index) ? count + 1 : count), 0)
  }

  between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.rng.next()
  }

  soon(delayMs: number, run: () => void): void {
    this.time.after(delayMs, run)
  }

  /** Whichever full daemon answers in place of a member that is not one. */
  standIn(asker: Daemon): Daemon | undefined {
    const others = [...this.daemons.values()].filter((one) => one !== asker && one.state.phase === 'ready')
    return others.length === 0 ? undefined : this.rng.pick(others)
  }

  /** A full daemon that has not been told to start. */
  makeDaemon(index: number): Daemon {
    const { config, rng, time } = this
    const member = this.members[index]!
    const daemon = new Daemon({ member, config, rng, time, carry: (from, effect) => carry(this, from, effect) })
    this.daemons.set(index, daemon)
    daemon.input({ type: 'adopted', runIds: new Set() })
    daemon.input({ type: 'passports', passports: [member.passport] })
    return daemon
  }

  /** Gossips a record of a member's own. */
  spread(index: number, record: VerifiedRecord, ward: string = WHOLE): void {
    this.note(record)
    if (!this.#isHeard.has(index)) {
      this.#held.set(index, [...(this.#held.get(index) ?? []), { record, ward }])
      return
    }
    const { topic, kind } = routeOf(record)
    const { nowMs } = this.time
    const by = inMesh(ward)
    const spread = { topic, kind, bytes: record.bytes.length, nowMs, ...(by !== undefined && { ward: by }) }
    this.gossip.publish(index, spread, (to, atMs) => {
      const daemon = this.daemons.get(to)
      if (daemon === undefined) return
      this.time.at(atMs, () => {
        daemon.take(record, 0, ward === DIGESTS ? undefined : ward)
        this.onTaken(to, record)
      })
    })
  }

  /** Others may get it by its bytes. */
  note(record: VerifiedRecord): void {
    this.#records.set(record.bytes, record)
  }

  /** What was published before there was anybody to hear it is told otherwise. */
  takeHeld(): VerifiedRecord[] {
    const held = [...this.#held.values()].flat().map(({ record }) => record)
    this.#held.clear()
    return held
  }

  #linkChanged(a: number, b: number, stands: boolean): void {
    if (!stands) this.gossip.drop(a, b)
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const peer = this.members[other]!.id
      this.daemons
        .get(one)
        ?.input(stands ? { type: 'peer-up', peer, wallMs: this.time.nowMs } : { type: 'peer-down', peer })
      if (stands && !this.#isHeard.has(one)) this.soon(this.between(GOSSIP_READY_MS), () => this.#firstHeard(one))
      if (this.overlay.linksOf(one).size === 0) this.#isHeard.delete(one)
      this.keepDegree(one)
    }
    if (stands) this.onStands(a, b)
  }

  /** The first of its neighbours takes its gossip now. */
  #firstHeard(index: number): void {
    if (this.overlay.linksOf(index).size === 0 || this.#isHeard.has(index)) return
    this.#isHeard.add(index)
    const held = this.#held.get(index)
    this.#held.delete(index)
    for (const { record, ward } of held ?? []) this.spread(index, record, ward)
  }

  /** Dials more while there are too few links. */
  keepDegree(index: number): void {
    if (!this.overlay.isShort(index) || this.#poked.has(index)) return
    this.#poked.add(index)
    this.soon(DEGREE_POKE_MS * (0.75 + this.rng.next() / 2), () => {
      this.#poked.delete(index)
      if (!this.overlay.isUp(index) || !this.overlay.isShort(index)) return
      const daemon = this.daemons.get(index)
      if (daemon === undefined) return this.overlay.fill(index)
      const links = this.overlay.linksOf(index)
      const known = [...daemon.state.registry.authors.keys()]
        .map((id) => this.indexOf(id))
        .filter((other) => other !== index && this.overlay.isUp(other) && !links.has(other))
      const short = Math.min(DEGREE_TARGET - links.size, DIALS_PER_ROUND)
      for (const other of this.rng.shuffle(known).slice(0, short)) {
        this.soon(this.between(CONNECT_MS), () => this.overlay.link(index, other))
      }
      if (known.length > 0) this.keepDegree(index)
    })
  }

  #eachSecond(): void {
    let seconds = 0
    const tick = () => {
      this.gossip.second(this.time.nowMs)
      seconds++
      if (seconds % KEEPALIVE_S === 0) this.#onEachLink(KEEPALIVE_BYTES)
      // Ping and answer, of each end.
      if (seconds % MUXER_PING_S === 0) for (let i = 0; i < 2; i++) this.#onEachLink(MUXER_PING_BYTES)
      this.soon(1_000, tick)
    }
    this.soon(1_000, tick)
  }

  #onEachLink(bytes: StreamBytes): void {
    for (const { index } of this.members) {
      for (const peer of this.overlay.linksOf(index)) this.meter.frame('links', index, peer, bytes)
    }
  }
}
