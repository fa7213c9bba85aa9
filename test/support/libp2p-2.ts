/**
 * A peer built by somebody else from the packages of libp2p's previous generation, with their defaults wherever
 * ours does not force another. Types of the two generations do not mix, hence the casts.
 */
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { createLibp2p } from 'libp2p2'
import { identify } from 'libp2p2-identify'
import { tcp } from 'libp2p2-tcp'
import { yamux } from 'libp2p2-yamux'

export interface OldPeer {
  readonly id: string
  dial(address: string): Promise<void>
  addresses(): string[]
  subscribe(topic: string, onMessage: (data: Uint8Array) => void): void
  /** Resolves with the number of peers it was sent to. */
  publish(topic: string, data: Uint8Array): Promise<number>
  subscribers(topic: string): string[]
  stop(): Promise<void>
}

/** Starts it on a free loopback port. */
export async function oldPeer(): Promise<OldPeer> {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise() as never],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      // Our messages carry no gossipsub signature: the record inside is signed.
      pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign', allowPublishToZeroTopicPeers: true }),
    },
  })
  const pubsub = node.services['pubsub'] as Pubsub
  return {
    id: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map((address) => address.toString()),
    dial: async (address) => {
      // Its own generation's address class is buried in its dependencies: taken from an address it already has.
      const Multiaddr = node.getMultiaddrs()[0]?.constructor as new (text: string) => never
      await node.dial(new Multiaddr(address))
    },
    subscribe: (topic, onMessage) => {
      pubsub.addEventListener('message', ({ detail }) => {
        if (detail.topic === topic) onMessage(detail.data)
      })
      pubsub.subscribe(topic)
    },
    publish: async (topic, data) => (await pubsub.publish(topic, data)).recipients.length,
    subscribers: (topic) => pubsub.getSubscribers(topic).map(String),
    stop: async () => node.stop(),
  }
}

interface Pubsub {
  addEventListener(type: 'message', listener: (event: { detail: { topic: string; data: Uint8Array } }) => void): void
  subscribe(topic: string): void
  publish(topic: string, data: Uint8Array): Promise<{ recipients: unknown[] }>
  getSubscribers(topic: string): { toString(): string }[]
}
