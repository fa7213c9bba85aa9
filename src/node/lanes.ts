/**
 * Who may transfer now: so many at once, so many of them with one peer, and one of each bundle. The others wait
 * in the order they came, past those that must wait for their own peer or bundle: a peer that is slow, or gone,
 * holds up itself alone.
 */
import { AlthingError } from '../util/errors.ts'

/** More wait than are let wait. */
export class LanesFullError extends AlthingError<'busy'> {}

/** How many at once. */
export interface LaneBounds {
  readonly total: number
  readonly perPeer: number
  /** More than so many that wait are turned away. @default Infinity: for those whose number is bounded elsewhere */
  readonly waiting?: number
}

/**
 * Bundles that are fetched at once: two streams fill a link, and eight buffer some 16 MB between network and disk
 * at most. A batch of a thousand tasks with outputs would else open as many streams in one go.
 */
export const FETCH_BOUNDS: LaneBounds = { total: 8, perPeer: 2 }

/**
 * Bundles that are sent at once: per peer what one asks for at most, inputs and outputs, by `FETCH_BOUNDS`. In all
 * as many as a large batch has executors: one that waits for its input gives up after a minute without a byte, so
 * that a slow stream serves it better than a place in a queue.
 */
export const SERVE_BOUNDS: LaneBounds = { total: 128, perPeer: 4, waiting: 512 }

/** One that transfers, or waits to. */
interface Place {
  readonly peer: string
  readonly sha256: string | undefined
}

interface Waiting extends Place {
  readonly begin: () => void
}

export class Lanes {
  readonly #bounds: LaneBounds
  readonly #busy = new Set<Place>()
  /** First come, first served. */
  readonly #waiting = new Set<Waiting>()

  constructor(bounds: LaneBounds) {
    this.#bounds = bounds
  }

  /**
   * Waits for a turn.
   * @param sha256 the bundle, when no other transfer of it may be under way
   * @returns what ends the turn; call it once the transfer is over, however it went
   * @throws LanesFullError; the signal's reason when that fires first
   */
  async enter(peer: string, sha256: string | undefined, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    const place = { peer, sha256 }
    if (!this.#isFree(place)) await this.#turn(place, signal)
    this.#busy.add(place)
    return () => {
      this.#busy.delete(place)
      this.#next()
    }
  }

  #turn(place: Place, signal: AbortSignal): Promise<void> {
    const { waiting = Infinity } = this.#bounds
    if (this.#waiting.size >= waiting)
      throw new LanesFullError('busy', `${waiting} transfers wait already`, { fix: 'try again later' })
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => () => {
        this.#waiting.delete(entry)
        signal.removeEventListener('abort', onAbort)
        end()
      }
      const entry: Waiting = {
        ...place,
        begin: settle(() => {
          // Taken at once: until the waiting one goes on, others may ask.
          this.#busy.add(place)
          resolve()
        }),
      }
      const onAbort = settle(() => reject(signal.reason as Error))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(entry)
    })
  }

  #next(): void {
    for (const entry of this.#waiting) {
      if (this.#busy.size >= this.#bounds.total) return
      if (this.#isFree(entry)) entry.begin()
    }
  }

  #isFree({ peer, sha256 }: Place): boolean {
    if (this.#busy.size >= this.#bounds.total) return false
    let withPeer = 0
    for (const other of this.#busy) {
      if (other.peer === peer) withPeer++
      if (sha256 !== undefined && other.sha256 === sha256) return false
    }
    return withPeer < this.#bounds.perPeer
  }
}
