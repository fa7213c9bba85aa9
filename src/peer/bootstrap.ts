/** The addresses a user gave: dialled at start, and again for ever while no link to whoever lives there stands. */
import type { Logger } from '../util/logger.ts'
import { parseTcpAddress } from './addresses.ts'
import { brokenStep } from './errors.ts'
import { jittered, REDIAL_MAX_MS, REDIAL_MIN_MS } from './limits.ts'

/** A new address needs a moment until it can be used: IPv6 checks for its double first. */
const RETRY_MS = 500

/** What dialling for ever needs of the rest. */
export interface BootstrapHooks {
  /** Dials and waits for the link; returns the peer id. Rejects with PeerError. */
  connect(address: string): Promise<string>
  isLinked(peer: string): boolean
}

interface Entry {
  readonly address: string
  /** Known from the address, or from whoever answered there last. */
  peer: string | undefined
  /** Its link is ended on purpose. */
  isLetGo: boolean
  pauseMs: number
  timer: NodeJS.Timeout | undefined
  /** How the last try failed, unless it did not. */
  lastFailure: { readonly code: string; readonly why: string } | undefined
}

export class Bootstrap {
  readonly #entries: Entry[]
  readonly #hooks: BootstrapHooks
  readonly #log: Logger
  /** Addresses that have not had their first try yet. */
  readonly #untried: Set<Entry>
  readonly #firstRound = Promise.withResolvers<void>()
  #running = false

  constructor(addresses: readonly string[], hooks: BootstrapHooks, log: Logger) {
    this.#entries = [...new Set(addresses)].map((address) => ({
      address,
      peer: parseTcpAddress(address)?.peer,
      isLetGo: false,
      pauseMs: REDIAL_MIN_MS,
      timer: undefined,
      lastFailure: undefined,
    }))
    this.#untried = new Set(this.#entries)
    if (this.#untried.size === 0) this.#firstRound.resolve()
    this.#hooks = hooks
    this.#log = log
  }

  /** Resolves when each address has been tried once; never, when stopped before that. */
  get firstRound(): Promise<void> {
    return this.#firstRound.promise
  }

  /** Addresses that nobody was reached at when they were last tried, and why. They are tried again. */
  get missing(): { readonly address: string; readonly why: string }[] {
    const isLinked = ({ peer }: Entry) => peer !== undefined && this.#hooks.isLinked(peer)
    return this.#entries.flatMap((entry) =>
      entry.lastFailure === undefined || isLinked(entry)
        ? []
        : [{ address: entry.address, why: entry.lastFailure.why }],
    )
  }

  start(): void {
    this.#running = true
    for (const entry of this.#entries) this.#schedule(entry, 0)
  }

  stop(): void {
    this.#running = false
    for (const entry of this.#entries) clearTimeout(entry.timer)
  }

  /** To be called when a peer's link is gone. */
  onPeerDown(peer: string): void {
    for (const entry of this.#entries) {
      if (entry.peer !== peer) continue
      if (entry.isLetGo) {
        entry.isLetGo = false
        continue
      }
      entry.pauseMs = REDIAL_MIN_MS
      this.#schedule(entry, jittered(entry.pauseMs))
    }
  }

  /**
   * The link to this peer is about to be ended on purpose: not a loss to make good. There are other links then, and
   * when those are lost, the peer is dialled as one of those that are known.
   */
  letGo(peer: string): void {
    for (const entry of this.#entries) if (entry.peer === peer && this.#hooks.isLinked(peer)) entry.isLetGo = true
  }

  /** Where this machine is on the network has changed: all that are not linked are tried anew. */
  retry(): void {
    for (const entry of this.#entries) {
      if (entry.peer !== undefined && this.#hooks.isLinked(entry.peer)) continue
      entry.pauseMs = REDIAL_MIN_MS
      this.#schedule(entry, jittered(RETRY_MS))
    }
  }

  #schedule(entry: Entry, pauseMs: number): void {
    clearTimeout(entry.timer)
    if (!this.#running) return
    entry.timer = setTimeout(() => void this.#attempt(entry).finally(() => this.#tried(entry)), pauseMs)
  }

  #tried(entry: Entry): void {
    this.#untried.delete(entry)
    if (this.#untried.size === 0) this.#firstRound.resolve()
  }

  async #attempt(entry: Entry): Promise<void> {
    if (entry.peer !== undefined && this.#hooks.isLinked(entry.peer)) return
    try {
      entry.peer = await this.#hooks.connect(entry.address)
      entry.pauseMs = REDIAL_MIN_MS
      entry.lastFailure = undefined
      this.#log.info({ address: entry.address, peer: entry.peer }, 'bootstrap peer joined')
      // The link may have gone between the two lines; its `down` came while this entry did not know the peer.
      if (!this.#hooks.isLinked(entry.peer)) this.#schedule(entry, jittered(entry.pauseMs))
    } catch (error) {
      if (!this.#running) return
      this.#failed(entry, error)
    }
  }

  #failed(entry: Entry, error: unknown): void {
    const { code, text } = brokenStep(error)
    if (code === 'self') {
      this.#log.info({ address: entry.address }, 'bootstrap address is this very peer: left out')
      return
    }
    // Once for each way of failing: a peer that is away for a week must not fill the log.
    const level = entry.lastFailure?.code === code ? 'debug' : 'warn'
    entry.lastFailure = { code, why: text }
    this.#log[level]({ address: entry.address, code, error: text }, 'bootstrap peer not reached, will try again')
    this.#schedule(entry, jittered(entry.pauseMs))
    entry.pauseMs = Math.min(entry.pauseMs * 2, REDIAL_MAX_MS)
  }
}
