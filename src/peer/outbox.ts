/** Frames for peers, whether their link stands already or must be made first. */
import { MAX_FRAME_BYTES } from '../wire/limits.ts'
import type { ControlLinks } from './control.ts'
import type { Counters } from './counters.ts'
import type { Dialer } from './dialer.ts'
import { brokenStep, PeerError } from './errors.ts'
import { MAX_QUEUE_BYTES } from './limits.ts'
import type { ControlLink } from './link.ts'

/** What may wait for links that do not stand yet, over all peers. */
const MAX_WAITING_BYTES = 8 * MAX_QUEUE_BYTES

interface Waiting {
  frames: { frame: Uint8Array; resolve(): void; reject(error: PeerError): void }[]
  bytes: number
}

export class Outbox {
  readonly #links: ControlLinks
  readonly #dialer: Dialer
  readonly #counters: Counters
  /** A peer is here while its link is being made. */
  readonly #waiting = new Map<string, Waiting>()
  #waitingBytes = 0

  constructor(links: ControlLinks, dialer: Dialer, counters: Counters) {
    this.#links = links
    this.#dialer = dialer
    this.#counters = counters
  }

  /**
   * Resolves once the frame is queued on a standing link; for `when` see there.
   * @throws PeerError `bad-size`, `overloaded`, `unreachable`
   */
  async send(peer: string, frame: Uint8Array, when: 'now' | 'soon' = 'now'): Promise<void> {
    if (frame.byteLength === 0 || frame.byteLength > MAX_FRAME_BYTES) {
      throw new PeerError('bad-size', `a frame has 1 to ${MAX_FRAME_BYTES} bytes, not ${frame.byteLength}`)
    }
    const link = this.#links.get(peer)
    if (link !== undefined) {
      if (!link.enqueue(frame, when)) throw this.#overloaded(peer)
      return
    }
    await this.#wait(peer, frame)
  }

  /** To be called when a link stands: what waited goes out now, in order. */
  flush(peer: string, link: ControlLink): void {
    const waiting = this.#take(peer)
    for (const { frame, resolve, reject } of waiting?.frames ?? []) {
      if (link.enqueue(frame)) resolve()
      else reject(this.#overloaded(peer))
    }
  }

  /** Refuses everything that waits. */
  stop(): void {
    for (const peer of [...this.#waiting.keys()]) this.#refuse(peer, new PeerError('stopped', 'the peer was stopped'))
  }

  #wait(peer: string, frame: Uint8Array): Promise<void> {
    let waiting = this.#waiting.get(peer)
    const bytes = frame.byteLength
    if ((waiting?.bytes ?? 0) + bytes > MAX_QUEUE_BYTES || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return Promise.reject(this.#overloaded(peer))
    }
    if (waiting === undefined) {
      waiting = { frames: [], bytes: 0 }
      this.#waiting.set(peer, waiting)
      void this.#reach(peer)
    }
    waiting.bytes += bytes
    this.#waitingBytes += bytes
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.frames.push({ frame, resolve, reject })
    return promise
  }

  async #reach(peer: string): Promise<void> {
    try {
      await this.#dialer.toPeer(peer)
      const link = await this.#links.linked(peer)
      // As a rule `flush` has been here already.
      this.flush(peer, link)
    } catch (cause) {
      const step = brokenStep(cause)
      const error =
        step.code === 'unreachable'
          ? (cause as PeerError)
          : new PeerError('unreachable', `cannot reach ${peer}: ${step.text}`, {
              cause,
              meta: { peer, step: step.code },
            })
      this.#refuse(peer, error)
    }
  }

  #take(peer: string): Waiting | undefined {
    const waiting = this.#waiting.get(peer)
    if (waiting === undefined) return undefined
    this.#waiting.delete(peer)
    this.#waitingBytes -= waiting.bytes
    return waiting
  }

  #refuse(peer: string, error: PeerError): void {
    for (const { reject } of this.#take(peer)?.frames ?? []) reject(error)
  }

  #overloaded(peer: string): PeerError {
    this.#counters.add('control_overloaded_total')
    return new PeerError('overloaded', `the queue to ${peer} is full (${MAX_QUEUE_BYTES} bytes)`, {
      fix: 'send less, or wait: the peer or the path to it is slower than what is sent',
      meta: { peer },
    })
  }
}
