/** Requests under way: what they hold open ends when their client goes, their token does, or the server. */
import type { ServerResponse } from 'node:http'
import type { Principal } from '../../model/access.ts'
import { BoundedMap } from '../../util/bounded-map.ts'

/** The longest a timer can wait; a stream older than that is cut, and comes back. */
const LONGEST_MS = 2 ** 31 - 1

const MOST_ENDED = 1_000

interface Session {
  readonly controller: AbortController
  principal?: Principal
  expiry?: NodeJS.Timeout
  isSpared?: boolean
}

export class Sessions {
  readonly #open = new Map<ServerResponse, Session>()
  /** Tokens that were ended lately: a request may have been let in at that very moment. */
  readonly #ended = new BoundedMap<string, true>(MOST_ENDED, 'evict-oldest')
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** A request has come. @returns what fires when it is to end before its time */
  begin(response: ServerResponse): AbortSignal {
    const session: Session = { controller: new AbortController() }
    this.#open.set(response, session)
    response.once('close', () => {
      this.#open.delete(response)
      clearTimeout(session.expiry)
      // Whoever got all of its answer has left nobody waiting.
      if (!response.writableFinished) session.controller.abort()
    })
    return session.controller.signal
  }

  /** It is known who asks: when that ends, so does what they have open. */
  admit(response: ServerResponse, principal: Principal): void {
    const session = this.#open.get(response)
    if (session === undefined) return
    session.principal = principal
    if (principal.tokenId !== undefined && this.#ended.has(principal.tokenId)) return this.#cut(response, session)
    if (principal.expiresAtMs === undefined) return
    const leftMs = Math.min(LONGEST_MS, Math.max(0, principal.expiresAtMs - this.#nowMs()))
    session.expiry = setTimeout(() => this.#cut(response, session), leftMs)
    session.expiry.unref()
  }

  /** Cuts what was opened by a token, but for the answer that says so: that one is spared by `spare`. */
  endToken(tokenId: string): void {
    this.#ended.set(tokenId, true)
    for (const [response, session] of this.#open)
      if (session.principal?.tokenId === tokenId && !session.isSpared) this.#cut(response, session)
  }

  /** The answer to whoever ends tokens, which may be their own, is not cut. */
  spare(response: ServerResponse): void {
    const session = this.#open.get(response)
    if (session !== undefined) session.isSpared = true
  }

  /** Fires the signal of every request under way. */
  abortAll(): void {
    for (const { controller } of this.#open.values()) controller.abort()
  }

  /** Whether one of the requests under way is meant. */
  has(isMeant: (response: ServerResponse) => boolean): boolean {
    return [...this.#open.keys()].some(isMeant)
  }

  /** Cut, not ended: what comes late must not look like the whole. */
  #cut(response: ServerResponse, { controller }: Session): void {
    controller.abort()
    response.destroy()
  }
}
