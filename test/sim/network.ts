/**
 * Links between all pairs of nodes. A link keeps the order of its messages, as TCP does, until it
 * breaks: then all that is under way is lost and both ends hear of it. A blocked link (a partition)
 * stalls first and breaks after a while; it is dialled again until both ends can hear each other.
 */
import type { Rng } from '../../src/util/rng.ts'
import type { Timeline } from './timeline.ts'

/** What the network tells a node, and asks of it. */
export interface Endpoint {
  readonly id: string
  readonly online: boolean
  peerUp(peer: string): void
  peerDown(peer: string): void
}

/**
 * Shares of what is lost, 0 to 1. Nothing of an ordered stream is: it is repeated below, or the link breaks. Gossip of
 * records is dropped where a queue is full, and datagrams anywhere.
 */
export interface Loss {
  readonly records: number
  readonly datagrams: number
}

/** A sound link. */
const NO_LOSS: Loss = { records: 0, datagrams: 0 }

interface Link {
  readonly ends: readonly [Endpoint, Endpoint]
  readonly baseMs: number
  readonly jitterMs: number
  up: boolean
  blocked: boolean
  /** Counts connections: what was sent over an earlier one never arrives. */
  life: number
  /** Beside its usual latency, while delays are being made. */
  extraMs: number
  /** What gets lost on the way, beside what always may. */
  loss: Loss
  /** When the last message of each direction arrives: none may overtake it. */
  readonly lastMs: [number, number]
  stalled: (() => void)[]
  dialling: boolean
}

/** Share of datagrams that are lost on a sound link. */
const DATAGRAM_LOSS = 0.01
const DIAL_TIMEOUT_MS = 5_000
/** How long a stalled link takes to be given up. */
const DETECT_MIN_MS = 2_000
const DETECT_SPREAD_MS = 12_000

export class Network {
  readonly #links = new Map<string, Link>()
  readonly #time: Timeline
  readonly #rng: Rng

  constructor(time: Timeline, rng: Rng) {
    this.#time = time
    this.#rng = rng
  }

  /** Lays a link to every node there is already. */
  join(endpoint: Endpoint, others: readonly Endpoint[]): void {
    for (const other of others) {
      const baseMs = this.#rng.pick([0, 1, 1, 2, 5, 15, 40])
      this.#links.set(keyOf(endpoint.id, other.id), {
        ends: [other, endpoint],
        baseMs,
        jitterMs: 1 + this.#rng.int(2 + baseMs),
        up: false,
        blocked: false,
        life: 0,
        extraMs: 0,
        loss: NO_LOSS,
        lastMs: [0, 0],
        stalled: [],
        dialling: false,
      })
    }
  }

  #link(a: string, b: string): Link {
    return this.#links.get(keyOf(a, b))!
  }

  linked(a: string, b: string): boolean {
    return a === b || this.#link(a, b).up
  }

  /** Peers that `id` has a link to. */
  peersOf(id: string): string[] {
    const peers: string[] = []
    for (const { up, ends } of this.#links.values()) {
      if (!up) continue
      if (ends[0].id === id) peers.push(ends[1].id)
      else if (ends[1].id === id) peers.push(ends[0].id)
    }
    return peers
  }

  /**
   * Sends over the link's ordered stream; `arrive` is called at the other end unless the link breaks first.
   * @returns false when there is no link
   */
  send(from: string, to: string, arrive: () => void): boolean {
    const link = this.#link(from, to)
    if (!link.up) return false
    const life = link.life
    const direction = link.ends[0].id === from ? 0 : 1
    const guarded = () => {
      if (link.up && link.life === life) arrive()
    }
    if (link.blocked) {
      link.stalled.push(guarded)
      return true
    }
    const atMs = Math.max(link.lastMs[direction], this.#time.nowMs + this.#latency(link))
    link.lastMs[direction] = atMs
    this.#time.at(atMs, guarded)
    return true
  }

  /** Sends a record by gossip, beside the ordered stream: records overtake each other, and may be lost. */
  gossip(from: string, to: string, arrive: () => void): void {
    const link = this.#link(from, to)
    if (!link.up || link.blocked) return
    const { records } = link.loss
    if (records > 0 && this.#rng.next() < records) return
    const life = link.life
    this.#time.after(this.#latency(link) + this.#rng.int(50), () => {
      if (link.up && link.life === life && !link.blocked) arrive()
    })
  }

  /** Sends a datagram: it needs no link, and is lost where nothing passes, and now and then elsewhere. */
  datagram(from: string, to: string, arrive: () => void): void {
    const link = this.#link(from, to)
    const lost = Math.max(DATAGRAM_LOSS, link.loss.datagrams)
    if (!link.blocked && this.#rng.next() >= lost) this.#time.after(this.#latency(link), arrive)
  }

  /**
   * A node asks for a link that does not stand.
   * @param answer what it hears when none comes about: `refused` where the machine answers and no daemon is there
   */
  dialled(from: string, to: Endpoint, answer: (how: 'refused' | 'no answer') => void): void {
    const link = this.#link(from, to.id)
    if (link.blocked) return this.#time.after(DIAL_TIMEOUT_MS, () => void (link.up || answer('no answer')))
    this.#time.after(1 + 2 * this.#latency(link), () => {
      if (link.up) return
      // One that is coming up is linked by itself in a moment.
      if (!to.online) answer('refused')
    })
  }

  #latency(link: Link): number {
    return link.baseMs + this.#rng.int(link.jitterMs + 1) + link.extraMs
  }

  /** Breaks a link at once: a reset. */
  reset(a: string, b: string): void {
    this.#break(this.#link(a, b))
  }

  /** Delays everything on a link by so much more, until it is called with 0. */
  slow(a: string, b: string, extraMs: number): void {
    this.#link(a, b).extraMs = extraMs
  }

  /** Loses such shares on a link, until it is called again; without `loss` the link is sound. */
  lose(a: string, b: string, loss: Loss = NO_LOSS): void {
    this.#link(a, b).loss = loss
  }

  /** Nothing passes between two nodes from here on. */
  block(a: string, b: string): void {
    const link = this.#link(a, b)
    if (link.blocked) return
    link.blocked = true
    const life = link.life
    this.#time.after(DETECT_MIN_MS + this.#rng.int(DETECT_SPREAD_MS), () => {
      if (link.blocked && link.up && link.life === life) this.#break(link)
    })
  }

  /** Lets messages through again; those that stalled come first. */
  unblock(a: string, b: string): void {
    const link = this.#link(a, b)
    if (!link.blocked) return
    link.blocked = false
    for (const arrive of link.stalled.splice(0)) {
      const atMs = this.#time.nowMs + this.#latency(link)
      // Both directions share one queue here; the later of both keeps each in order.
      link.lastMs[0] = link.lastMs[1] = Math.max(link.lastMs[0], link.lastMs[1], atMs)
      this.#time.at(link.lastMs[0], arrive)
    }
    this.#dial(link)
  }

  /** A daemon is gone: its sockets are closed by its kernel. What it had sent still arrives, sometimes. */
  nodeDown(id: string): void {
    for (const link of this.#links.values()) {
      if (!link.up || !link.ends.some((end) => end.id === id)) continue
      const life = link.life
      this.#time.after(this.#rng.int(60), () => {
        if (link.life === life) this.#break(link)
      })
    }
  }

  /** A daemon is there (again). */
  nodeOnline(id: string): void {
    for (const link of this.#links.values()) {
      if (!link.ends.some((end) => end.id === id)) continue
      // A link of its earlier life that nobody has noticed to be gone.
      if (link.up) this.#break(link)
      else this.#dial(link)
    }
  }

  #break(link: Link): void {
    if (!link.up) return
    link.up = false
    link.stalled = []
    for (const [end, other] of [link.ends, [link.ends[1], link.ends[0]]] as const)
      if (end.online) end.peerDown(other.id)
    this.#dial(link)
  }

  #dial(link: Link): void {
    if (link.dialling || link.up) return
    link.dialling = true
    this.#time.after(20 + this.#rng.int(1_500), () => {
      link.dialling = false
      if (link.up || link.blocked || !link.ends[0].online || !link.ends[1].online) return
      link.up = true
      link.life++
      link.lastMs[0] = link.lastMs[1] = this.#time.nowMs
      link.ends[0].peerUp(link.ends[1].id)
      link.ends[1].peerUp(link.ends[0].id)
    })
  }
}

function keyOf(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}
