/** The two gossip topics of a cluster: what goes out and when, and what is let in. */
import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { Counters } from './counters.ts'
import { PeerError } from './errors.ts'
import { gossipSettings } from './gossip-settings.ts'
import { MAX_GOSSIP_BYTES, MAX_PUBLISH_QUEUE, PUBLISH_TICK_MS } from './limits.ts'
import type { PeerHandlers, Topic, Verdict } from './peer.ts'
import { topicName } from './protocols.ts'
import type { Reputation } from './reputation.ts'

const TOPICS: readonly Topic[] = ['records', 'pulse']

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
  topic: Topic
  data: Uint8Array
}

export class Gossip {
  readonly #options: GossipOptions
  #service: (GossipSub & GossipInternals) | undefined
  #running = false
  #queue: Outgoing[] = []
  #held: Outgoing[] = []
  #tick: NodeJS.Timeout | undefined

  constructor(options: GossipOptions) {
    this.#options = options
  }

  /** The libp2p service. Validators stand before the first message can come. */
  readonly service = (components: GossipSubComponents): GossipSub => {
    const topics = TOPICS.map((topic) => topicName(this.#options.cluster, topic))
    const { reputation, counters } = this.#options
    const settings = gossipSettings(topics, (peer) => reputation.penalty(peer), counters)
    const service = gossipsub(settings)(components) as GossipSub & GossipInternals
    for (const topic of TOPICS) {
      service.topicValidators.set(
        topicName(this.#options.cluster, topic),
        (from, message) => RESULT[this.#validate(topic, message.data, from.toString())],
      )
    }
    this.#service = service
    return service
  }

  /** Subscribes; libp2p must be started. */
  start(): void {
    this.#running = true
    this.#service?.addEventListener('subscription-change', this.#onSubscriptionChange)
    for (const topic of TOPICS) this.#service?.subscribe(topicName(this.#options.cluster, topic))
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
  publish(topic: Topic, data: Uint8Array): void {
    if (!this.#running) throw new PeerError('stopped', 'the peer is not running: nothing can be published')
    if (data.byteLength === 0 || data.byteLength > MAX_GOSSIP_BYTES) {
      throw new PeerError('bad-size', `a gossip message has 1 to ${MAX_GOSSIP_BYTES} bytes, not ${data.byteLength}`)
    }
    if (this.#queue.length >= MAX_PUBLISH_QUEUE) {
      this.#queue.shift()
      this.#options.counters.add('gossip_publish_dropped_total')
    }
    this.#queue.push({ topic, data })
    if (this.#tick === undefined) this.#arm(0)
  }

  /** Sizes for /metrics. */
  gauges(): Record<string, number> {
    const sizes: Record<string, number> = {}
    for (const topic of TOPICS) {
      const name = topicName(this.#options.cluster, topic)
      sizes[`gossip_mesh_peers_${topic}`] = this.#service?.mesh.get(name)?.size ?? 0
      sizes[`gossip_subscribers_${topic}`] = this.#subscribers(topic).length
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
      for (const topic of TOPICS) {
        const messages = batch.filter((message) => message.topic === topic)
        if (this.#reaches(topic)) for (const { data } of messages) this.#publishNow(topic, data)
        else this.#hold(messages)
      }
      // With held messages only and nobody to take them the next subscription wakes us.
      if (this.#held.length < batch.length || this.#held.some(({ topic }) => this.#subscribers(topic).length > 0)) {
        this.#arm(PUBLISH_TICK_MS)
      }
    }, delayMs)
  }

  #hold(messages: Outgoing[]): void {
    this.#held.push(...messages.slice(-MAX_HELD_PER_TOPIC))
    const dropped = messages.length - MAX_HELD_PER_TOPIC
    if (dropped > 0) this.#options.counters.add('gossip_publish_dropped_total', dropped)
  }

  #subscribers(topic: Topic): string[] {
    const name = topicName(this.#options.cluster, topic)
    return (this.#service?.getSubscribers(name) ?? []).map((peer) => peer.toString())
  }

  /** Whether somebody subscribes to whom our own stream stands already. */
  #reaches(topic: Topic): boolean {
    return this.#subscribers(topic).some((peer) => this.#service?.streamsOutbound.has(peer))
  }

  readonly #onSubscriptionChange = (): void => {
    if (this.#held.length > 0 && this.#tick === undefined) this.#arm(0)
  }

  #publishNow(topic: Topic, data: Uint8Array): void {
    const { counters, log } = this.#options
    counters.add('gossip_published_total')
    this.#service?.publish(topicName(this.#options.cluster, topic), data).catch((error: unknown) => {
      counters.add('gossip_publish_failed_total')
      log.warn({ topic, error: messageOf(error) }, 'could not publish')
    })
  }

  #validate(topic: Topic, data: Uint8Array, from: string): Verdict {
    const { counters, log, onGossip } = this.#options
    let verdict: Verdict
    if (!this.#running) {
      verdict = 'ignore'
    } else if (data.byteLength === 0 || data.byteLength > MAX_GOSSIP_BYTES) {
      verdict = 'reject'
    } else {
      try {
        verdict = onGossip(topic, data, from)
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
