/** The mesh around the core, modelled as lean as can be: datagrams, gossip, links, leases. */
import type { Pair, TopologyEffect, TopologyInput } from '../../../src/topology/types.ts'
import type { Rng } from '../../../src/util/rng.ts'
import type { Timeline } from '../timeline.ts'
import type { Network } from './network.ts'
import type { Node } from './node.ts'

const LEASE_MS = 30_000
/** Leases run in worlds of so many members at most: in larger ones nobody is forgotten by all its watchers. */
export const LEASES_UP_TO = 64
/** A dead link is noticed after so many rounds. */
const DEAD_LINK_ROUNDS = 3
const DIAL_TIMEOUT_MS = 3_000
/** Estimates, with all headers: a probe or its answer; a question; a signed statement with the copies a node sends. */
const BYTES = { probe: 80, ask: 100, gossip: 250 * 3 } as const

/** A probe as it travels: with the number that its answer will have. */
type Ping = Extract<TopologyInput, { type: 'ping' }> & { readonly nonce: number }

/** What it needs of the world. */
interface Surroundings {
  readonly nowMs: number
  readonly events: Timeline
  readonly rng: Rng
  readonly network: Network
  readonly nodes: readonly Node[]
  indexOf(id: string): number
  /** Whether a heartbeat is one that a node does nothing with; then it has been counted. */
  isOldNews(to: number, from: number, pair: Pair): boolean
  /** Lets a node take an input now. */
  give(index: number, input: TopologyInput): void
}

export class Mesh {
  #world: Surroundings
  #deadRounds = new Map<number, number>()

  constructor(world: Surroundings) {
    this.#world = world
  }

  pairOf(index: number): Pair {
    const { state, epoch } = this.#world.nodes[index]!
    return state.own.epoch === epoch ? state.own : { epoch, incarnation: 0 }
  }

  #memberInput(index: number): Extract<TopologyInput, { type: 'member' }> {
    const { id, host } = this.#world.nodes[index]!
    return { type: 'member', id, pair: this.pairOf(index), host }
  }

  /** A node that joins learns of all whose records others still hold. */
  sync(index: number): void {
    const delayMs = 50 + 100 * this.#world.rng.next()
    for (const other of this.#world.nodes) {
      if (other.index === index || other.life === 0 || other.leaving) continue
      if (!other.up && this.#world.nowMs - other.sinceMs > LEASE_MS) continue
      if (
        this.#world.network.silent[index] ||
        this.#world.network.shut.has(other.index * this.#world.network.size + index)
      )
        continue
      this.arrive(index, delayMs, this.#memberInput(other.index))
    }
  }

  beat(index: number): void {
    if (this.#world.network.silent[index]) return
    if (this.#world.network.shut.size > 0) return this.gossip(index, this.#memberInput(index), false)
    const input = this.#memberInput(index)
    this.#world.events.after(150, () => {
      const { nodes, network } = this.#world
      for (const { index: to } of nodes) {
        if (to !== index && !network.silent[to] && !this.#world.isOldNews(to, index, input.pair)) this.take(to, input)
      }
    })
  }

  gossipPair(index: number): void {
    this.gossip(index, this.#memberInput(index), true)
  }

  gossip(index: number, input: TopologyInput, counted: boolean): void {
    const atMs = this.#world.network.spread(index, this.#world.nowMs, this.#world.nodes)
    atMs.forEach((arrivesMs, to) => {
      if (arrivesMs === Infinity) return
      if (counted) this.#world.nodes[to]!.sentBytes += BYTES.gossip
      if (to !== index) this.arrive(to, arrivesMs - this.#world.nowMs, input)
    })
  }

  /** Something reaches a node later, if it is the same process then. */
  arrive(to: number, delayMs: number, input: TopologyInput): void {
    const { life } = this.#world.nodes[to]!
    this.#world.events.after(delayMs, () => {
      if (this.#world.nodes[to]!.life === life) this.take(to, input)
    })
  }

  take(to: number, input: TopologyInput): void {
    const node = this.#world.nodes[to]!
    if (!node.up) return
    if (node.pausedUntilMs > this.#world.nowMs) node.inbox.push(input)
    else this.#world.give(to, input)
  }

  #send(from: number, to: number, what: 'probe' | 'ask', input: TopologyInput): void {
    const { network, nodes } = this.#world
    nodes[from]!.sentBytes += BYTES[what]
    const delayMs = network.datagramMs(from, to)
    if (delayMs === Infinity) return
    this.arrive(to, delayMs, input)
    const copyMs = network.copyMs(delayMs)
    if (copyMs < Infinity) this.arrive(to, copyMs, input)
  }

  carry(node: Node, effect: TopologyEffect): void {
    const { index, id } = node
    switch (effect.type) {
      case 'ping': {
        const ping: Ping = { type: 'ping', from: id, suspects: effect.suspects, nonce: effect.nonce }
        return this.#send(index, this.#world.indexOf(effect.to), 'probe', ping)
      }
      case 'ask': {
        const { via, subject, nonce } = effect
        return this.#send(index, this.#world.indexOf(via), 'ask', { type: 'ask', from: id, subject, nonce })
      }
      case 'answer-ask': {
        const { to, subject, nonce } = effect
        return this.#send(index, this.#world.indexOf(to), 'ask', { type: 'asked', from: id, subject, nonce })
      }
      case 'dial':
        return this.#dial(index, this.#world.indexOf(effect.id))
      case 'testify': {
        // Who vouches for everybody says nothing against anybody, either.
        if (node.errands === 'vouches') return
        const input: TopologyInput = { type: 'testimony', testimony: effect.testimony }
        const subject = this.#world.indexOf(effect.testimony.subject)
        if (node.links.has(subject) && this.#world.network.isOpenBothWays(index, subject)) {
          this.arrive(subject, this.#world.network.segmentMs(index, subject), input)
        }
        return this.gossip(index, input, true)
      }
      case 'refute':
        return this.gossipPair(index)
      case 'keep-links':
        node.wanted.clear()
        for (const wanted of effect.ids) {
          const to = this.#world.indexOf(wanted)
          node.wanted.add(to)
          this.#dial(index, to)
        }
        return
      case 'verdict':
      case 'brake':
    }
  }

  #dial(from: number, to: number): void {
    const [node, peer] = [this.#world.nodes[from]!, this.#world.nodes[to]!]
    if (node.links.has(to)) return
    const id = peer.id
    if (!this.#world.network.isOpenBothWays(from, to)) {
      return this.arrive(from, DIAL_TIMEOUT_MS, { type: 'dial-failed', id, refused: false })
    }
    const roundTripMs = this.#world.network.segmentMs(from, to, 1_000) + this.#world.network.segmentMs(to, from, 1_000)
    const [life, peerLife] = [node.life, peer.life]
    this.#world.events.after(roundTripMs, () => {
      if (!node.up || node.life !== life || node.links.has(to)) return
      if (!peer.up) return this.take(from, { type: 'dial-failed', id, refused: true })
      // The kernel accepts for a paused process; it shakes hands when it runs again.
      const atMs = Math.max(this.#world.nowMs + 2 * roundTripMs, peer.pausedUntilMs, node.pausedUntilMs)
      this.#world.events.at(atMs, () => {
        if (!node.up || !peer.up || node.life !== life || peer.life !== peerLife || node.links.has(to)) return
        node.links.add(to)
        peer.links.add(from)
        this.take(from, { type: 'link-up', id })
        this.take(to, { type: 'link-up', id: node.id })
      })
    })
  }

  /** A process ended: its kernel tells the other side. */
  closed(index: number, peer: number): void {
    const { links } = this.#world.nodes[peer]!
    const id = this.#world.nodes[index]!.id
    if (!this.#world.network.isOpenBothWays(index, peer)) return
    this.#world.events.after(this.#world.network.segmentMs(index, peer), () => {
      if (links.delete(index)) this.take(peer, { type: 'link-down', id })
    })
  }

  /** Dials what is wanted, ends what has been dead for long, and lets leases run out. */
  keepLinks(): void {
    const { size } = this.#world.network
    for (const { index, up, links, wanted, beats, state, clock } of this.#world.nodes) {
      if (!up) continue
      for (const peer of links) {
        if (peer < index && this.#world.nodes[peer]!.up) continue
        const rounds = this.#world.network.isOpenBothWays(index, peer) && this.#world.nodes[peer]!.up ? 0 : 1
        const link = index * size + peer
        const dead = rounds === 0 ? 0 : (this.#deadRounds.get(link) ?? 0) + 1
        if (dead === 0) this.#deadRounds.delete(link)
        else this.#deadRounds.set(link, dead)
        if (dead >= DEAD_LINK_ROUNDS) {
          this.#deadRounds.delete(link)
          this.breakLink(index, peer)
        }
      }
      for (const to of wanted) this.#dial(index, to)
      if (size > LEASES_UP_TO) continue
      for (const member of state.members.values()) {
        const silentMs = clock.nowMs() - beats[this.#world.indexOf(member.id)]!
        if (silentMs > LEASE_MS && (member.verdict === 'alive' || member.verdict === 'suspect')) {
          this.take(index, { type: 'member-lapsed', id: member.id })
        }
      }
    }
  }

  /** The stream between two ends for no reason. */
  breakLink(a: number, b: number): void {
    if (!this.#world.nodes[a]!.links.has(b)) return
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#world.nodes[from]!.links.delete(to)
      this.arrive(from, 1, { type: 'link-down', id: this.#world.nodes[to]!.id })
    }
  }

  /** Sends the answer to a probe that a process has read. */
  answer(index: number, ping: Extract<TopologyInput, { type: 'ping' }>): void {
    const pong: TopologyInput = { type: 'pong', from: this.#world.nodes[index]!.id, nonce: (ping as Ping).nonce }
    this.#send(index, this.#world.indexOf(ping.from), 'probe', pong)
  }
}
