/**
 * Keeps enough links: while fewer than the target stand, known peers are dialled at random, so that a mesh in
 * which everyone joined by one bootstrap peer becomes a mesh, and the lost are re-dialled for ever.
 */
import { jittered, REDIAL_MAX_MS, REDIAL_MIN_MS } from './limits.ts'

/** Dials begun in one round. */
const DIALS_PER_ROUND = 4
/** How often a peer that is short of links looks again, without anything having happened. */
const ROUND_MS = 2_000
/** How soon something that happened is followed up: a burst of news makes one round. */
const POKE_MS = 100

/** What the keeper asks and does. */
export interface DegreeHooks {
  /** Peers with an address, linked or not. */
  known(): string[]
  isLinked(peer: string): boolean
  linkCount(): number
  outboundCount(): number
  /** Dials and waits for the link. */
  dial(peer: string): Promise<unknown>
}

interface Backoff {
  pauseMs: number
  notBeforeMs: number
}

/** Counts links and dials when there are too few. */
export class DegreeKeeper {
  readonly #target: number
  readonly #maxOutbound: number
  readonly #hooks: DegreeHooks
  /** Only peers that failed; emptied of those no longer known in every round. */
  readonly #backoff = new Map<string, Backoff>()
  readonly #dialing = new Set<string>()
  /** Links that are wanted whatever the count. */
  #kept: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #dueMs = Infinity
  #running = false

  constructor(target: number, maxOutbound: number, hooks: DegreeHooks) {
    this.#target = target
    this.#maxOutbound = maxOutbound
    this.#hooks = hooks
  }

  start(): void {
    this.#running = true
    this.poke()
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
    this.#dueMs = Infinity
  }

  /** Keeps links to these, in place of those named before. Bounded by the caller. */
  keep(peers: readonly string[]): void {
    this.#kept = peers
    this.poke()
  }

  /** Something changed: a peer was learnt or lost. */
  poke(): void {
    this.#arm(jittered(POKE_MS))
  }

  /** Where this machine is on the network has changed: who could not be reached may be reached now. */
  retry(): void {
    this.#backoff.clear()
    this.poke()
  }

  #arm(delayMs: number): void {
    if (!this.#running) return
    const dueMs = performance.now() + delayMs
    if (dueMs >= this.#dueMs) return
    clearTimeout(this.#timer)
    this.#dueMs = dueMs
    this.#timer = setTimeout(() => {
      this.#dueMs = Infinity
      this.#round()
    }, delayMs)
  }

  #round(): void {
    const nowMs = performance.now()
    const known = this.#hooks.known()
    const canBeDialled = (peer: string) =>
      !this.#hooks.isLinked(peer) && !this.#dialing.has(peer) && (this.#backoff.get(peer)?.notBeforeMs ?? 0) <= nowMs
    const isKnown = new Set(known)
    const kept = this.#kept.filter((peer) => isKnown.has(peer))
    for (const peer of kept.filter(canBeDialled).slice(0, DIALS_PER_ROUND)) void this.#dial(peer)
    const short = this.#target - this.#hooks.linkCount() - this.#dialing.size
    const room = this.#maxOutbound - this.#hooks.outboundCount() - this.#dialing.size
    const more = Math.max(0, Math.min(short, room, DIALS_PER_ROUND))
    for (const peer of pickSome(known.filter(canBeDialled), more)) void this.#dial(peer)
    this.#forgetUnknown(isKnown)
    const wanted = more > 0 ? known : kept
    if (wanted.some((peer) => !this.#hooks.isLinked(peer))) this.#arm(jittered(ROUND_MS))
  }

  async #dial(peer: string): Promise<void> {
    this.#dialing.add(peer)
    try {
      await this.#hooks.dial(peer)
      this.#backoff.delete(peer)
    } catch {
      // The dialer has counted it; what matters here is only when to try again.
      const pauseMs = Math.min((this.#backoff.get(peer)?.pauseMs ?? REDIAL_MIN_MS / 2) * 2, REDIAL_MAX_MS)
      this.#backoff.set(peer, { pauseMs, notBeforeMs: performance.now() + jittered(pauseMs) })
    } finally {
      this.#dialing.delete(peer)
      this.poke()
    }
  }

  #forgetUnknown(known: ReadonlySet<string>): void {
    for (const peer of this.#backoff.keys()) if (!known.has(peer)) this.#backoff.delete(peer)
  }
}

/** Up to `count` of `items`, at random, in random order. */
export function pickSome<T>(items: readonly T[], count: number): T[] {
  const pool = [...items]
  const picked: T[] = []
  while (picked.length < count && pool.length > 0) {
    const index = Math.floor(Math.random() * pool.length)
    picked.push(pool[index] as T)
    pool[index] = pool.at(-1) as T
    pool.pop()
  }
  return picked
}
