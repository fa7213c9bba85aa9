/** The gossip topics of a cluster: what goes out and when, and what is let in. */
import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { GossipSub, GossipSubComponents, TopicValidatorFn } from '@libp2p/gossipsub'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { Counters } from './counters.ts'
import { PeerError } from './errors.ts'
import { gossipSettings } from './gossip-settings.ts'
import { WHOLE } from '../model/ward.ts'
import { MAX_GOSSIP_BYTES, MAX_PUBLISH_QUEUE, PUBLISH_TICK_MS } from './limits.ts'
import type { PeerHandlers, Topic, Verdict } from './peer.ts'
import { isTopicOf, topicName } from './protocols.ts'
import type { Reputation } from './reputation.ts'

/** Those that everybody hears as long as the mesh is not cut into wards. */
const TOPICS: readonly Topic[] = ['records', 'pulse']

/** A topic, of the whole mesh or of a ward. */
interface Heard {
  readonly topic: Topic
  readonly ward: string | undefined
}

const RESULT: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

/**
 * Records kept while nobody can receive them. gossipsub would take them, send them to nobody, and then call the
 * same bytes a duplicate for two minutes; so a passport published before the first neighbour would be lost.
 */
const MAX_HELD_PER_TOPIC = 8

/** What the layer looks at beyond gossipsub's interface. */
interface GossipInternals {
  mesh: Map<string, Set<string>>
  streamsOutbound: Map<string, unknown>
  allowedTopics: Pick<ReadonlySet<string>, 'has'> | null
  score: { readonly params: { readonly topics: Record<string, unknown> } }
}

/** Who is linked here passes on more than is heard here, while one of the two moves: it is nothing to be scored for. */
class Validators extends Map<string, TopicValidatorFn> {
  override get(name: string): TopicValidatorFn {
    return super.get(name) ?? (() => TopicValidatorResult.Ignore)
  }
}

/** What gossip is made from. */
export interface GossipOptions {
  cluster: string
  onGossip: PeerHandlers['onGossip']
  reputation: Reputation
  counters: Counters
  log: Logger
}

interface Outgoing {
  /** The topic's full name. */
  name: string
  data: Uint8Array
}

export class Gossip {
  readonly #options: GossipOptions
  #service: (GossipSub & GossipInternals) | undefined
  /** By full name. */
  #heard: ReadonlyMap<string, Heard>
  #running = false
  #queue: Outgoing[] = []
  #held: Outgoing[] = []
  #tick: NodeJS.Timeout | undefined

  constructor(options: GossipOptions) {
    this.#options = options
    this.#heard = this.#named([WHOLE], false)
  }

  /** The libp2p service. Validators stand before the first message can come. */
  readonly service = (components: GossipSubComponents): GossipSub => {
    const { cluster, reputation, counters } = this.#options
    const topics = [...this.#heard.keys()]
    const settings = gossipSettings(topics, (peer) => reputation.penalty(peer), counters)
    const service = gossipsub(settings)(components) as GossipSub & GossipInternals
    service.topicValidators = new Validators()
    // To which wards others listen is told once, and before this peer may listen there; how many they name is bounded.
    service.allowedTopics = { has: (name) => isTopicOf(cluster, name) }
    this.#service = service
    for (const [name, heard] of this.#heard) this.#admit(name, heard)
    return service
  }

  /** Scores and validates what comes by a topic from now on. */
  #admit(name: string, heard: Heard): void {
    const service = this.#service
    if (service === undefined) return
    // As gossipsub has completed it: a score with a part missing is no number, and whoever has none is not listened to.
    const { topics } = service.score.params
    topics[name] ??= Object.values(topics)[0]
    service.topicValidators.set(name, (from, message) => RESULT[this.#validate(heard, message.data, from.toString())])
  }

  #named(wards: readonly string[], digests: boolean): Map<string, Heard> {
    const { cluster } = this.#options
    const named = new Map<string, Heard>()
    for (const ward of wards) {
      for (const topic of TOPICS) named.set(topicName(cluster, topic, ward), { topic, ward })
    }
    if (digests) named.set(topicName(cluster, 'digests'), { topic: 'digests', ward: undefined })
    return named
  }

  /** Hears these topics from now on, and no others. */
  listen(wards: readonly string[], digests: boolean): void {
    const before = this.#heard
    this.#heard = this.#named(wards, digests)
    if (!this.#running) return
    for (const [name, heard] of this.#heard) {
      if (before.has(name)) continue
      this.#admit(name, heard)
      this.#service?.subscribe(name)
    }
    for (const name of before.keys()) {
      if (this.#heard.has(name)) continue
      this.#service?.unsubscribe(name)
      this.#service?.topicValidators.delete(name)
    }
  }

  /** Subscribes; libp2p must be started. */
  start(): void {
    this.#running = true
    this.#service?.addEventListener('subscription-change', this.#onSubscriptionChange)
    for (const [name, heard] of this.#heard) {
      this.#admit(name, heard)
      this.#service?.subscribe(name)
    }
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#tick)
    this.#tick = undefined
    this.#queue = []
    this.#held = []
    this.#service?.removeEventListener('subscription-change', this.#onSubscriptionChange)
  }

  /**
   * Hands a record to the mesh. The first after a quiet tick goes at the end of this turn; what follows within
   * the tick waits for it, so that a burst of changes wakes neighbours once. While nobody subscribes the newest
   * eight of a topic are kept for the first who does. The same bytes again within two minutes are not sent.
   *
   * @throws PeerError `bad-size`; `stopped`
   */
  publish(topic: Topic, data: Uint8Array, ward?: string): void {
    if (!this.#running) throw new PeerError('stopped', 'the peer is not running: nothing can be published')
    if (data.byteLength === 0 || data.byteLength > MAX_GOSSIP_BYTES) {
      throw new PeerError('bad-size', `a gossip message has 1 to ${MAX_GOSSIP_BYTES} bytes, not ${data.byteLength}`)
    }
    if (this.#queue.length >= MAX_PUBLISH_QUEUE) {
      this.#queue.shift()
      this.#options.counters.add('gossip_publish_dropped_total')
    }
    this.#queue.push({ name: topicName(this.#options.cluster, topic, ward), data })
    if (this.#tick === undefined) this.#arm(0)
  }

  /** Sizes for /metrics. */
  gauges(): Record<string, number> {
    const sizes: Record<string, number> = {}
    // Of the ward this peer is in, where it is in one.
    for (const [name, { topic }] of this.#heard) {
      sizes[`gossip_mesh_peers_${topic}`] = this.#service?.mesh.get(name)?.size ?? 0
      sizes[`gossip_subscribers_${topic}`] = this.#subscribers(name).length
    }
    return sizes
  }

  #arm(delayMs: number): void {
    this.#tick = setTimeout(() => {
      this.#tick = undefined
      const batch = [...this.#held, ...this.#queue]
      if (batch.length === 0) return
      this.#queue = []
      this.#held = []
      for (const name of new Set(batch.map((message) => message.name))) {
        const messages = batch.filter((message) => message.name === name)
        if (this.#reaches(name)) for (const { data } of messages) this.#publishNow(name, data)
        else this.#hold(messages)
      }
      // With held messages only and nobody to take them the next subscription wakes us.
      if (this.#held.length < batch.length || this.#held.some(({ name }) => this.#subscribers(name).length > 0)) {
        this.#arm(PUBLISH_TICK_MS)
      }
    }, delayMs)
  }

  #hold(messages: Outgoing[]): void {
    this.#held.push(...messages.slice(-MAX_HELD_PER_TOPIC))
    const dropped = messages.length - MAX_HELD_PER_TOPIC
    if (dropped > 0) this.#options.counters.add('gossip_publish_dropped_total', dropped)
  }

  #subscribers(name: string): string[] {
    return (this.#service?.getSubscribers(name) ?? []).map((peer) => peer.toString())
  }

  /** Whether somebody subscribes to whom our own stream stands already. */
  #reaches(name: string): boolean {
    return this.#subscribers(name).some((peer) => this.#service?.streamsOutbound.has(peer))
  }

  readonly #onSubscriptionChange = (): void => {
    if (this.#held.length > 0 && this.#tick === undefined) this.#arm(0)
  }

  #publishNow(name: string, data: Uint8Array): void {
    const { counters, log } = this.#options
    counters.add('gossip_published_total')
    this.#service?.publish(name, data).catch((error: unknown) => {
      counters.add('gossip_publish_failed_total')
      log.warn({ topic: name, error: messageOf(error) }, 'could not publish')
    })
  }

  #validate({ topic, ward }: Heard, data: Uint8Array, from: string): Verdict {
    const { counters, log, onGossip } = this.#options
    let verdict: Verdict
    if (!this.#running) {
      verdict = 'ignore'
    } else if (data.byteLength === 0 || data.byteLength > MAX_GOSSIP_BYTES) {
      verdict = 'reject'
    } else {
      try {
        verdict = onGossip(topic, data, from, ward)
      } catch (error) {
        // The record made our own code fail: not provably the forwarder's fault, and not to be spread either.
        log.error({ topic, from, error: messageOf(error) }, 'the gossip handler threw')
        verdict = 'ignore'
      }
    }
    counters.add(`gossip_messages_${verdict}_total`)
    return verdict
  }
}
