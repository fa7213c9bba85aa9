/**
 * A link by way of a relay is made direct where it can be. The side that was dialled tries first: that the other could
 * not dial here says nothing of whether here can dial there (DCUtR calls it a unilateral upgrade, and means public
 * addresses alone). A handshake that ends there shows it; only then the relayed link gives way to a direct one.
 */
import type { Connection } from '@libp2p/interface'
import { ADDRESS_DIAL_TIMEOUT_MS, jittered } from '../limits.ts'

/** Identify comes first: it tells the other side's addresses. */
const DIALLED_MS = 1_000
/** Who dialled has just seen that it does not go; doors may be opened. */
const DIALLER_MS = 60_000
const AGAIN_MS = 5 * 60_000
/** Both must be in step to meet, and where one is seen from may come to light late: so many times sooner than that. */
const SOON_MS = 5_000
const SOON_TRIES = 2
const ADDRESSES_TRIED = 4

/** What making links direct needs of the rest. */
export interface StraightenHooks {
  /** Where a peer may be dialled directly. */
  places(peer: string): readonly string[]
  /** See `DialBack.reaches`. Never rejects. */
  reaches(place: string, peer: string, signal: AbortSignal): Promise<boolean>
  /** See `Punch.begin`. Never rejects. */
  punch(relayed: Connection): Promise<boolean>
  /** Ends the relayed link and dials anew. */
  dialAnew(peer: string, relayed: Connection): void
}

interface Relayed {
  readonly connection: Connection
  timer: NodeJS.Timeout | undefined
  /** How often it was tried in vain. */
  tries: number
}

/** Looks after the links that are relayed. */
export class Straighten {
  readonly #hooks: StraightenHooks
  /** One for each relayed link. */
  readonly #relayed = new Map<string, Relayed>()

  constructor(hooks: StraightenHooks) {
    this.#hooks = hooks
  }

  stop(): void {
    for (const peer of this.#relayed.keys()) this.onDown(peer)
  }

  /** A link stands that a relay carries. */
  onUp(peer: string, connection: Connection): void {
    this.onDown(peer)
    this.#relayed.set(peer, { connection, timer: undefined, tries: 0 })
    this.#plan(peer, connection.direction === 'inbound' ? DIALLED_MS : DIALLER_MS)
  }

  onDown(peer: string): void {
    clearTimeout(this.#relayed.get(peer)?.timer)
    this.#relayed.delete(peer)
  }

  /** This machine's place in the network has changed. */
  retry(): void {
    for (const [peer, relayed] of this.#relayed) {
      relayed.tries = 0
      this.#plan(peer, DIALLED_MS)
    }
  }

  #plan(peer: string, delayMs: number): void {
    const relayed = this.#relayed.get(peer)
    if (relayed === undefined) return
    clearTimeout(relayed.timer)
    relayed.timer = setTimeout(() => void this.#try(peer, relayed.connection), jittered(delayMs))
    relayed.timer.unref()
  }

  async #try(peer: string, connection: Connection): Promise<void> {
    for (const place of this.#hooks.places(peer).slice(0, ADDRESSES_TRIED)) {
      const reached = await this.#hooks.reaches(place, peer, AbortSignal.timeout(ADDRESS_DIAL_TIMEOUT_MS))
      if (this.#relayed.get(peer)?.connection !== connection) return
      if (reached) return this.#hooks.dialAnew(peer, connection)
    }
    // Nobody can dial the other: then both at one time, begun by the side that was dialled.
    const begins = connection.direction === 'inbound'
    if (begins && (await this.#hooks.punch(connection))) return
    const relayed = this.#relayed.get(peer)
    if (relayed?.connection !== connection) return
    relayed.tries += 1
    this.#plan(peer, begins && relayed.tries <= SOON_TRIES ? SOON_MS * relayed.tries : AGAIN_MS)
  }
}
