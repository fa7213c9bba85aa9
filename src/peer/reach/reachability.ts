/**
 * How this peer is reached from outside, as far as it is known: who can dial it, and from where it seems to come.
 *
 * A neighbour that has dialled this peer has shown that it can. Of those that this peer had to dial a few are asked
 * (`dial-back.ts`). Several, because a peer may be open to its own network and shut to the next.
 */
import type { Connection } from '@libp2p/interface'
import type { Dialable } from '../peer.ts'
import { DIAL_BACK_ASKED, jittered } from '../limits.ts'

/** A link settles before anything is asked over it. */
const FIRST_MS = 1_000
/** Who did not try is asked again, so many times; who failed as well, since it may have been a hiccup. */
const AGAIN_MS = 60_000
const MAX_TRIES = 3
/** A verdict is looked at again, either way: doors are opened and shut. */
const RENEW_MS = 15 * 60_000

/** What finding out needs of the rest. */
export interface ReachabilityHooks {
  /** See `DialBack.ask`; the port is chosen there. Never rejects. */
  ask(connection: Connection): Promise<boolean | undefined>
  /** Whether the other end is on this machine, which shows nothing. */
  isLocal(connection: Connection): boolean
  /** `dialable` is another now. */
  onChanged(dialable: Dialable): void
}

interface Neighbour {
  readonly connection: Connection
  canDial: boolean | undefined
  tries: number
  timer: NodeJS.Timeout | undefined
}

/** Who can dial this peer. */
export class Reachability {
  readonly #hooks: ReachabilityHooks
  /** Directly linked peers, those on this machine left out: bounded by the links. */
  readonly #neighbours = new Map<string, Neighbour>()
  /** By connection: a host is told as soon as one stands, at times before its link does. */
  readonly #seenAs = new WeakMap<Connection, string>()
  #told: Dialable = 'unknown'
  #running = false

  constructor(hooks: ReachabilityHooks) {
    this.#hooks = hooks
  }

  start(): void {
    this.#running = true
  }

  stop(): void {
    this.#running = false
    for (const peer of this.#neighbours.keys()) this.onDown(peer)
  }

  get dialable(): Dialable {
    const verdicts = new Set([...this.#neighbours.values()].flatMap(({ canDial }) => canDial ?? []))
    if (verdicts.size === 2) return 'partly'
    return verdicts.has(true) ? 'yes' : verdicts.has(false) ? 'no' : 'unknown'
  }

  /** The hosts by which neighbours see this peer; several where a NAT is between. */
  get seenAs(): string[] {
    return [...new Set([...this.#neighbours.values()].flatMap(({ connection }) => this.#seenAs.get(connection) ?? []))]
  }

  /** A direct link stands. */
  onUp(peer: string, connection: Connection): void {
    this.onDown(peer)
    if (!this.#running || this.#hooks.isLocal(connection)) return
    const canDial = connection.direction === 'inbound' ? true : undefined
    const neighbour: Neighbour = { connection, canDial, tries: 0, timer: undefined }
    this.#neighbours.set(peer, neighbour)
    if (canDial === true) this.#tell()
    else this.#plan(neighbour, FIRST_MS)
  }

  /** This machine's place in the network has changed: what was found out may be true no more. */
  retry(): void {
    for (const neighbour of this.#neighbours.values()) {
      neighbour.tries = 0
      this.#plan(neighbour, FIRST_MS)
    }
  }

  onDown(peer: string): void {
    clearTimeout(this.#neighbours.get(peer)?.timer)
    this.#neighbours.delete(peer)
  }

  /** By identify: the host that the other end sees this peer come from. It counts while a link stands on it. */
  onSeenAs(connection: Connection, host: string): void {
    this.#seenAs.set(connection, host)
  }

  #plan(neighbour: Neighbour, delayMs: number): void {
    clearTimeout(neighbour.timer)
    neighbour.timer = setTimeout(() => void this.#ask(neighbour), jittered(delayMs))
    neighbour.timer.unref()
  }

  async #ask(neighbour: Neighbour): Promise<void> {
    const known = [...this.#neighbours.values()].filter(({ canDial, tries }) => canDial !== undefined && tries > 0)
    if (known.length >= DIAL_BACK_ASKED && !known.includes(neighbour)) return this.#plan(neighbour, RENEW_MS)
    neighbour.tries += 1
    const answer = await this.#hooks.ask(neighbour.connection)
    if (!this.#running || ![...this.#neighbours.values()].includes(neighbour)) return
    const isNews = answer !== undefined && answer !== neighbour.canDial
    if (answer !== undefined) neighbour.canDial = answer
    const isDoubtful = answer !== true && neighbour.tries < MAX_TRIES
    this.#plan(neighbour, isDoubtful ? AGAIN_MS : RENEW_MS)
    if (isNews) this.#tell()
  }

  #tell(): void {
    const { dialable } = this
    if (dialable === this.#told) return
    this.#told = dialable
    this.#hooks.onChanged(dialable)
  }
}
