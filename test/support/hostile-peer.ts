/**
 * A peer that means harm, and knows how: made of libp2p's own packages and of the formats of the wire, with
 * nothing of the daemon that holds others to them. It says hello like any member; what follows is the test's.
 */
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { isSigned, type MessageType } from '../../src/model/control.ts'
import { FrameDecoder, prefixBytes, writeFrame } from '../../src/peer/frames.ts'
import { createSigner, openRecord, type RecordDraft, type Signer } from '../../src/wire/envelope.ts'
import { decodeFrame, encodeFrame } from '../../src/wire/frames.ts'
import { maxBytesOf } from '../../src/wire/limits.ts'
import { CONTROL_PROTOCOL, pulseTopic, recordsTopic } from '../../src/wire/protocols.ts'
import { seedFor } from './peers.ts'
import { rawLibp2p } from './raw-libp2p.ts'
import { until } from './until.ts'

const CLUSTER = 'test'

/** Whom it is after. */
export interface Victim {
  readonly address: string
  readonly status: { readonly peerId: string }
}

/** A message that the victim sent. */
export interface Heard {
  readonly t: string
  readonly body: Record<string, unknown>
}

const livePeers = new Set<HostilePeer>()

/** Ends all that were made. For `afterEach`. */
export async function stopHostilePeers(): Promise<void> {
  await Promise.all([...livePeers].map((peer) => peer.stop()))
}

/**
 * Connects a new one, with an identity of its own unless one is given, and says hello.
 * @param seed of a key whose id is below the victim's: it opens the control stream, to do with as it likes
 */
export async function hostilePeer(
  victim: Victim,
  { seed = seedFor('below', victim.status.peerId), cluster = CLUSTER }: { seed?: Uint8Array; cluster?: string } = {},
): Promise<HostilePeer> {
  const node = await rawLibp2p({ seed, gossip: true })
  const connection = await node.dial(multiaddr(victim.address))
  const peer = new HostilePeer(node, connection, createSigner(seed), cluster)
  livePeers.add(peer)
  await peer.greet()
  return peer
}

export class HostilePeer {
  readonly node: Libp2p
  readonly connection: Connection
  readonly id: string
  /** Everything the victim sent over the control stream, oldest first. */
  readonly heard: Heard[] = []
  #control: Stream | undefined
  readonly #signer: Signer
  #seq = 0

  readonly #cluster: string

  constructor(node: Libp2p, connection: Connection, signer: Signer, cluster = CLUSTER) {
    this.#cluster = cluster
    this.node = node
    this.connection = connection
    this.id = signer.id
    this.#signer = signer
  }

  /** Opens the control stream and says hello. Another one replaces it. */
  async greet(): Promise<void> {
    const stream = await this.open(CONTROL_PROTOCOL)
    const decoder = new FrameDecoder()
    stream.addEventListener('message', ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data)
        for (const frame of decoder.push(chunk)) this.heard.push(read(frame))
    })
    this.#control = stream
    this.send('hello', { cluster: this.#cluster, version: '0', epoch: 1, wallMs: Date.now() })
    await this.hears('hello')
  }

  open(protocol: string): Promise<Stream> {
    return this.connection.newStream([protocol], { maxOutboundStreams: 100_000 })
  }

  /** Sends a message, valid or not; kinds that are to be signed are, by this peer. */
  send(t: MessageType, body: unknown): void {
    this.sendFrame(isSigned(t) ? { t, e: this.seal({ kind: t, name: '', body }) } : { t, b: body })
  }

  sendFrame(message: { readonly t: string; readonly [field: string]: unknown }): void {
    const frame = encodeFrame(message)
    const bytes = new Uint8Array(prefixBytes(frame.length) + frame.length)
    writeFrame(bytes, 0, frame)
    this.sendBytes(bytes)
  }

  /** Bytes on the control stream as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.#control!.send(bytes)
  }

  /** Resolves with the first message of a type, heard already or to come, that `is` is true of. */
  async hears(t: MessageType, is: (body: Heard['body']) => boolean = () => true): Promise<Heard['body']> {
    const find = () => this.heard.find((one) => one.t === t && is(one.body))
    await until(`a ${t} from the victim`, () => !!find(), 15_000)
    return find()!.body
  }

  /** The envelope of a record as this peer signs it; what is not given counts up. */
  seal(draft: Pick<RecordDraft, 'kind' | 'name' | 'body'> & Partial<RecordDraft>): Uint8Array {
    const seq = ++this.#seq
    return this.#signer.seal({ epoch: 1, seq, hlc: Date.now(), ttlMs: 60_000, ...draft }).bytes
  }

  /** Publishes on a gossip topic once the victim is known to follow it. */
  async publish(topic: 'records' | 'pulse', bytes: Uint8Array): Promise<void> {
    const pubsub = this.node.services['pubsub'] as GossipSub & {
      readonly streamsOutbound: ReadonlyMap<string, unknown>
    }
    const name = topic === 'records' ? recordsTopic(this.#cluster) : pulseTopic(this.#cluster)
    const { remotePeer } = this.connection
    // Without a stream to it gossipsub sends to nobody, and says nothing.
    const follows = () =>
      pubsub.getSubscribers(name).some((one) => one.equals(remotePeer)) &&
      pubsub.streamsOutbound.has(remotePeer.toString())
    await until(`the victim to follow ${name}`, follows, 15_000)
    await pubsub.publish(name, bytes)
  }

  /** The names of all protocols the victim says it speaks. */
  async protocols(): Promise<string[]> {
    const ask = async () => (await this.node.peerStore.get(this.connection.remotePeer)).protocols
    await until('the victim to identify itself', async () => (await ask()).includes(CONTROL_PROTOCOL), 15_000)
    return ask()
  }

  async stop(): Promise<void> {
    livePeers.delete(this)
    await this.node.stop()
  }
}

/** Resolves when the victim has ended a stream. */
export async function closed(stream: Stream): Promise<void> {
  await until('the stream to end', () => stream.status !== 'open' || stream.remoteWriteStatus === 'closed', 15_000)
}

function read(frame: Uint8Array): Heard {
  const { t, b, e } = decodeFrame(frame) as { t: string; b?: unknown; e?: unknown }
  if (!(e instanceof Uint8Array)) return { t, body: b as Heard['body'] }
  const record = openRecord(e, { kinds: t, maxBytes: maxBytesOf(t)!, wallNowMs: Date.now() })
  return { t, body: record.body as Heard['body'] }
}
