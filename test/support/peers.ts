/** Real peers on loopback, and a record of everything that happens to each. */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createPeer } from '../../src/peer/create-peer.ts'
import type { PeerOptions } from '../../src/peer/options.ts'
import type { Peer, PeerHandlers, StreamKind, Topic, Verdict } from '../../src/peer/peer.ts'
import { peerIdFromSeed } from '../../src/peer/identity.ts'
import { SILENT } from '../../src/util/logger.ts'

/** The handlers of one peer, keeping what they are told and waking whoever waits for it. */
export class Recorder implements PeerHandlers {
  readonly up = new Set<string>()
  readonly events: string[] = []
  readonly frames: { peer: string; frame: Uint8Array }[] = []
  readonly gossip: { topic: Topic; data: Uint8Array; from: string; ward?: string | undefined }[] = []
  readonly streams: { kind: StreamKind; peer: string; stream: Duplex }[] = []
  verdict: (topic: Topic, data: Uint8Array) => Verdict = () => 'accept'
  frameHandler: ((peer: string, frame: Uint8Array) => void) | undefined
  streamHandler: ((kind: StreamKind, stream: Duplex) => void) | undefined
  upHandler: ((peer: string) => void) | undefined
  readonly #waiting = new Set<() => void>()

  onPeerUp(peer: string): void {
    this.up.add(peer)
    this.events.push(`up ${peer}`)
    this.upHandler?.(peer)
    this.#wake()
  }

  onPeerDown(peer: string): void {
    this.up.delete(peer)
    this.events.push(`down ${peer}`)
    this.#wake()
  }

  onFrame(peer: string, frame: Uint8Array): void {
    if (this.frameHandler === undefined) this.frames.push({ peer, frame })
    else this.frameHandler(peer, frame)
    this.#wake()
  }

  onGossip(topic: Topic, data: Uint8Array, from: string, ward?: string): Verdict {
    this.gossip.push({ topic, data, from, ward })
    this.#wake()
    return this.verdict(topic, data)
  }

  onStream(kind: StreamKind, peer: string, stream: Duplex): void {
    this.streams.push({ kind, peer, stream })
    this.streamHandler?.(kind, stream)
    this.#wake()
  }

  /** Resolves when `condition` holds; asked again after everything that happens to this peer. */
  async until(condition: () => boolean, what: string, deadlineMs = 5_000): Promise<void> {
    if (condition()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => {
      if (condition()) resolve()
    }
    this.#waiting.add(check)
    const timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(check)
    }
  }

  #wake(): void {
    for (const check of this.#waiting) check()
  }
}

export interface TestPeer {
  peer: Peer
  record: Recorder
  options: PeerOptions
}

/** The peers of one test file: made here, stopped by `stopAll` in afterEach. */
export class PeerPark {
  readonly #all: TestPeer[] = []

  /** Starts a peer on a free loopback port, alone: no mDNS, no degree keeping, unless asked. */
  async start(options: Partial<PeerOptions> = {}): Promise<TestPeer> {
    const made = this.make(options)
    await made.peer.start()
    return made
  }

  make(options: Partial<PeerOptions> = {}): TestPeer {
    const full: PeerOptions = {
      seed: randomBytes(32),
      cluster: 'test',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      mdns: false,
      degreeTarget: 0,
      log: SILENT,
      ...options,
    }
    const record = new Recorder()
    const made = { peer: createPeer(full, record), record, options: full }
    this.#all.push(made)
    return made
  }

  /** Two peers with a link, seen as up by both. */
  async pair(a: Partial<PeerOptions> = {}, b: Partial<PeerOptions> = {}): Promise<[TestPeer, TestPeer]> {
    const first = await this.start(a)
    const second = await this.start(b)
    await link(first, second)
    return [first, second]
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#all.splice(0).map(({ peer }) => peer.stop()))
  }
}

/** Connects `a` to `b` and waits until both call each other up. */
export async function link(a: TestPeer, b: TestPeer): Promise<void> {
  await a.peer.connect(b.peer.addresses()[0] as string)
  await a.record.until(() => a.record.up.has(b.peer.id), 'a sees b up')
  await b.record.until(() => b.record.up.has(a.peer.id), 'b sees a up')
}

/** Polls a figure that no event announces. */
export async function eventually(condition: () => boolean, what: string, deadlineMs = 5_000): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Resolves when a figure has stopped moving: nothing announces that a writer is stuck. */
export async function settled(figure: () => number, quietMs = 200): Promise<void> {
  let last = Number.NaN
  while (figure() !== last) {
    last = figure()
    await new Promise((resolve) => setTimeout(resolve, quietMs))
  }
}

/** The port of a peer's first address. */
export function portOf({ peer }: TestPeer): number {
  return Number(/\/tcp\/(\d+)/.exec(peer.addresses()[0] as string)?.[1])
}

/** A seed whose peer id sorts before the other's (such a peer is the one to open the control stream), or after. */
export function seedFor(side: 'below' | 'above', id: string): Uint8Array {
  for (;;) {
    const seed = randomBytes(32)
    if (peerIdFromSeed(seed) < id === (side === 'below')) return seed
  }
}
