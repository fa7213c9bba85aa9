/**
 * How fast bytes go to and from other nodes, learnt from bundles that are transferred anyway: nothing is sent to find
 * out. It is what one transfer gets, disk and other traffic included, and not what the link could carry.
 */
import { BoundedMap } from '../util/bounded-map.ts'

/** While a connection gets up to speed: these bytes are not counted. */
const WARM_UP_BYTES = 1024 * 1024
/** A transfer with fewer bytes after them, or that is over sooner, says more of buffers than of the link. */
const LEAST_BYTES = 3 * 1024 * 1024
const LEAST_MS = 10
/** What one transfer counts against all before it. */
const WEIGHT = 0.25
/** Links that are remembered; the one used longest ago goes first. */
const MOST_LINKS = 1_024

/** Seen from this node. */
export type Direction = 'receive' | 'send'

/** What is known of one direction of a link. */
export interface LinkSpeed {
  /** Smoothed over transfers. */
  readonly bytesPerSecond: number
  /** When the last transfer ended. */
  readonly atMs: number
}

/** Speeds by peer. */
export class LinkSpeeds {
  readonly #speeds = new BoundedMap<string, LinkSpeed>(2 * MOST_LINKS, 'evict-oldest')
  readonly #nowMs: () => number

  /** @param nowMs the daemon's clock */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  of(peer: string, direction: Direction): LinkSpeed | undefined {
    return this.#speeds.get(`${direction} ${peer}`)
  }

  /** A meter for one transfer. Tell it how many bytes are through by now, and then that they all are. */
  meter(peer: string, direction: Direction): TransferMeter {
    let fromMs: number | undefined
    let fromBytes = 0
    let bytes = 0
    return {
      through: (count) => {
        bytes = count
        if (fromMs !== undefined || count < WARM_UP_BYTES) return
        fromMs = this.#nowMs()
        fromBytes = count
      },
      done: () => {
        if (fromMs === undefined) return
        const [ms, counted] = [this.#nowMs() - fromMs, bytes - fromBytes]
        if (counted >= LEAST_BYTES && ms >= LEAST_MS) this.#learn(peer, direction, (counted * 1_000) / ms)
      },
    }
  }

  #learn(peer: string, direction: Direction, bytesPerSecond: number): void {
    const key = `${direction} ${peer}`
    const known = this.#speeds.get(key)?.bytesPerSecond
    const smoothed = known === undefined ? bytesPerSecond : known + WEIGHT * (bytesPerSecond - known)
    this.#speeds.delete(key)
    this.#speeds.set(key, { bytesPerSecond: smoothed, atMs: this.#nowMs() })
  }
}

/** Times one transfer. One that breaks off is never `done`, and says nothing. */
export interface TransferMeter {
  through(bytes: number): void
  done(): void
}
